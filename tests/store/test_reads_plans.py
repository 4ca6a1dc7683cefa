"""No read costs more when more is stored: an index serves each statement, and lists come in its order."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection

from controltower.domain.facts import QueueSample
from controltower.domain.fingerprints import fingerprint_of
from controltower.store import figures, quarantine, queues, search, traces
from controltower.store.crowds import list_crowded
from controltower.store.engine import Database
from controltower.store.journeys import (
    JourneyFilter,
    event_payload,
    find_journey,
    journey_events,
    journey_facts,
    journey_identifiers,
    journey_trace_ids,
    list_journeys,
)
from tests.builders import NOW, a_segment, an_event, us
from tests.store.facts import PROCESSES, explained, key, store

ORDER = key("order", "A")
TRACE = bytes([1]) * 16
EARLIER = NOW - timedelta(days=1)
FINGERPRINT = fingerprint_of("erp", "", "")
SERIES = queues.Series("r", "q", "", "depth")
AFTER = (us(NOW) + 1, b"\xff" * 16)
# Small whatever is stored, and read whole.
SMALL = ("source", "journey_count")

READS: dict[str, Callable[[Connection], Any]] = {
    "find": lambda c: find_journey(c, ORDER),
    "find parcel": lambda c: find_journey(c, key("tracking", "1Z")),
    "identifiers": lambda c: journey_identifiers(c, ORDER),
    "events": lambda c: journey_events(c, ORDER),
    "payload": lambda c: event_payload(c, ORDER, bytes(16)),
    "traces": lambda c: journey_trace_ids(c, ORDER),
    "facts": lambda c: journey_facts(c, ORDER, PROCESSES),
    "search": lambda c: search.search(c, "A"),
    "search e-mail": lambda c: search.search(c, "a@b.c"),
    "search span": lambda c: search.search(c, "no such thing"),
    "search trace": lambda c: search.search(c, TRACE.hex()),
    "list": lambda c: list_journeys(c, JourneyFilter(), after=AFTER),
    "list process": lambda c: list_journeys(c, JourneyFilter(process="order-to-cash")),
    "list status": lambda c: list_journeys(c, JourneyFilter(status="in_flight"), after=AFTER),
    "list stage": lambda c: list_journeys(c, JourneyFilter(stage="shipped", status="in_flight")),
    "list channel": lambda c: list_journeys(c, JourneyFilter(channel="web", since_at=EARLIER)),
    "list reported": lambda c: list_journeys(c, JourneyFilter(reported_status="new"), after=AFTER),
    "list since": lambda c: list_journeys(c, JourneyFilter(since_at=EARLIER, until_at=NOW + timedelta(1))),
    "list system": lambda c: list_journeys(c, JourneyFilter(system="shop"), after=AFTER),
    "list failing": lambda c: list_journeys(c, JourneyFilter(fingerprint=FINGERPRINT), after=AFTER),
    "list text": lambda c: list_journeys(c, JourneyFilter(text="A", status="in_flight"), after=AFTER),
    "list crowded": lambda c: list_crowded(c),
    "failures": lambda c: figures.newest_failures(c),
    "oldest": lambda c: figures.oldest_in_stage(c),
    "counts": lambda c: figures.counts(c, "status"),
    "minutes": lambda c: figures.per_minute(c, us(EARLIER) // 60_000_000, ["events"]),
    "segments": lambda c: traces.trace_segments(c, TRACE),
    "list traces": lambda c: traces.list_traces(c, before=(us(NOW) + 1, TRACE)),
    "quarantine": lambda c: quarantine.list_held(c, before=AFTER),
    "queues": lambda c: queues.list_queues(c),
    "queues of a system": lambda c: queues.list_queues(c, "r"),
    "series": lambda c: queues.list_series(c),
    "probe": lambda c: queues.probe_queues(c, [SERIES], since_at=EARLIER, until_at=NOW, slots=4),
    "queue history": lambda c: queues.queue_history(
        c, SERIES, since_at=EARLIER, until_at=NOW, slots=120
    ),
}
# What a statement brings along, or has found itself.
NO_TABLES = {"systems", "queues", "groups", "series", "wanted", "slots", "CONSTANT"}
# Sorted after reading a bounded number of rows that the index could not deliver in order.
SORTED_LATER = {"list traces", "identifiers", "events", "facts", "traces", "list text", "queue history"}


@pytest.fixture
def filled(emptied_database: Database) -> Database:
    """A store with a few facts of each kind."""
    store(emptied_database, *FACTS)
    return emptied_database


FACTS = (
    an_event(
        "order.captured",
        ("order", "A"),
        ("tracking", "1Z"),
        ("email", "a@b.c"),
        channel="web",
        status="new",
    ),
    an_event("shipment.shipped", ("tracking", "1Z"), trace=TRACE),
    an_event("order.posted.failed", ("order", "B"), source="/erp"),
    an_event("note", trace=TRACE),
    a_segment(TRACE, [("order", "A")])._replace(part=b""),
    QueueSample("r", "q", "", us(NOW), "depth", 1.0),
)


@pytest.mark.parametrize("name", READS)
def test_every_read_is_served_by_indexes(filled: Database, name: str) -> None:
    with explained(filled) as (c, plans):
        READS[name](c)
    assert plans
    for plan in plans:
        if any(f"FROM {table}" in plan for table in SMALL):
            continue
        for line in plan.splitlines():
            assert not reads_whole_table(line), plan
            assert name in SORTED_LATER or not sorts(line), plan


def reads_whole_table(line: str) -> bool:
    words = line.split()
    # "SCAN journey USING INDEX" walks a partial index in its order: a list without any filter does.
    named = words[:1] == ["SCAN"] and "USING" not in words and not NO_TABLES & set(words)
    return named or "Seq Scan" in line


def sorts(line: str) -> bool:
    return "USE TEMP B-TREE" in line or "Sort" in line.split()
