"""What journeys are, said by looking at all facts at once.

The store sees facts in some order and some batching, from some number of writers; it must always come to what
this model says of the set of them.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from itertools import chain

from hypothesis import strategies as st

from controltower.domain.components import fact_of, home_of_span, ties_of
from controltower.domain.facts import Event, SpanSegment
from controltower.domain.identifiers import Bond, trace_key
from controltower.domain.journeys import Fact, Journey, fold
from tests.builders import NOW, a_segment, an_event, order_to_cash

PROCESS = order_to_cash()
TYPES = [
    "order.captured",
    "order.accepted",
    "order.posted",
    "order.posted.failed",
    "shipment.shipped",
    "note",
]
Facts = Sequence[Event | SpanSegment]
Seen = tuple[object, ...]
Shown = dict[bytes, Seen]
Figures = dict[tuple[str, str], int]
Group = frozenset[bytes]

identifiers = st.one_of(
    st.tuples(st.just("order"), st.sampled_from(["#1001", "#1002", "#1003"])),
    st.tuples(st.just("correlation"), st.sampled_from(["c-1", "c-2", "c-3"])),
    st.tuples(st.just("shipment"), st.sampled_from(["S1", "S2"])),
    st.tuples(st.just("tracking"), st.sampled_from(["T1", "T2"])),
)
traces = st.sampled_from([b"", bytes([1]) * 16, bytes([2]) * 16])


@st.composite
def events(draw: st.DrawFn) -> Event:
    """Events that share few identifiers, traces and ids, so that they meet."""
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
    """Trace segments of the same traces, with the same identifiers."""
    trace = draw(traces.filter(bool))
    return a_segment(trace, *draw(st.lists(st.lists(identifiers, max_size=2, unique=True), max_size=2)))


some_facts = st.lists(st.one_of(events(), segments()), min_size=1, max_size=10)


def expected(facts: Facts) -> Shown:
    """Every journey that is shown, with what people see of it."""
    return {journey_id: _seen(journey) for journey_id, journey in _journeys(facts).items()}


def expected_figures(facts: Facts) -> Figures:
    """The counts of the home page."""
    counted: Figures = {}
    for journey in _journeys(facts).values():
        names = [("status", journey.status), ("stage", journey.stage), ("channel", journey.channel)]
        names += [("reported_status", journey.reported_status)]
        names += [("reached", stage) for stage, _ in journey.reached]
        names += [("waiting", journey.stage)] if journey.status == "in_flight" else []
        for name in names:
            counted[name] = counted.get(name, 0) + 1
    return counted


def _seen(journey: Journey) -> Seen:
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


def _journeys(facts: Facts) -> dict[bytes, Journey]:
    told = {f.digest: f for f in facts if isinstance(f, Event)}.values()
    spans = [(s.trace_id, span) for s in facts if isinstance(s, SpanSegment) for span in s.links]
    ties = {event.digest: ties_of(event) for event in told}
    naming = [(set(t.home), set(t.weaker), e.trace_id) for e in told if (t := ties[e.digest]).home]
    for trace, span in spans:
        own, named = home_of_span(span)
        naming.append((set(own), set(named), trace))
    groups = _united([home for home, _, _ in naming if home])
    # Which groups show on which: by naming a weaker key, or by sharing a trace with facts that only know it.
    above: dict[Group, set[Group]] = {group: set() for group in groups}
    by_key = {key: group for group in groups for key in group}
    for home, weaker, trace in naming:
        if home:
            owner = by_key[min(home)]
            for key in weaker:
                above.setdefault(by_key.get(key, frozenset({key})), set()).add(owner)
            waiting = by_key.get(trace_key(trace)) if trace else None
            if waiting and waiting is not owner:
                above[waiting].add(owner)
    facts_of: dict[Group, list[Fact]] = {}
    for event in told:
        if ties[event.digest].home:
            for group in _tops(by_key[ties[event.digest].anchor], above):
                facts_of.setdefault(group, []).append(fact_of(event))
    return {min(group): fold(PROCESS, found) for group, found in facts_of.items()}


def _tops(group: Group, above: dict[Group, set[Group]]) -> set[Group]:
    owners = {owner for owner in above.get(group, ()) if owner}
    if owners:
        return set(chain.from_iterable(_tops(owner, above) for owner in owners))
    return set() if min(group)[0] >= Bond.TRACE else {group}


def _united(sets: Iterable[set[bytes]]) -> list[Group]:
    groups: list[set[bytes]] = []
    for keys in sets:
        touching = [group for group in groups if group & keys]
        groups = [group for group in groups if not group & keys]
        groups.append(set(keys).union(*touching))
    return [frozenset(group) for group in groups]
