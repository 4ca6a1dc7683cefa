"""Several processes that write the same facts at once come to what one writer comes to."""

import os
import random
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier

import pytest
from sqlalchemy import func, select

from controltower.domain.facts import Event, Quarantined, QueueSample, SpanSegment
from controltower.store import tables
from controltower.store.engine import POSTGRESQL, Database, open_database, reading, writing
from controltower.store.prepared import FactBatch, prepare
from tests.builders import NOW, a_segment, an_event, us
from tests.model import PROCESS, TYPES, Facts, expected, expected_figures
from tests.store.facts import write_facts
from tests.store.other_process import Request, ingest_requests
from tests.store.shown import figures, shown
from tests.stores import url_of

ORDERS = 12
HOPS = 4
_SYSTEMS = ("/shop", "/oms", "/erp", "/wms")
Fact = Event | SpanSegment


def some_requests(seed: int) -> list[Request]:
    """Facts of orders whose systems know each other's numbers only pairwise, in requests of a few facts."""
    rng = random.Random(seed)
    facts = [fact for order in range(ORDERS) for fact in _facts_of(order, rng)]
    rng.shuffle(facts)
    requests: list[Request] = []
    while facts:
        size = rng.randint(1, 4)
        requests.append(facts[:size])
        del facts[:size]
    return requests


def _facts_of(order: int, rng: random.Random) -> list[Fact]:
    trace = bytes([1 + order]) * 16
    names = [("order", f"#{order}"), *[("erp_document", f"{order}-{hop}") for hop in range(HOPS)]]
    facts: list[Fact] = [
        # A chain: A-B, B-C, C-D ... and nobody who knows the whole of it.
        an_event(rng.choice(TYPES), left, right, source=rng.choice(_SYSTEMS), at=_some_time(rng))
        for left, right in zip(names, names[1:], strict=False)
    ]
    # A parcel that this order shares with the next, and what happens to the parcel.
    parcel = ("tracking", f"T{order // 2}")
    facts.append(an_event("note", names[-1], parcel, source="/wms", at=_some_time(rng)))
    facts.append(an_event("shipment.shipped", parcel, source="/carrier", at=_some_time(rng)))
    # Events that know nothing but their trace, and spans that lead the trace to the order.
    facts.append(an_event("order.accepted", source="/mesh", trace=trace, at=_some_time(rng)))
    facts.append(a_segment(trace, [names[rng.randrange(HOPS)]], service="shop"))
    facts.append(a_segment(trace, [names[0], parcel], [], service="wms"))
    facts.append(a_segment(trace, service="carrier"))
    return facts


def _some_time(rng: random.Random) -> datetime:
    return NOW + timedelta(minutes=rng.randrange(600))


@pytest.mark.parametrize("seed", [1, 2])
def test_processes_that_write_at_once_agree_with_one_writer(
    database: Database, other_processes: ProcessPoolExecutor, seed: int
):
    requests = some_requests(seed)
    rng = random.Random(seed)
    # Every request reaches two of the three processes, each of which has an order of its own.
    parts: list[list[Request]] = [[], [], []]
    for request in requests:
        for part in rng.sample(parts, 2):
            part.insert(rng.randint(0, len(part)), request)
    stored = list(other_processes.map(ingest_requests, [url_of(database)] * 3, parts))
    facts: Facts = [fact for request in requests for fact in request]
    assert sum(events for events, _ in stored) == sum(isinstance(fact, Event) for fact in facts)
    assert sum(segments for _, segments in stored) == sum(isinstance(fact, SpanSegment) for fact in facts)
    assert shown(database) == expected(facts)
    assert figures(database) == expected_figures(facts)
    assert stale_identifiers(database) == 0


def stale_identifiers(database: Database) -> int:
    """How many identifiers point to a journey that is not there."""
    there = select(tables.journey.c.id).scalar_subquery()
    query = select(func.count()).where(tables.identifier.c.journey_id.not_in(there))
    with reading(database) as connection:
        return connection.execute(query).scalar_one()


def _segments(number: int) -> FactBatch:
    return FactBatch(segments=[a_segment(os.urandom(16)) for _ in range(number)])


def _samples(number: int) -> FactBatch:
    return FactBatch(samples=[QueueSample("kafka", f"q{n}", "", 1, "lag", 1.0) for n in range(number)])


def _quarantined(number: int) -> FactBatch:
    return FactBatch(quarantined=[Quarantined("events", "r", "m", "t", b"%d" % n) for n in range(number)])


@pytest.mark.parametrize("some", [_segments, _samples, _quarantined], ids=["segments", "samples", "held"])
def test_writers_of_the_same_facts_in_opposite_orders_do_not_lock_each_other_out(
    database: Database, some: Callable[[int], FactBatch]
):
    """A client that resends to another collector must not turn the first one's commit into a 503."""
    batch = some(4_000)
    reverse = FactBatch(
        segments=batch.segments[::-1], samples=batch.samples[::-1], quarantined=batch.quarantined[::-1]
    )
    both_ready = Barrier(2)
    other = open_database(url_of(database))

    def write(store: Database, batch: FactBatch) -> None:
        prepared = [prepare(batch)]
        with writing(store) as connection:
            if store.dialect == POSTGRESQL:  # SQLite has let in only one of them
                both_ready.wait(30)
            write_facts(connection, prepared, {PROCESS.name: PROCESS}, us(NOW))

    try:
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(write, [database, other], [batch, reverse]))
    finally:
        other.dispose()
