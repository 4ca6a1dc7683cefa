"""A journey is a pure function of its set of facts: proved through the real store, on both databases.

The model below says in a few lines what a journey is, by looking at all facts at once; the store, which sees them
in some order and some batching, must always come to the same.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from itertools import chain
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from controltower.domain.components import fact_of, home_of_span, ties_of
from controltower.domain.facts import Event, SpanSegment
from controltower.domain.identifiers import Bond, trace_key
from controltower.domain.journeys import fold
from controltower.store import tables
from controltower.store.engine import Database, transaction, writing
from controltower.store.facts import FactBatch, prepare, write_facts
from tests.builders import NOW, a_segment, an_event, order_to_cash, us

PROCESS = order_to_cash()
TYPES = ["order.captured", "order.accepted", "order.posted", "order.posted.failed", "shipment.shipped", "note"]
Facts = Sequence[Event | SpanSegment]
Shown = dict[bytes, tuple[Any, ...]]

identifiers = st.one_of(
    st.tuples(st.just("order"), st.sampled_from(["#1001", "#1002", "#1003"])),
    st.tuples(st.just("correlation"), st.sampled_from(["c-1", "c-2", "c-3"])),
    st.tuples(st.just("shipment"), st.sampled_from(["S1", "S2"])),
    st.tuples(st.just("tracking"), st.sampled_from(["T1", "T2"])),
)
traces = st.sampled_from([b"", bytes([1]) * 16, bytes([2]) * 16])


@st.composite
def events(draw: st.DrawFn) -> Event:
    return an_event(
        draw(st.sampled_from(TYPES)),
        *draw(st.lists(identifiers, max_size=3, unique=True)),
        id=draw(st.sampled_from(["a", "b", "c", "d", "e", "f"])),
        source=draw(st.sampled_from(["/shop", "/erp", "/wms"])),
        at=NOW + timedelta(minutes=draw(st.integers(0, 5))),
        trace=draw(traces),
    )


@st.composite
def segments(draw: st.DrawFn) -> SpanSegment:
    trace = draw(traces.filter(bool))
    return a_segment(trace, *draw(st.lists(st.lists(identifiers, max_size=2, unique=True), max_size=2)))


some_facts = st.lists(st.one_of(events(), segments()), min_size=1, max_size=10)


@given(facts=some_facts, data=st.data())
def test_journeys_do_not_depend_on_order_repetition_or_batching(
    database: Database, facts: Facts, data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations([*facts, *facts]))
    cuts = data.draw(st.lists(st.integers(1, 5), min_size=1, max_size=8))
    clear(database)
    for batch in in_batches(shuffled, cuts):
        store(database, batch)
    assert shown(database) == expected(facts)
    assert figures(database) == expected_figures(facts)


def in_batches(facts: Facts, sizes: Sequence[int]) -> Iterable[Facts]:
    start, turn = 0, 0
    while start < len(facts):
        size = sizes[turn % len(sizes)]
        yield facts[start : start + size]
        start, turn = start + size, turn + 1


def store(database: Database, facts: Facts) -> None:
    """One commit in which every fact comes with a request of its own."""
    prepared = [
        prepare(FactBatch(events=(f,)) if isinstance(f, Event) else FactBatch(segments=(f,)), us(NOW)) for f in facts
    ]
    with writing(database) as connection:
        write_facts(connection, prepared, {PROCESS.name: PROCESS}, us(NOW))


def clear(database: Database) -> None:
    with transaction(database) as connection:
        for table in tables.metadata.sorted_tables:
            connection.execute(table.delete())


def shown(database: Database) -> Shown:
    """What the store shows: each visible journey with what people see of it."""
    columns = [tables.journey.c[name] for name in ("id", *_SEEN)]
    with transaction(database) as connection:
        rows = connection.execute(select(*columns).where(tables.journey.c.hidden.is_(False)))
        return {bytes(row[0]): tuple(row[1:]) for row in rows}


_SEEN = ("status", "stage", "stage_since_us", "started_us", "last_event_us", "systems", "event_count", "failed_us")


def figures(database: Database) -> dict[tuple[str, str], int]:
    counted = select(tables.journey_count).where(tables.journey_count.c.journeys != 0)
    with transaction(database) as connection:
        return {(row.measure, row.name): row.journeys for row in connection.execute(counted)}


# The model


def expected(facts: Facts) -> Shown:
    return {journey_id: _seen(journey) for journey_id, journey in _journeys(facts).items()}


def expected_figures(facts: Facts) -> dict[tuple[str, str], int]:
    counted: dict[tuple[str, str], int] = {}
    for journey in _journeys(facts).values():
        names = [("status", journey.status), ("stage", journey.stage), ("channel", journey.channel)]
        names += [("reported_status", journey.reported_status)]
        names += [("reached", stage) for stage, _ in journey.reached]
        names += [("waiting", journey.stage)] if journey.status == "in_flight" else []
        for name in names:
            counted[name] = counted.get(name, 0) + 1
    return counted


def _seen(journey: Any) -> tuple[Any, ...]:
    return (
        journey.status,
        journey.stage,
        journey.stage_since_us,
        journey.started_us,
        journey.last_event_us,
        "|" + "|".join(journey.systems) + "|",
        journey.event_count,
        journey.failure.failed_us if journey.failure else None,
    )


def _journeys(facts: Facts) -> dict[bytes, Any]:
    told = {f.digest: f for f in facts if isinstance(f, Event)}.values()
    spans = [(s.trace_id, span) for s in facts if isinstance(s, SpanSegment) for span in s.links]
    ties = {event.digest: ties_of(event) for event in told}
    naming = [(set(t.home), set(t.weaker), e.trace_id) for e in told if (t := ties[e.digest]).home]
    for trace, span in spans:
        home, weaker = home_of_span(span)
        naming.append((set(home), set(weaker), trace))
    groups = _united([home for home, _, _ in naming if home])
    # Which groups show on which: by naming a weaker key, or by sharing a trace with facts that only know it.
    above: dict[frozenset[bytes], set[frozenset[bytes]]] = {group: set() for group in groups}
    by_key = {key: group for group in groups for key in group}
    for home, weaker, trace in naming:
        if home:
            owner = by_key[min(home)]
            for key in weaker:
                above.setdefault(by_key.get(key, frozenset({key})), set()).add(owner)
            waiting = by_key.get(trace_key(trace)) if trace else None
            if waiting and waiting is not owner:
                above[waiting].add(owner)
    facts_of: dict[frozenset[bytes], list[Any]] = {}
    for event in told:
        if ties[event.digest].home:
            for group in _tops(by_key[ties[event.digest].anchor], above):
                facts_of.setdefault(group, []).append(fact_of(event))
    return {min(group): fold(PROCESS, found) for group, found in facts_of.items()}


def _tops(group: frozenset[bytes], above: dict[frozenset[bytes], set[frozenset[bytes]]]) -> set[frozenset[bytes]]:
    owners = {owner for owner in above.get(group, ()) if owner}
    if owners:
        return set(chain.from_iterable(_tops(owner, above) for owner in owners))
    return set() if min(group)[0] >= Bond.TRACE else {group}


def _united(sets: Iterable[set[bytes]]) -> list[frozenset[bytes]]:
    groups: list[set[bytes]] = []
    for keys in sets:
        touching = [group for group in groups if group & keys]
        groups = [group for group in groups if not group & keys]
        groups.append(set(keys).union(*touching))
    return [frozenset(group) for group in groups]
