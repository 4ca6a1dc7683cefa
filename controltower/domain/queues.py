"""Whether a queue grows, and when it will be empty: from its readings, and no further than they go."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from itertools import combinations, pairwise
from statistics import median
from typing import NamedTuple

EMPTY = "empty"
DRAINING = "draining"
NOT_DRAINING = "not_draining"
UNKNOWN = "unknown"
DRAINS = (EMPTY, DRAINING, NOT_DRAINING, UNKNOWN)

MEASURES = frozenset(
    (
        *("depth", "ready", "unacknowledged", "consumers", "lag", "oldest_age_seconds"),
        *("publish_rate", "deliver_rate", "published_total", "delivered_total"),
    )
)
"""What is read of queues. A series of nothing else, such as the keys of a Redis database, is no queue."""
# The first of these of which every measure is known says how much waits.
_WAITING = (("depth",), ("ready", "unacknowledged"), ("ready",))
_WAITING_FOR_GROUP = (("lag",),)

_SECOND_US = 1_000_000
_MINUTE_US = 60 * _SECOND_US
LEAST_SPAN_US = _MINUTE_US
FRESH_US = 2 * _MINUTE_US
_MISSED = 3  # readings in a row
_LONGEST_INTERVAL_US = 10 * _MINUTE_US
LONGEST_DRAIN_SECONDS = 30 * 24 * 3600.0


class Point(NamedTuple):
    """What was read at a moment."""

    at_us: int
    value: float


class Growth(NamedTuple):
    """How fast something changes, and the time that the readings behind it span."""

    per_minute: float
    over_us: int


class Drain(NamedTuple):
    """When nothing will wait any more; `seconds` only while it is draining, `why` in every other case."""

    state: str
    seconds: float | None = None
    why: str = ""


def is_stale(at_us: int, every_us: int | None, now_us: int) -> bool:
    """Whether a reading is too old to speak of the present: older than two minutes, and than three of the
    intervals at which this is read (of which none counts as longer than ten minutes).
    """
    limit = max(FRESH_US, _MISSED * min(every_us or 0, _LONGEST_INTERVAL_US))
    return now_us - at_us > limit


def measures_of_waiting(known: Container[str], *, of_group: bool) -> tuple[str, ...]:
    """The measures that add up to how much waits; none when what is known does not say it."""
    choices = _WAITING_FOR_GROUP if of_group else _WAITING
    return next((names for names in choices if all(name in known for name in names)), ())


def growth_of(points: Iterable[Point]) -> Growth | None:
    """The median of the slopes between every two readings, which one odd reading does not sway.

    None when the readings span less than a minute.
    """
    found = sorted(set(points))
    if len(found) < 2:
        return None
    over_us = found[-1].at_us - found[0].at_us
    if over_us < LEAST_SPAN_US:
        return None
    slopes = [
        (later.value - earlier.value) / (later.at_us - earlier.at_us)
        for earlier, later in combinations(found, 2)
        if later.at_us > earlier.at_us
    ]
    return Growth(median(slopes) * _MINUTE_US, over_us)


def per_second(points: Iterable[Point]) -> float | None:
    """How fast a counter counts. None when it was set back, which also is what several senders that share a
    name look like, or when there is too little to tell.
    """
    found = sorted(set(points))
    if len(found) < 2 or any(later.value < earlier.value for earlier, later in pairwise(found)):
        return None
    over_us = found[-1].at_us - found[0].at_us
    if over_us < LEAST_SPAN_US:
        return None
    return (found[-1].value - found[0].value) / over_us * _SECOND_US


def drain_of(waiting: float | None, growth: Growth | None, consumers: float | None) -> Drain:
    """When so much will be worked off at this pace; `waiting` is None unless a current reading says it."""
    if waiting is None:
        return Drain(UNKNOWN, why="no current reading says how much waits")
    if waiting <= 0:
        return Drain(EMPTY, why="nothing waits")
    if growth is None:
        return Drain(UNKNOWN, why="the readings span less than a minute")
    if growth.per_minute >= 0:
        return Drain(NOT_DRAINING, why=_why_not(growth, consumers))
    if consumers == 0:
        return Drain(UNKNOWN, why="it shrank, but has no consumer now")
    if waiting * 60 > LONGEST_DRAIN_SECONDS * -growth.per_minute:
        return Drain(NOT_DRAINING, why="at this pace it takes more than 30 days")
    return Drain(DRAINING, waiting / -growth.per_minute * 60)


def _why_not(growth: Growth, consumers: float | None) -> str:
    moves = "it grows" if growth.per_minute > 0 else "it does not shrink"
    return f"{moves}, and has no consumer" if consumers == 0 else moves


def partition_of(queue: str, queues: Container[str]) -> str:
    """The topic of which this is a partition (``orders`` of ``orders/3``), "" when it is none.

    It is one only when the topic is among `queues`.
    """
    topic, slash, number = queue.rpartition("/")
    return topic if slash and number.isdecimal() and topic in queues else ""


def added_up(series: Sequence[Sequence[Point]]) -> list[Point]:
    """Several series as their sum, where each has a reading at the same place; the time is the last one's."""
    return [
        Point(max(point.at_us for point in together), sum(point.value for point in together))
        for together in zip(*series, strict=True)
    ]
