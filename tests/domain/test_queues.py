"""Growth, drain and freshness of queues: never more than their readings say."""

import math
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from controltower.domain.queues import (
    DRAINING,
    DRAINS,
    EMPTY,
    LONGEST_DRAIN_SECONDS,
    NOT_DRAINING,
    UNKNOWN,
    Growth,
    Point,
    added_up,
    drain_of,
    growth_of,
    is_stale,
    measures_of_waiting,
    partition_of,
    per_second,
)

MINUTE = 60_000_000
DAY = 24 * 60 * MINUTE
amounts = st.floats(0, 1e9)
moments = st.integers(0, DAY)
points = st.lists(st.builds(Point, moments, amounts), max_size=9)
growths = st.none() | st.builds(Growth, st.floats(-1e9, 1e9), st.just(15 * MINUTE))


def steady(start: float, per_minute: float, minutes: int) -> list[Point]:
    """A reading a minute of something that changes steadily."""
    return [Point(n * MINUTE, start + n * per_minute) for n in range(minutes + 1)]


# Growth


@given(start=amounts, per_minute=st.floats(-1e4, 1e4), minutes=st.integers(1, 9))
def test_what_changes_steadily_grows_at_its_pace(start: float, per_minute: float, minutes: int):
    growth = growth_of(steady(start, per_minute, minutes))
    assert growth is not None
    assert math.isclose(growth.per_minute, per_minute, rel_tol=1e-6, abs_tol=1e-3)
    assert growth.over_us == minutes * MINUTE


@given(found=points, data=st.data(), later=st.integers(0, DAY))
def test_order_repeats_and_the_time_of_day_do_not_change_growth(found, data, later):
    growth = growth_of(found)
    shuffled = data.draw(st.permutations(found + found))
    assert growth_of(shuffled) == growth
    moved = growth_of([Point(at + later, value) for at, value in found])
    assert moved == growth


@given(found=points)
def test_growth_lies_between_the_slowest_and_the_fastest_change(found):
    growth = growth_of(found)
    assume(growth and len({point.at_us for point in found}) == len(found))
    assert growth is not None
    steps = [(b.value - a.value) / (b.at_us - a.at_us) * MINUTE for a, b in pairwise(sorted(found))]
    slack = 1e-6 * max(map(abs, steps))
    assert min(steps) - slack <= growth.per_minute <= max(steps) + slack


@given(odd=st.floats(0, 1e9))
def test_one_odd_reading_does_not_turn_growth_round(odd: float):
    found = steady(100, 10, 8)
    found[4] = Point(4 * MINUTE, odd)
    growth = growth_of(found)
    assert growth is not None and growth.per_minute > 0


@pytest.mark.parametrize("found", [[], [Point(0, 5)], [Point(0, 5), Point(MINUTE - 1, 9)], [Point(0, 1)] * 3])
def test_readings_of_less_than_a_minute_tell_no_growth(found: list[Point]):
    assert growth_of(found) is None
    assert per_second(found) is None


# Rates of counters


@given(start=amounts, pace=st.floats(0, 1e4))
def test_a_counter_tells_its_rate(start: float, pace: float):
    found = per_second(steady(start, pace * 60, 5))
    assert found is not None
    assert math.isclose(found, pace, rel_tol=1e-6, abs_tol=1e-4)


@given(found=points)
def test_a_counter_never_counts_backwards(found):
    rate = per_second(found)
    assert rate is None or rate >= 0


def test_a_counter_that_was_set_back_tells_nothing():
    assert per_second([Point(0, 50), Point(MINUTE, 0), Point(2 * MINUTE, 90)]) is None


# Draining


@given(waiting=st.none() | st.floats(-5, 1e12), growth=growths, consumers=st.none() | st.floats(0, 10))
def test_an_estimate_is_given_only_of_what_shrinks_and_is_worked_on(waiting, growth, consumers):
    drain = drain_of(waiting, growth, consumers)
    assert drain.state in DRAINS
    assert (drain.seconds is None) == bool(drain.why) == (drain.state != DRAINING)
    if drain.seconds is not None:
        assert waiting > 0 and growth.per_minute < 0 and consumers != 0
        assert 0 <= drain.seconds <= LONGEST_DRAIN_SECONDS * (1 + 1e-9)


@given(waiting=st.floats(1, 1e6), pace=st.floats(1, 1e6))
def test_the_estimate_is_what_waits_at_this_pace(waiting: float, pace: float):
    drain = drain_of(waiting, Growth(-pace, MINUTE), None)
    assume(drain.state == DRAINING)
    assert math.isclose(drain.seconds or 0, waiting / pace * 60)


@pytest.mark.parametrize(
    ("waiting", "growth", "consumers", "state", "why"),
    [
        (None, Growth(-1, MINUTE), 1, UNKNOWN, "no current reading"),
        (0, None, None, EMPTY, "nothing waits"),
        (5, None, 1, UNKNOWN, "less than a minute"),
        (5, Growth(2, MINUTE), 1, NOT_DRAINING, "it grows"),
        (5, Growth(0, MINUTE), 1, NOT_DRAINING, "does not shrink"),
        (5, Growth(0, MINUTE), 0, NOT_DRAINING, "no consumer"),
        (5, Growth(-1, MINUTE), 0, UNKNOWN, "no consumer now"),
        (5, Growth(-1e-9, MINUTE), 1, NOT_DRAINING, "more than 30 days"),
        (5, Growth(-5e-324, MINUTE), 1, NOT_DRAINING, "more than 30 days"),
    ],
)
def test_every_other_answer_says_why(waiting, growth, consumers, state, why):
    drain = drain_of(waiting, growth, consumers)
    assert drain.state == state and why in drain.why


# Freshness


@given(age=st.integers(-DAY, DAY), every=st.none() | st.integers(1, DAY), more=st.integers(0, DAY))
def test_what_is_stale_stays_stale(age: int, every: int | None, more: int):
    if is_stale(0, every, age):
        assert is_stale(0, every, age + more)


@pytest.mark.parametrize(
    ("every", "fresh_until"),
    [(None, 2), (0.25, 2), (1, 3), (5, 15), (60, 30)],
)
def test_three_readings_may_be_missed_but_not_for_longer_than_half_an_hour(every, fresh_until):
    every_us = None if every is None else int(every * MINUTE)
    assert not is_stale(0, every_us, max(fresh_until, 2) * MINUTE)
    assert is_stale(0, every_us, max(fresh_until, 2) * MINUTE + 1)


# What waits, and partitions


@pytest.mark.parametrize(
    ("known", "of_group", "measures"),
    [
        ({"depth", "ready"}, False, ("depth",)),
        ({"ready", "unacknowledged"}, False, ("ready", "unacknowledged")),
        ({"ready", "consumers"}, False, ("ready",)),
        ({"unacknowledged", "lag"}, False, ()),
        ({"lag", "unacknowledged"}, True, ("lag",)),
        ({"depth"}, True, ()),
    ],
)
def test_how_much_waits_is_said_by_the_best_measures_there_are(known, of_group, measures):
    assert measures_of_waiting(known, of_group=of_group) == measures


@pytest.mark.parametrize(
    ("queue", "topic"),
    [("orders/3", "orders"), ("a/orders/3", "a/orders"), ("orders", ""), ("other/3", ""), ("orders/x", "")],
)
def test_a_partition_is_known_by_its_topic(queue: str, topic: str):
    assert partition_of(queue, {"orders", "a/orders", queue}) == topic


@given(found=points, other=amounts)
def test_series_are_added_up_place_by_place(found: list[Point], other: float):
    total = added_up([found, [Point(point.at_us + 1, other) for point in found]])
    assert total == [Point(point.at_us + 1, point.value + other) for point in found]
