"""Process files: what they declare, what they refuse, and what an event type says in them."""

from datetime import timedelta
from importlib.resources import files

import pytest

from controltower.domain.errors import BadProcess
from controltower.domain.processes import Process, Reading, choose_process, parse_duration, parse_process
from tests.builders import order_to_cash

NAMES = ["captured", "accepted", "posted", "released", "shipped", "delivered", "invoiced", "settled"]
HEAD = 'name = "returns"\ntitle = "Returns"\nversion = 1\n'
STAGE = '[[stages]]\nname = "asked"\ntitle = "Asked for"\nowner = "Service"\nevents = ["return.asked"]\n'


def a_process(text: str = HEAD + STAGE) -> Process:
    return parse_process(text, "returns.toml")


def stage(number: int, **rest: bool) -> Reading:
    return Reading(stage=number, **rest)


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
        ("order.cancelled", Reading(cancels=True)),
        ("order.cancelled.failed", Reading()),
        ("order.completed", Reading(completes=True)),
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
    assert len(process._readings) < 10_100
    assert process.read("order.captured") == stage(0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name = ", "returns.toml: not valid TOML"),
        (STAGE, "returns.toml: name: expected a text, found None"),
        (HEAD.replace("1", '"1"') + STAGE, "version: expected a whole number, found '1'"),
        (HEAD.replace("1", "true") + STAGE, "version: expected a whole number, found True"),
        (HEAD, "stages: expected a list, found None"),
        (HEAD + "stages = []\n", "stages: expected at least one stage"),
        (HEAD + STAGE.replace('owner = "Service"\n', ""), "stages[0]: owner: expected a text"),
        (HEAD + STAGE.replace('["return.asked"]', '"return.asked"'), "events: expected a list"),
        (HEAD + STAGE + 'usual = "soon"\n', "stages[0].usual: expected a duration such as"),
        (HEAD + STAGE + '[outcomes]\ncompleted = { stages = ["done"] }\n', "no stage is named 'done'"),
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
    assert parse_duration(text, "here") == duration


@pytest.mark.parametrize("text", ["", "15", "m", "1.5h", "-1h", "1h ", "1w"])
def test_what_is_no_duration(text: str):
    with pytest.raises(BadProcess, match="here: expected a duration"):
        parse_duration(text, "here")


def test_a_journey_follows_the_process_that_most_of_its_events_speak_of():
    orders, returns = order_to_cash(), a_process()
    both = {process.name: process for process in (orders, returns)}
    assert choose_process(both, ["return.asked"]) is returns
    assert choose_process(both, ["return.asked", "order.captured", "order.accepted"]) is orders
    assert choose_process(both, ["note"]) is orders
    assert choose_process(both, []) is orders
    assert choose_process({"returns": returns}, ["order.captured"]) is returns
