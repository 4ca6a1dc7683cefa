"""An object-centric event log becomes journeys with legs, the same in whatever format it is written."""

import json
import re
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from collectors.files.ocel import records
from collectors.files.ocel.command import read_options, run_import
from collectors.files.ocel.importing import LogOptions, Watcher
from collectors.files.ocel.recognising import find_reader
from collectors.files.ocel.records import BadLog
from collectors.files.progress import Progress
from controltower.domain.errors import BadSetting, StoreUnavailable
from controltower.domain.identifiers import Bond, bond_of
from tests.collectors.files.ocel_logs import (
    NOW,
    VERSION_1,
    VERSION_2,
    Log,
    imported,
    shop_log,
    write_json_2,
)
from tests.fakes import FakeIngest

ORDER, LINE, PARCEL = "shop.order", "shop.item.line", "shop.parcel.package"


def shop(tmp_path, log=None, **options):
    path = tmp_path / "shop.json"
    write_json_2(log or shop_log(), path)
    return imported(path, LogOptions(**{"source": "shop", **options}))


def by_id(ingest):
    return {event.id: event for event in ingest.events}


def named(event, bond=None):
    return {tuple(one) for one in event.identifiers if bond is None or bond_of(one.kind) is bond}


def test_an_event_keeps_its_name_time_and_objects(tmp_path):
    ingest, _ = shop(tmp_path)
    event = by_id(ingest)["e1"]
    assert (event.source, event.type, event.system) == ("ocel/shop", "Place Order", "shop")
    assert event.occurred_us == 1_777_626_000_000_000
    assert named(event, Bond.ORDER) == {(ORDER, "o1")}
    assert named(event, Bond.LEG) == {(LINE, "i1"), (LINE, "i2")}
    assert named(event, Bond.LABEL) == {("shop.customer", "c1")}
    assert json.loads(event.payload)["data"]["objects"][0] == {"id": "c1", "type": "customer"}


def test_what_only_a_relation_ties_to_a_journey_is_told_by_its_first_event(tmp_path):
    ingest, report = shop(tmp_path)
    told = {event.id for event in ingest.events if ("shop.transport_document.shipment", "t1") in named(event)}
    assert told == {"e2", "e6"}  # the first event of o2, to which it is related, and its own
    assert report.untold_links == 0


def test_a_parcel_of_two_orders_is_a_leg_and_names_neither(tmp_path):
    ingest, _ = shop(tmp_path)
    assert named(by_id(ingest)["e4"]) == {(PARCEL, "p1"), (LINE, "i2"), (LINE, "i3")}


def test_an_event_of_two_orders_is_told_for_each_and_melts_neither(tmp_path):
    log = shop_log()
    log.events.append(("e7", "Pay Both", "2026-05-06T09:00:00Z", {"o1": "", "o2": ""}))
    ingest, report = shop(tmp_path, log)
    told = by_id(ingest)
    assert named(told["e7@o1"], Bond.ORDER) == {(ORDER, "o1")}
    assert named(told["e7@o2"], Bond.ORDER) == {(ORDER, "o2")}
    assert (report.events_read, report.events_told) == (7, 8)


@pytest.mark.parametrize("writers", [VERSION_1, VERSION_2], ids=["1.0", "2.0"])
def test_every_format_of_a_log_tells_the_same_events(tmp_path, writers):
    told = {}
    for suffix, write in writers.items():
        path = tmp_path / f"shop.{suffix}"
        write(shop_log(), path)
        ingest, report = imported(path)
        told[suffix] = {event.digest for event in ingest.events}
        assert (report.events_stored, report.events_quarantined) == (6, 0)
    assert [name for name, digests in told.items() if digests != told["json"]] == []


NAMES = st.text("abcXYZ019 '\"\\é-_", min_size=1, max_size=8).map(str.strip).filter(bool)


@st.composite
def logs(draw):
    ids = draw(st.lists(NAMES, min_size=1, max_size=6, unique=True))
    objects = {one: draw(st.sampled_from(["order", "item", "crate"])) for one in ids}
    objects[ids[0]] = "order"
    times = st.integers(0, 10**6).map(lambda n: f"2026-01-{1 + n % 28:02}T{n % 24:02}:{n % 60:02}:00Z")
    some = st.lists(st.sampled_from(ids), unique=True)
    events = [
        (f"e{n}", draw(NAMES), draw(times), dict.fromkeys(draw(some), ""))
        for n in range(draw(st.integers(1, 6)))
    ]
    # An object that no event names is in no CSV file.
    seen = {one for *_, names in events for one in names}
    events.append(("last", "Close", "2026-02-01T00:00:00Z", {one: "" for one in ids if one not in seen}))
    pairs = st.tuples(st.sampled_from(ids), st.sampled_from(ids), st.just("of"))
    return Log(events, objects, draw(st.lists(pairs, unique=True, max_size=4)))


NOON = "2026-05-01T12:00:00Z"
TWO_TYPES_OF_ONE_MOMENT = Log(
    [("e0", "Pay", NOON, {"o": ""}), ("e1", "Close", NOON, {"o": ""}), ("e2", "Pack", NOON, {"i": ""})],
    {"o": "order", "i": "item"},
    [("o", "i", "of")],
)


@given(log=logs())
@example(log=TWO_TYPES_OF_ONE_MOMENT)
def test_any_log_is_read_alike_in_all_formats_of_its_version(log):
    for writers in (VERSION_1, VERSION_2):
        told = []
        for suffix, write in writers.items():
            with TemporaryDirectory() as folder:
                path = Path(folder) / f"any.{suffix}"
                write(log, path)
                ingest, _ = imported(path)
            told.append({event.digest for event in ingest.events})
        assert all(digests == told[0] for digests in told)


def test_importing_again_changes_nothing(tmp_path):
    ingest, first = shop(tmp_path)
    _, again = imported(tmp_path / "shop.json", ingest=ingest)
    assert (first.events_stored, again.events_stored, again.events_duplicate) == (6, 0, 6)


def test_a_long_log_is_committed_a_thousand_events_at_a_time(tmp_path):
    log = Log([(f"e{n}", "Touch", "2026-05-01T09:00:00Z", {"o1": ""}) for n in range(2_500)], {"o1": "order"})
    path = tmp_path / "long.json"
    write_json_2(log, path)
    heard = []
    ingest, _ = imported(path, watcher=Watcher(stored=lambda report: heard.append(report.events_read)))
    assert [len(batch.events) for batch in ingest.batches] == [1000, 1000, 500]
    assert heard == [1000, 2000, 2500]


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (("bad", "Place Order", "yesterday", {}), "bad_time"),
        (("bad", "", "2026-05-01T09:00:00Z", {}), "missing_attribute"),
        (("", "Place Order", "2026-05-01T09:00:00Z", {}), "missing_attribute"),
        (("x" * 2_000, "Place Order", "2026-05-01T09:00:00Z", {}), "too_long"),
    ],
)
def test_an_event_that_cannot_be_kept_is_quarantined_and_the_others_are_stored(tmp_path, event, reason):
    log = shop_log()
    log.events.append(event)
    ingest, report = shop(tmp_path, log)
    (held,) = ingest.quarantined
    assert (held.edge, held.reason, report.events_stored) == ("ocel", reason, 6)
    assert json.loads(held.payload)["source"] == "ocel/shop"


def test_times_without_a_zone_are_of_the_one_that_was_given(tmp_path):
    log = Log([("e1", "Place Order", "2026-07-01 09:00:00", {"o1": ""})], {"o1": "order"})
    ingest, _ = shop(tmp_path, log, zone=ZoneInfo("Europe/Berlin"))
    assert json.loads(ingest.events[0].payload)["time"] == "2026-07-01T07:00:00+00:00"


def test_types_may_be_said_instead_of_guessed(tmp_path):
    options = {"journey_type": "parcel", "legs": {"order": "shipment"}, "labels": ["item"]}
    ingest, report = shop(tmp_path, **options)
    assert named(by_id(ingest)["e4"]) == {
        ("shop.parcel.order", "p1"),
        ("shop.item", "i2"),
        ("shop.item", "i3"),
    }
    assert named(by_id(ingest)["e5"]) == {("shop.order.shipment", "o1")}
    assert dict(report.roles.in_words())["parcel"] == "journeys (as told)"


def test_a_type_that_most_of_its_journeys_share_is_a_label(tmp_path):
    log = Log(
        [(f"e{n}", "Ship", "2026-05-01T09:00:00Z", {f"o{n}": "", f"b{n // 3}": ""}) for n in range(9)],
        {**{f"o{n}": "order" for n in range(9)}, **{f"b{n}": "berth" for n in range(3)}},
    )
    _, report = shop(tmp_path, log)
    assert dict(report.roles.in_words())["berth"] == "labels"


def test_a_label_never_has_a_kind_that_ties(tmp_path):
    log = Log([("e1", "Pay", "2026-05-01T09:00:00Z", {"o1": "", "x": ""})], {"o1": "order", "x": "payment"})
    ingest, _ = shop(tmp_path, log, labels=["payment"])
    assert named(ingest.events[0], Bond.LABEL) == {("shop.payment.label", "x")}


def test_long_names_of_logs_and_types_still_make_kinds(tmp_path):
    kind = "A customer's order, as the old system of 1987 used to call it"
    log = Log([("e1", "Pay", "2026-05-01T09:00:00Z", {"o1": ""})], {"o1": kind})
    ingest, _ = shop(tmp_path, log, source="logs of " * 10, journey_type=kind)
    (identifier,) = ingest.events[0].identifiers
    assert bond_of(identifier.kind) is Bond.ORDER
    assert len(identifier.kind) <= 64


def test_attributes_of_objects_are_told_once_and_their_changes_when_they_happen(tmp_path):
    path = tmp_path / "values.json"
    values = [
        {"name": "price", "time": "1970-01-01T00:00:00Z", "value": "5.10"},
        {"name": "price", "time": "2026-05-02T08:00:00Z", "value": "5.20"},
    ]
    seen = [{"objectId": "o1", "qualifier": "of"}]
    document = {
        "events": [
            {"id": "e1", "type": "Place", "time": "2026-05-01T09:00:00Z", "relationships": seen},
            {"id": "e2", "type": "Price", "time": "2026-05-02T09:00:00Z", "relationships": seen},
        ],
        "objects": [{"id": "o1", "type": "order", "attributes": values}],
    }
    path.write_text(json.dumps(document))
    ingest, _ = imported(path)
    first, second = (json.loads(event.payload)["data"] for event in ingest.events)
    assert first["objects"] == [
        {"id": "o1", "type": "order", "qualifier": "of", "attributes": {"price": "5.10"}}
    ]
    assert second["changes"] == [{"object": "o1", "field": "price", "to": "5.20"}]
    assert "changes" not in first


def test_numbers_keep_their_digits(tmp_path):
    path = tmp_path / "digits.json"
    path.write_text(
        '{"ocel:events": {"e1": {"ocel:activity": "Pay", "ocel:timestamp": "2026-05-01T09:00:00Z",'
        ' "ocel:omap": ["o1"], "ocel:vmap": {"amount": 129.90, "id": 12345678901234567890}}},'
        ' "ocel:objects": {"o1": {"ocel:type": "order", "ocel:ovmap": {}}}}'
    )
    ingest, _ = imported(path)
    values = json.loads(ingest.events[0].payload)["data"]["attributes"]
    assert values == {"amount": "129.90", "id": "12345678901234567890"}


ENTITIES = """<?xml version="1.0"?><!DOCTYPE log [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;">]>
<log><events><event id="e1" type="&b;" time="2026-05-01T09:00:00Z"/></events></log>"""


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ('{"orders": []}', "expected the keys events and objects"),
        ('{"events": [{"id": "e1"', "not JSON"),
        ('{"events": [17], "objects": []}', "events: expected a JSON object"),
        ('{"events": [], "objects": [{"id": "o", "type": "t", "relationships": 3}]}', "expected an array"),
        ('{"events": [], "objects": []}', "the log has no objects"),
        (ENTITIES, "not XML that is taken"),
        ("<orders/>", "expected the element log"),
        ("<log><events><event id='e1'", "not XML that is taken"),
        ("<log><events>" + "<a>" * 40, "deeper than 16"),
        ("id,activity,timestamp,ot:order\ne1,Pay\n", "row 2: expected at least 4 cells"),
        ('id,activity,timestamp,ot:order\ne1,Pay,2026-05-01,o1{"a": \n', "row 2: expected JSON"),
        (
            "ocel:eid,ocel:activity,ocel:timestamp,ocel:type:order\ne1,Pay,2026-05-01,\"['o1' 'o2']\"\n",
            "row 2",
        ),
    ],
)
def test_a_file_that_is_no_log_is_refused_with_what_was_expected(tmp_path, content, complaint):
    path = tmp_path / "broken"
    path.write_text(content)
    with pytest.raises(BadLog, match=re.escape(complaint)):
        imported(path)


def test_a_database_without_the_tables_of_a_log_is_refused(tmp_path, sqlite_url):
    path = tmp_path / "other.sqlite"
    path.write_bytes(b"SQLite format 3\0" + b"\0" * 200)
    with pytest.raises(BadLog, match="not an SQLite file that can be read"):
        imported(path)


def test_a_record_that_would_fill_the_memory_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "huge.json"
    log = shop_log()
    log.events[0][3].update({"o" * 400_000: ""})
    write_json_2(log, path)
    monkeypatch.setattr(records.Tape.__init__, "__defaults__", (256 * 1024,))
    with pytest.raises(BadLog, match="one event or object takes more than"):
        imported(path)


def test_a_log_may_be_longer_than_a_record(tmp_path, monkeypatch):
    path = tmp_path / "long.json"
    count = 5_000
    log = Log([(f"e{n}", "Pay", "2026-05-01T09:00:00Z", {f"o{n}": ""}) for n in range(count)])
    log.objects = {f"o{n}": "order" for n in range(count)}
    write_json_2(log, path)
    assert path.stat().st_size > 256 * 1024
    monkeypatch.setattr(records.Tape.__init__, "__defaults__", (256 * 1024,))
    _, report = imported(path)
    assert report.events_stored == count


@given(data=st.data())
def test_a_damaged_file_is_refused_or_read_and_nothing_else(data):
    suffix, write = data.draw(st.sampled_from([*VERSION_1.items(), *VERSION_2.items()]))
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"damaged.{suffix}"
        write(shop_log(), path)
        content = path.read_bytes()
        start = data.draw(st.integers(0, len(content)))
        end = data.draw(st.integers(start, min(len(content), start + 40)))
        path.write_bytes(content[:start] + data.draw(st.binary(max_size=8)) + content[end:])
        if find_reader(path) is None:
            return
        try:
            imported(path)
        except BadLog as exc:
            assert str(exc)


def test_an_unknown_type_is_refused_with_those_that_there_are(tmp_path):
    with pytest.raises(BadLog, match="no objects of type 'Order'; it has customer, item, order, parcel"):
        shop(tmp_path, journey_type="Order")


def test_what_is_no_log_is_not_taken_for_one(tmp_path):
    path = tmp_path / "orders.csv"
    path.write_text("id,activity,timestamp\n1,a,b\n")
    assert find_reader(path) is None


def test_a_lost_store_ends_the_import(tmp_path):
    path = tmp_path / "shop.json"
    write_json_2(shop_log(), path)
    ingest = FakeIngest()
    ingest.is_unavailable = True
    with pytest.raises(StoreUnavailable):
        imported(path, ingest=ingest)


class Interrupting(FakeIngest):
    """Is told to stop when the second batch comes."""

    def submit(self, batch):
        if self.batches:
            raise KeyboardInterrupt
        return super().submit(batch)


def test_a_stopped_import_says_how_far_it_came_and_goes_on_when_it_is_run_again(tmp_path):
    count = 1_500
    log = Log(
        [(f"e{n}", "Pay", "2026-05-01T09:00:00Z", {f"o{n}": ""}) for n in range(count)], {"o1": "order"}
    )
    log.objects = {f"o{n}": "order" for n in range(count)}
    path = tmp_path / "shop.json"
    write_json_2(log, path)
    stopped = Interrupting()
    said: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        run(path, stopped, said)
    assert said[-1].startswith("Stopped after 0 of 1500 events. The same command goes on")
    resumed, report = imported(path, ingest=rest_of(stopped))
    assert (report.events_stored, report.events_duplicate) == (500, 1000)
    assert len({event.digest for event in resumed.events}) == count


def rest_of(stopped):
    ingest = FakeIngest()
    for batch in stopped.batches:
        ingest.submit(batch)
    return ingest


def run(path, ingest, said):
    reader = find_reader(path)
    assert reader is not None
    progress = Progress(said.append, clock=lambda: 0.0, is_watched=False)
    return run_import(
        path, reader, ingest.submit, NOW, LogOptions(source="shop"), progress=progress, say=said.append
    )


def test_the_command_says_what_is_in_the_log_and_what_its_types_become(tmp_path):
    path = tmp_path / "shop.json"
    write_json_2(shop_log(), path)
    said: list[str] = []
    run(path, FakeIngest(), said)
    assert said == [
        "shop: 6 events of 5 types, 9 objects, 14 event-object links, 1 object-object links",
        "from 2026-05-01T09:00:00+00:00 to 2026-05-05T09:00:00+00:00",
        "  2 order -> journeys (guessed by its name; --journey-type says otherwise)",
        "  4 item -> legs (line)",
        "  1 parcel -> legs (package)",
        "  1 transport document -> legs (shipment)",
        "  1 customer -> labels",
        "6 events: 6 events stored, 0 known already, 0 in quarantine",
    ]


def test_progress_says_percent_and_rate():
    written: list[str] = []
    times = iter([0.0, 0.0, 2.0, 2.1, 3.0])
    progress = Progress(written.append, clock=lambda: next(times), is_watched=True)
    progress.begin()
    for done in (500, 510, 1000):
        progress.show("storing", done, 2000, "events")
    progress.clear()
    assert written[0] == "\rstoring: 25 % (500 of 2,000 events), 250 events/s"
    assert written[1].startswith("\rstoring: 50 % (1,000 of 2,000 events), 333 events/s")
    assert (len(written), written[2].strip()) == (3, "")


@pytest.mark.parametrize("typed", ["item", "item=", "item=order", "item=sku", "=line"])
def test_a_leg_that_is_none_is_refused(typed):
    with pytest.raises(BadSetting, match=re.escape(f"--leg {typed}: expected TYPE=KIND")):
        read_options(source="", zone="UTC", journey_type="", legs=[typed], labels=[])


def test_an_unknown_zone_is_refused():
    with pytest.raises(BadSetting, match="no time zone is named 'Mars'"):
        read_options(source="", zone="Mars", journey_type="", legs=[], labels=[])


def test_options_are_read():
    options = read_options(source="s", zone="Asia/Tokyo", journey_type="a=b", legs=["x=y=line"], labels=["z"])
    assert (options.legs, options.zone) == ({"x=y": "line"}, ZoneInfo("Asia/Tokyo"))
