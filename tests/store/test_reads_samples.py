"""Samples of journeys and traces: bounded, spread over the window, honest about what they leave out."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controltower.domain.facts import Event
from controltower.store import journey_samples, span_samples
from controltower.store.engine import Database, reading
from controltower.store.journey_samples import (
    JourneySample,
    load_facts,
    sample_active,
    sample_started,
    spread_evenly,
)
from controltower.store.membership import load_whole
from controltower.store.span_samples import SpanSample, sample_traces
from tests.builders import NOW, a_segment, an_event
from tests.model import some_facts
from tests.store.facts import explained, key, store
from tests.store.shown import shown
from tests.store.test_reads_plans import reads_whole_table, sorts
from tests.stores import clear, half_the_examples

HOUR = timedelta(hours=1)
NAMES = (*"ABCDE", *(f"N{number}" for number in range(10)), "over", "long", "within", "later")
TOMORROW = NOW + 24 * HOUR


def an_order(name: str, hours: float = 0, *, type: str = "order.captured") -> Event:
    return an_event(type, ("order", name), at=NOW + hours * HOUR)


def titles(sample: JourneySample) -> list[str]:
    names = {key("order", name): name for name in NAMES}
    return [names[one.id] for one in sample.journeys]


def started(
    database: Database, most: int = 100, *, hours: tuple[float, float] = (-100, 100), process: str = ""
):
    since_at, until_at = NOW + hours[0] * HOUR, NOW + hours[1] * HOUR
    with reading(database) as c:
        return sample_started(c, since_at, until_at, most=most, process=process)


def test_a_sample_is_of_the_journeys_that_started_in_the_window(emptied_database: Database) -> None:
    store(emptied_database, *(an_order(name, hour) for hour, name in enumerate("ABCD")))
    sample = started(emptied_database, hours=(1, 3))
    assert titles(sample) == ["C", "B"]
    assert (sample.found, sample.is_whole, sample.looked_back_to) == (2, True, None)


def test_a_sample_is_spread_over_the_window_and_says_of_how_many(emptied_database: Database) -> None:
    store(emptied_database, *(an_order(f"N{hour}", hour) for hour in range(10)))
    sample = started(emptied_database, most=5)
    assert titles(sample) == ["N9", "N7", "N5", "N3", "N1"]
    assert (sample.found, sample.is_whole) == (10, False)


def test_no_more_journeys_are_looked_at_than_may_be(
    emptied_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journey_samples, "LOOKED_THROUGH", 3)
    store(emptied_database, *(an_order(name, hour) for hour, name in enumerate("ABCD")))
    sample = started(emptied_database)
    assert (titles(sample), sample.found) == (["D", "C", "B"], 3)
    assert not sample.is_whole
    assert sample.looked_back_to is not None and NOW < sample.looked_back_to <= NOW + HOUR


def test_journeys_of_the_same_moment_are_bounded_as_well(
    emptied_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journey_samples, "LOOKED_THROUGH", 3)
    store(emptied_database, *(an_order(name) for name in "ABCDE"))
    sample = started(emptied_database)
    assert len(sample.journeys) <= 3
    assert not sample.is_whole


def test_a_sample_of_a_process_has_no_other(emptied_database: Database) -> None:
    store(emptied_database, an_order("A"))
    assert titles(started(emptied_database, process="order-to-cash")) == ["A"]
    assert started(emptied_database, process="returns").found == 0


def test_endless_journeys_are_left_out_and_counted(
    emptied_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journey_samples, "MOST_EVENTS", 2)
    store(emptied_database, *(an_order("A", hour) for hour in range(3)), an_order("B"))
    sample = started(emptied_database)
    assert (titles(sample), sample.too_long, sample.is_whole) == (["B"], 1, False)


def test_active_journeys_began_before_the_end_and_were_heard_of_since_the_beginning(
    emptied_database: Database,
) -> None:
    store(
        emptied_database,
        an_order("over", -5),
        an_order("long", -5),
        an_order("long", 5, type="order.accepted"),
        an_order("within", 0),
        an_order("later", 2),
    )
    with reading(emptied_database) as c:
        sample = sample_active(c, NOW - HOUR, NOW + HOUR, most=100)
    assert titles(sample) == ["within", "long"]


def test_facts_of_legs_and_traces_are_read_with_their_order(emptied_database: Database) -> None:
    trace = bytes([7]) * 16
    store(
        emptied_database,
        an_event("order.captured", ("order", "A"), ("tracking", "1Z"), at=NOW, trace=trace),
        an_event("shipment.shipped", ("tracking", "1Z"), at=NOW + HOUR),
        an_event("note", at=NOW + HOUR, trace=trace),
    )
    (only,) = started(emptied_database).journeys
    assert {fact.type for fact in only.facts} == {"order.captured", "shipment.shipped", "note"}


@half_the_examples
@given(some_facts)
def test_many_journeys_are_read_as_one_would_be(module_database: Database, facts) -> None:
    clear(module_database)
    store(module_database, *facts)
    ids = list(shown(module_database))
    with reading(module_database) as c:
        found = load_facts(c, ids)
        assert {id: set(facts) for id, facts in found.items()} == {
            id: set(load_whole(c, id).facts) for id in ids
        }


@given(st.lists(st.binary(max_size=2), unique=True, max_size=30), st.integers(1, 10))
def test_what_is_spread_evenly_keeps_its_order_and_begins_with_the_first(items: list[bytes], most: int):
    chosen = spread_evenly(items, most)
    assert len(chosen) == min(len(items), most)
    assert chosen[:1] == items[:1]
    assert [item for item in items if item in chosen] == chosen
    gaps = [items.index(b) - items.index(a) for a, b in zip(chosen, chosen[1:], strict=False)]
    assert max(gaps, default=1) - min(gaps, default=1) <= 1


# Traces


def a_trace(number: int) -> bytes:
    return bytes([number]) * 16


def traces(database: Database, most: int = 100, hours: float = 24) -> SpanSample:
    with reading(database) as c:
        return sample_traces(c, NOW - hours * HOUR, NOW, most=most)


def test_every_trace_of_a_quiet_window_is_read(emptied_database: Database) -> None:
    for number in range(1, 4):
        segment = a_segment(a_trace(number), (), ())._replace(part=b"part" + bytes([number]))
        store(emptied_database, segment, at=NOW - number * HOUR)
    sample = traces(emptied_database)
    assert sample.trace_ids == {a_trace(number) for number in range(1, 4)}
    assert sorted(sample.contents) == [b"part\1", b"part\2", b"part\3"]
    assert (sample.is_whole, sample.arrived) == (True, 6)


def test_traces_are_taken_from_all_over_the_window(emptied_database: Database) -> None:
    for hour in range(12):
        for number in range(3):
            store(emptied_database, a_segment(a_trace(hour * 3 + number)), at=NOW - (2 * hour + 1) * HOUR)
    sample = traces(emptied_database, most=12)
    assert {trace_id[0] // 3 for trace_id in sample.trace_ids} == set(range(12))
    assert not sample.is_whole


def test_a_window_ends_where_the_next_begins(emptied_database: Database) -> None:
    store(emptied_database, a_segment(a_trace(1)), at=NOW)
    store(emptied_database, a_segment(a_trace(2)), at=NOW - 24 * HOUR)
    assert traces(emptied_database).trace_ids == {a_trace(2)}


def test_no_more_bytes_are_unpacked_than_may_be(
    emptied_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(span_samples, "MOST_BYTES", 10)
    for number in range(60):
        store(emptied_database, a_segment(a_trace(number))._replace(part=b"12345"), at=NOW - HOUR)
    sample = traces(emptied_database)
    assert len(sample.trace_ids) == 2 * span_samples.PARTS
    assert not sample.is_whole


def test_spans_of_a_very_long_window_are_not_added_up(emptied_database: Database) -> None:
    store(emptied_database, a_segment(a_trace(1)), at=NOW - HOUR)
    assert traces(emptied_database, hours=24 * 31).arrived == 1
    assert traces(emptied_database, hours=24 * 40).arrived is None


# Costs


@pytest.mark.parametrize(
    "read",
    [
        lambda c: sample_started(c, NOW - HOUR, TOMORROW, most=10),
        lambda c: sample_started(c, NOW - HOUR, TOMORROW, most=10, process="order-to-cash"),
        lambda c: sample_active(c, NOW - HOUR, TOMORROW, most=10),
        lambda c: sample_traces(c, NOW - HOUR, TOMORROW, most=10),
        lambda c: load_facts(c, [key("order", "A")]),
    ],
    ids=["started", "started of a process", "active", "traces", "facts"],
)
def test_samples_are_served_by_indexes_in_their_order(emptied_database: Database, read) -> None:
    store(
        emptied_database,
        an_event("order.captured", ("order", "A"), ("tracking", "1Z")),
        an_event("shipment.shipped", ("tracking", "1Z")),
        a_segment(a_trace(1)),
    )
    with explained(emptied_database) as (c, plans):
        read(c)
    assert plans
    for plan in plans:
        for line in plan.splitlines():
            assert not reads_whole_table(line), plan
            assert not sorts(line), plan
