"""What one commit stores, counts and promises."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from collectors.otlp.traces import UNKNOWN_SERVICE
from controltower.domain.facts import FAILED, Event, Quarantined, QueueSample
from controltower.store import tables
from controltower.store.components import (
    component_of,
    read_identifiers,
    read_links,
    read_state,
    write_identifiers,
    write_links,
    write_state,
)
from controltower.store.engine import Database, reading, writing
from controltower.store.facts import Receipt
from controltower.store.packing import unpack
from controltower.store.prepared import FactBatch, prepare
from tests.builders import NOW, a_segment, an_event, us
from tests.model import PROCESS, Facts, events, some_facts
from tests.store.facts import key, store, write_facts
from tests.stores import clear, half_the_examples

TRACE = bytes([7]) * 16
Stored = dict[str, list[tuple[object, ...]]]


@pytest.fixture
def database(emptied_database: Database) -> Database:
    return emptied_database


def commit(database: Database, *batches: FactBatch) -> list[Receipt]:
    """All batches in one commit."""
    with writing(database) as connection:
        prepared = [prepare(batch) for batch in batches]
        return write_facts(connection, prepared, {PROCESS.name: PROCESS}, us(NOW))


def all_rows(database: Database) -> Stored:
    """Everything that the store holds, by table."""
    with reading(database) as connection:
        return {
            table.name: [
                tuple(row) for row in connection.execute(select(table).order_by(*table.primary_key.columns))
            ]
            for table in tables.metadata.sorted_tables
        }


def minute(database: Database) -> dict[str, int]:
    """What the minute of NOW counted."""
    with reading(database) as connection:
        rows = connection.execute(select(tables.minute_count)).all()
    assert {row.minute for row in rows} <= {us(NOW) // 60_000_000}
    return {row.measure: row.total for row in rows}


def the_source(database: Database, name: str, signal: str = "events") -> dict[str, int]:
    found = tables.source.c.name == name, tables.source.c.signal == signal
    with reading(database) as connection:
        return dict(connection.execute(select(tables.source).where(*found)).mappings().one())


# Receipts


def test_a_receipt_says_which_events_are_new(database: Database):
    first, second = an_event(), an_event()
    commit(database, FactBatch(events=[first]))
    (receipt,) = commit(database, FactBatch(events=[first, second]))
    assert receipt == Receipt(1, 1, (False, True), 0, 0)


def test_an_event_twice_in_one_request_is_new_once(database: Database):
    event = an_event()
    (receipt,) = commit(database, FactBatch(events=[event, an_event(), event]))
    assert receipt == Receipt(2, 1, (True, True, False), 0, 0)


def test_an_event_in_two_requests_of_one_commit_is_new_to_the_first(database: Database):
    shared, own = an_event(), an_event()
    receipts = commit(database, FactBatch(events=[shared]), FactBatch(events=[own, shared]))
    assert receipts == [Receipt(1, 0, (True,), 0, 0), Receipt(1, 1, (True, False), 0, 0)]


def test_a_segment_in_two_requests_of_one_commit_is_stored_for_the_first(database: Database):
    segment = a_segment(TRACE)
    receipts = commit(database, FactBatch(segments=[segment, segment]), FactBatch(segments=[segment]))
    assert [receipt.segments_stored for receipt in receipts] == [1, 0]


def test_a_request_without_facts_gets_an_empty_receipt(database: Database):
    assert commit(database, FactBatch(), FactBatch()) == [Receipt(0, 0, (), 0, 0)] * 2


@half_the_examples
@given(batches=st.lists(st.lists(events(), max_size=4), max_size=4), before=st.lists(events(), max_size=3))
def test_receipts_of_a_commit_are_those_of_one_commit_for_each_request(
    module_database: Database, batches: list[list[Event]], before: list[Event]
):
    clear(module_database)
    commit(module_database, FactBatch(events=before))
    together = commit(module_database, *[FactBatch(events=batch) for batch in batches])
    known = {event.digest for event in before}
    for batch, receipt in zip(batches, together, strict=True):
        new = []
        for event in batch:
            new.append(event.digest not in known)
            known.add(event.digest)
        assert receipt == Receipt(sum(new), len(new) - sum(new), tuple(new), 0, 0)


# Repeats


@half_the_examples
@given(facts=some_facts)
def test_facts_that_are_sent_again_change_nothing(module_database: Database, facts: Facts):
    clear(module_database)
    everything = (
        [fact for fact in facts if isinstance(fact, Event)],
        [fact for fact in facts if not isinstance(fact, Event)],
    )
    batch = FactBatch(events=everything[0], segments=everything[1])
    commit(module_database, batch)
    before = all_rows(module_database)
    (receipt,) = commit(module_database, batch)
    assert receipt.events_stored == receipt.segments_stored == 0
    assert without_duplicates(all_rows(module_database)) == without_duplicates(before)


def without_duplicates(rows: Stored) -> Stored:
    """All but the figure that counts repeats."""
    kept = [row for row in rows["minute_count"] if row[1] != "duplicates"]
    return {**rows, "minute_count": kept}


def test_a_queue_sample_sent_again_is_one_sample(database: Database):
    sample = QueueSample("rabbitmq", "orders", "", us(NOW), "depth", 7.0)
    store(database, sample)
    store(database, sample, sample._replace(measure="consumers"))
    assert len(all_rows(database)["queue_sample"]) == 2


def test_the_same_bytes_refused_for_the_same_reason_are_one_item(database: Database):
    held = Quarantined("events", "bad_json", "not JSON", "application/json", b"{")
    store(database, held, held, held._replace(reason="other"))
    store(database, held)
    assert [(row[1:3], row[6]) for row in all_rows(database)["quarantine"]] in (
        [(("events", "bad_json"), b"{"), (("events", "other"), b"{")],
        [(("events", "other"), b"{"), (("events", "bad_json"), b"{")],
    )


def test_an_item_that_was_settled_is_not_held_again_when_its_bytes_come_again(database: Database):
    held = Quarantined("events", "bad_json", "not JSON", "application/json", b"{")
    store(database, held)
    with writing(database) as connection:
        connection.execute(tables.quarantine.update().values(state="discarded"))
    store(database, held)
    assert [row[7] for row in all_rows(database)["quarantine"]] == ["discarded"]


# What is kept


def test_an_event_is_kept_as_it_came(database: Database):
    event = an_event("order.posted", ("order", "#1"), ("email", "a@b.example"), trace=TRACE)
    event = event._replace(payload=b'{"id": "1"}', content_type="application/cloudevents+json")
    store(database, event)
    (row,) = all_rows(database)["event"]
    kept = dict(zip(tables.event.columns.keys(), row, strict=True))
    assert unpack(kept.pop("payload")) == event.payload  # type: ignore[arg-type]
    assert read_identifiers(kept.pop("identifiers")) == list(event.identifiers)  # type: ignore[arg-type]
    assert kept == {
        "anchor": key("order", "#1"),
        "digest": event.digest,
        "source": "/shop",
        "id": event.id,
        "type": "order.posted",
        "system": "shop",
        "occurred_us": us(NOW),
        "received_us": us(NOW),
        "outcome": "ok",
        "trace_id": TRACE,
        "content_type": "application/cloudevents+json",
    }


def test_labels_lead_to_the_anchor_of_the_facts_that_carry_them(database: Database):
    store(database, an_event("note", ("order", "#1"), ("email", "a@b.example"), ("sku", "4711")))
    labels = {(row[1], row[2], row[3]) for row in all_rows(database)["label"]}
    anchor = key("order", "#1")
    assert labels == {(anchor, "email", "a@b.example"), (anchor, "sku", "4711")}


def test_identifiers_of_spans_lead_to_their_trace(database: Database):
    store(database, a_segment(TRACE, [("order", "#1"), ("shipment", "S1")], [("order", "#1")]))
    links = {tuple(row) for row in all_rows(database)["trace_link"]}
    assert links == {(key("order", "#1"), TRACE), (key("shipment", "S1"), TRACE)}


@half_the_examples
@given(facts=some_facts)
def test_a_component_is_read_as_it_was_written(module_database: Database, facts: Facts):
    clear(module_database)
    commit(module_database, *[FactBatch(events=[f]) for f in facts if isinstance(f, Event)])
    for row in all_rows(module_database)["journey"]:
        packed = bytes(row[-1])  # type: ignore[call-overload]
        state = read_state(packed)
        assert write_state(component_of(state), state.reached) == packed


@given(st.lists(st.lists(st.tuples(st.text(), st.text()))))
def test_identifiers_and_links_are_read_as_they_were_written(links: list[list[tuple[str, str]]]):
    assert read_links(write_links(links)) == links  # type: ignore[arg-type]
    for pairs in links:
        assert read_identifiers(write_identifiers(pairs)) == pairs  # type: ignore[arg-type]
    assert write_links([]) == write_identifiers([]) == b""


# Figures


def test_a_commit_counts_what_was_new(database: Database):
    failed = an_event("order.posted.failed", outcome=FAILED)
    repeated = an_event()
    segment = a_segment(TRACE, [("order", "1")], [])._replace(error_count=1)
    commit(database, FactBatch(events=[failed, repeated, repeated], segments=[segment, segment]))
    assert minute(database) == {
        "events": 2,
        "failures": 1,
        "duplicates": 1,
        "spans": 2,
        "error_spans": 1,
    }


def test_a_source_is_known_by_when_it_was_heard_and_how_often_it_failed(database: Database):
    early, late = NOW - timedelta(hours=2), NOW - timedelta(hours=1)
    store(database, an_event(at=late, outcome=FAILED), an_event(at=early), at=NOW)
    store(database, an_event(at=early), at=NOW + timedelta(minutes=1))
    assert the_source(database, "shop") == {
        "name": "shop",
        "signal": "events",
        "first_received_us": us(NOW),
        "last_received_us": us(NOW + timedelta(minutes=1)),
        "last_occurred_us": us(late),
        "facts": 3,
        "errors": 1,
        "refused_links": 0,
    }


def test_identifiers_that_would_melt_journeys_are_counted_against_their_source(database: Database):
    store(database, an_event("note", ("order", "N/A"), ("payment", "0"), ("order", "#1")))
    assert the_source(database, "shop")["refused_links"] == 2


def test_every_service_of_a_segment_is_a_source(database: Database):
    services = (("shop", 3, 1), (UNKNOWN_SERVICE, 1, 0))
    store(database, a_segment(TRACE)._replace(services=services))
    shop, unknown = the_source(database, "shop", "spans"), the_source(database, UNKNOWN_SERVICE, "spans")
    assert (shop["facts"], shop["errors"], unknown["facts"]) == (3, 1, 1)


def test_what_was_dropped_adds_up(database: Database):
    names: Sequence[tuple[str, str, str]] = [("metrics", "not_about_queues", n) for n in ("cpu", "ram")]
    batch = FactBatch(dropped={names[0]: 2, names[1]: 1})
    commit(database, batch, batch)
    commit(database, batch)
    assert all_rows(database)["dropped_count"] == [(*names[0], 6), (*names[1], 3)]
