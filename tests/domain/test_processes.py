"""Process files: what they declare, what they refuse, and what an event type says in them."""

from datetime import timedelta
from importlib.resources import files

import pytest

from controltower.domain.errors import BadProcess
from controltower.domain.process_files import line_of, parse_duration, parse_process
from controltower.domain.processes import MAX_REMEMBERED, NOTHING, Process, ProcessBook, Reading
from tests.builders import order_to_cash

NAMES = "captured accepted posted released picked shipped delivered invoiced settled".split()
HEAD = 'name = "returns"\ntitle = "Returns"\nversion = 1\n'
LEG = '[[legs]]\nname = "parcel"\ntitle = "Parcel"\nidentified_by = ["parcel"]\n'
STAGE = '[[stages]]\nname = "asked"\ntitle = "Asked for"\nowner = "Service"\nevents = ["return.asked"]\n'


def a_process(text: str = HEAD + STAGE) -> Process:
    return parse_process(text, "returns.toml")


def stage(number: int, *, failed: bool = False) -> Reading:
    return Reading(stage=number, failed=failed)


def test_order_to_cash_has_the_stages_of_an_order():
    process = order_to_cash()
    assert [declared.name for declared in process.stages] == NAMES
    assert process.completed_by == {NAMES.index("delivered"), NAMES.index("settled")}
    assert process.stages[0].usual is None
    assert all(declared.usual for declared in process.stages[1:])
    assert all(declared.owner and declared.title for declared in process.stages)


def test_every_built_in_process_is_valid_and_has_a_name_of_its_own():
    folder = files("controltower") / "processes"
    names = [parse_process(file.read_text(), file.name).name for file in folder.iterdir()]
    assert "order-to-cash" in names
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("event_type", "reading"),
    [
        ("order.captured", stage(0)),
        ("com.acme.order.captured", stage(0)),
        ("Com.Acme.Order.Captured", stage(0)),
        ("order.posted.failed", stage(2, failed=True)),
        ("com.acme.order.posted.rejected", stage(2, failed=True)),
        ("reorder.captured", Reading()),
        ("order.captured.v2", Reading()),
        ("note", Reading()),
        ("", Reading()),
        ("failed", Reading()),
        ("nightly.import.failed", Reading(failed=True)),
        ("order.cancelled", Reading(ends="cancelled")),
        ("order.cancelled.failed", Reading()),
        ("order.completed", Reading(ends="completed")),
        ("order.completed.failed", Reading()),
    ],
)
def test_an_event_type_says_which_stage_it_is_about_and_whether_it_failed(event_type: str, reading: Reading):
    process = order_to_cash()
    assert process.read(event_type) == reading
    assert process.read(event_type) == reading  # now remembered


def test_what_was_read_is_remembered_within_bounds():
    process = order_to_cash()
    for number in range(10_100):
        process.read(f"note.{number}")
    assert len(process._readings) <= MAX_REMEMBERED + 1
    assert process.read("order.captured") == stage(0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name = ", "returns.toml: not valid TOML"),
        (STAGE, "returns.toml: line 1: name: expected a text, found nothing"),
        (HEAD.replace("1", '"1"') + STAGE, "line 3: version: expected a whole number, found '1'"),
        (HEAD.replace("1", "true") + STAGE, "line 3: version: expected a whole number, found True"),
        (HEAD, "stages: expected a list of tables, found nothing"),
        (HEAD + "stages = []\n", "line 4: stages: expected at least one stage"),
        (HEAD + STAGE.replace('owner = "Service"\n', ""), "line 4: stages[0].owner: expected a text"),
        (HEAD + STAGE.replace('["return.asked"]', '"x"'), "line 8: stages[0].events: expected a list"),
        (HEAD + STAGE + 'usual = "soon"\n', "line 9: stages[0].usual: expected a duration such as"),
        (HEAD + STAGE + STAGE, "line 10: stages[1].name: 'asked' is the name of two"),
        (HEAD + STAGE + 'ownr = "x"\n', "line 9: stages[0].ownr: is not a key here; there are"),
        (HEAD + STAGE + 'leg = "parcel"\n', "line 9: stages[0].leg: no leg is named 'parcel'"),
        (HEAD.replace("returns", "My Returns") + STAGE, "line 1: name: expected lower-case letters"),
        (
            HEAD + STAGE + '[outcomes]\ncompleted = { stages = ["done"] }\n',
            "line 10: outcomes.completed.stages: no stage is named 'done'",
        ),
        (
            HEAD + STAGE + '[outcomes]\ncancelled = { stages = ["asked"] }\n',
            "line 10: outcomes.cancelled.stages: only completed may name stages",
        ),
        (
            HEAD + STAGE + '[records]\ntotal = ["erp", "first:"]\n',
            'line 10: records.total: expected an event type after "first:"',
        ),
        (
            HEAD + STAGE + '[tolerances.channels.web]\ntotal = "much"\n',
            "line 10: tolerances.channels.web.total: expected a text such as",
        ),
        (
            HEAD + STAGE + '[tolerances]\nchannels = "web"\n',
            "line 10: tolerances.channels: expected a table, found 'web'",
        ),
        (HEAD + STAGE + LEG.replace('["parcel"]', "[]"), "line 12: legs[0].identified_by: expected at least"),
        (
            HEAD + STAGE + LEG + 'completed = { stages = ["asked"] }\n',
            "line 13: legs[0].completed: no stage of this leg is named 'asked'",
        ),
        (
            HEAD + STAGE + LEG + STAGE.replace("[[stages", "[[legs.stages").replace("Service", ""),
            "line 16: legs[0].stages[0].owner: expected a text",
        ),
    ],
)
def test_a_mistake_names_the_file_the_key_and_what_was_expected(text: str, message: str):
    with pytest.raises(BadProcess) as refused:
        a_process(text)
    assert message in str(refused.value)
    assert "returns.toml" in str(refused.value)


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("90s", timedelta(seconds=90)),
        ("15m", timedelta(minutes=15)),
        ("1h30m", timedelta(minutes=90)),
        ("2d", timedelta(days=2)),
    ],
)
def test_durations(text: str, duration: timedelta):
    assert parse_duration(text) == duration


@pytest.mark.parametrize("text", ["", "15", "m", "1.5h", "-1h", "1h ", "1w", "9" * 30 + "d"])
def test_what_is_no_duration(text: str):
    assert parse_duration(text) is None


def test_a_key_is_found_in_the_table_that_it_belongs_to():
    text = HEAD + STAGE + LEG + STAGE.replace("[[stages", "[[legs.stages") + STAGE
    lines = text.splitlines()
    assert lines[line_of(text, ("stages", 1, "owner")) - 1] == 'owner = "Service"'
    assert line_of(text, ("stages", 0, "owner")) == 7
    assert line_of(text, ("stages", 1, "owner")) == 21
    assert line_of(text, ("legs", 0, "stages", 0, "owner")) == 16
    assert line_of(text, ("version",)) == 3


def test_a_journey_follows_the_process_that_most_of_its_events_speak_of():
    orders, returns = order_to_cash(), a_process()
    both = {process.name: process for process in (orders, returns)}
    assert ProcessBook(both).choose(["return.asked"]) is returns
    assert ProcessBook(both).choose(["return.asked", "order.captured", "order.accepted"]) is orders
    assert ProcessBook(both).choose(["note"]) is orders
    assert ProcessBook(both).choose([]) is both["order-to-cash"]
    assert ProcessBook({"returns": returns}).choose(["order.captured"]) is returns


def test_a_process_that_claims_an_event_or_a_channel_comes_before_one_that_knows_more():
    orders = order_to_cash()
    pickup = a_process(HEAD.replace("returns", "pickup") + 'chosen_by = ["pickup.ready"]\n' + STAGE)
    market = a_process(HEAD.replace("returns", "market") + 'channels = ["Marketplace"]\n' + STAGE)
    known = {process.name: process for process in (orders, pickup, market)}
    types = ["order.captured", "order.accepted"]
    assert ProcessBook(known).choose(types, ["web"]) is orders
    assert ProcessBook(known).choose(types, ["marketplace"]) is market
    assert ProcessBook(known).choose([*types, "com.acme.Pickup.Ready"], ["marketplace"]) is pickup
    assert ProcessBook(known).choose([*types, "pickup.ready.failed"]) is pickup


def test_the_built_in_processes_choose_as_people_would():
    folder = files("controltower") / "processes"
    known = {p.name: p for p in (parse_process(f.read_text(), f.name) for f in folder.iterdir())}
    chosen = {
        "order-to-cash": ["order.captured", "order.accepted", "shipment.shipped"],
        "store-pickup": ["order.captured", "order.accepted", "pickup.ready"],
        "drop-ship": ["order.captured", "supplier.accepted", "shipment.shipped"],
        "return-to-refund": ["return.requested", "return.received"],
        "inventory-publication": ["inventory.changed", "inventory.published"],
        "customer-sync": ["customer.updated", "customer.seen"],
    }
    assert known.keys() == chosen.keys()
    for name, types in chosen.items():
        assert ProcessBook(known).choose(types).name == name
    assert ProcessBook(known).choose(["order.captured"]).name == "order-to-cash"
    assert ProcessBook(known).choose(["order.captured", "return.requested"]).name == "order-to-cash"
    assert ProcessBook(known).choose(["return.requested"]).name == "return-to-refund"
    assert ProcessBook(known).choose(["payment.authorised", "note"]).name == "order-to-cash"
    assert ProcessBook(known).choose([]).name == "order-to-cash"


def test_a_type_that_says_nothing_is_one_and_the_same_reading():
    assert order_to_cash().read("note") is NOTHING


def test_choices_are_remembered_within_bounds():
    book = ProcessBook({p.name: p for p in (order_to_cash(), a_process())})
    for number in range(MAX_REMEMBERED + 100):
        book.choose([f"note.{number}"])
    assert len(book._choices) <= MAX_REMEMBERED + 1
