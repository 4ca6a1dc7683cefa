"""Queues and topics as brokers and their monitors reported them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, NamedTuple

from sqlalchemy import (
    CTE,
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    FromClause,
    ScalarSelect,
    Select,
    Text,
    and_,
    column,
    func,
    literal,
    literal_column,
    select,
    true,
    values,
)

from controltower.domain.queues import Point
from controltower.domain.times import from_us, to_us
from controltower.store.membership import in_chunks
from controltower.store.tables import queue_sample

_SERIES = tuple(queue_sample.c[name] for name in ("system", "queue", "group", "measure"))
_AT_ONCE = 500  # series in one statement
_MICROSECOND = timedelta(microseconds=1)


class Series(NamedTuple):
    """What is read again and again: one measure of one queue, as one consumer group sees it."""

    system: str
    queue: str
    group: str  # "" when there is none
    measure: str


@dataclass(frozen=True, slots=True)
class Reading:
    """The newest sample of a series."""

    value: float
    sampled_at: datetime
    every: timedelta | None = None  # since the sample before; None when it is the only one


@dataclass(frozen=True, slots=True)
class QueueRow:
    """A queue, as one consumer group sees it, with the newest sample of each measure."""

    system: str
    queue: str
    group: str  # "" when there is none
    sampled_at: datetime  # the newest of its measures
    measures: Mapping[str, Reading]


class Slot(NamedTuple):
    """What was read of a series in one part of a window."""

    starts_at: datetime
    least: float
    mean: float
    most: float


def list_queues(c: Connection, system: str = "") -> list[QueueRow]:
    """Every queue that was ever sampled, of a system or of all; by system, queue and group."""
    series = _every_series(system)
    earlier = queue_sample.alias("earlier")
    newest = select(earlier.c.sampled_us).where(*_same(earlier, series)).correlate(series)
    previous = select(earlier.c.sampled_us).where(
        *_same(earlier, queue_sample), earlier.c.sampled_us < queue_sample.c.sampled_us
    )
    query = (
        select(queue_sample, _last(previous.correlate(queue_sample), earlier).label("previous_us"))
        .join_from(series, queue_sample, and_(*_same(queue_sample, series)))
        .where(queue_sample.c.sampled_us == _last(newest, earlier))
    )
    found: dict[tuple[str, str, str], dict[str, Reading]] = {}
    for row in c.execute(query):
        every = None if row.previous_us is None else (row.sampled_us - row.previous_us) * _MICROSECOND
        measures = found.setdefault((row.system, row.queue, row.group), {})
        measures[row.measure] = Reading(row.value, from_us(row.sampled_us), every)
    return [
        QueueRow(*name, max(reading.sampled_at for reading in measures.values()), measures)
        for name, measures in sorted(found.items())
    ]


def list_series(c: Connection) -> list[Series]:
    """Every series there is."""
    every = _every_series()
    rows = c.execute(select(every).where(every.c.measure.is_not(None)))
    return [Series(row.system, row.queue, row.group, row.measure) for row in rows]


def probe_queues(
    c: Connection, wanted: Collection[Series], *, since_at: datetime, until_at: datetime, slots: int
) -> dict[Series, list[Point | None]]:
    """What was read first in each of so many equal parts of a window; None where nothing was.

    Each is found by the primary key, so that the cost does not follow how often a queue is sampled.
    """
    edges = _edges(to_us(since_at), to_us(until_at), slots)
    found: dict[Series, list[Point | None]] = {one: [None] * slots for one in wanted}
    for chunk in in_chunks(found, _AT_ONCE):
        for row in c.execute(_probes(chunk, edges)):
            if row.sampled_us is not None:
                found[Series(*row[:4])][row.slot] = Point(row.sampled_us, row.value)
    return found


def queue_history(
    c: Connection, series: Series, *, since_at: datetime, until_at: datetime, slots: int
) -> list[Slot]:
    """The samples of a series in [since, until), added up to so many equal parts, and to one more of what is
    left of the window then; parts without any are left out.
    """
    since_us, until_us = to_us(since_at), to_us(until_at)
    width = max((until_us - since_us) // slots, 1)
    table = queue_sample.c
    slot = ((table.sampled_us - since_us) // width).label("slot")
    query = select(
        slot,
        func.min(table.value).label("least"),
        func.avg(table.value).label("mean"),
        func.max(table.value).label("most"),
    ).where(*_is(series), table.sampled_us >= since_us, table.sampled_us < until_us)
    return [
        Slot(from_us(since_us + row.slot * width), row.least, row.mean, row.most)
        for row in c.execute(query.group_by(slot).order_by(slot))
    ]


def _is(series: Series) -> list[ColumnElement[bool]]:
    return [one == value for one, value in zip(_SERIES, series, strict=True)]


def _same(a: FromClause, b: FromClause) -> list[ColumnElement[bool]]:
    return [a.c[one.name] == b.c[one.name] for one in _SERIES]


def _last(samples: Select[Any], table: FromClause) -> ScalarSelect[Any]:
    return samples.order_by(table.c.sampled_us.desc()).limit(1).scalar_subquery()


def _edges(since_us: int, until_us: int, slots: int) -> list[tuple[int, int, int]]:
    """(slot, first, end) of each part."""
    edges = [since_us + (until_us - since_us) * place // slots for place in range(slots + 1)]
    return [(place, *between) for place, between in enumerate(pairwise(edges))]


def _probes(wanted: Sequence[Series], edges: Sequence[tuple[int, int, int]]) -> Select[Any]:
    series = values(*(column(one.name, Text) for one in _SERIES), name="w").data(list(wanted)).cte("wanted")
    names = ("slot", "since_us", "until_us")
    slot = values(*(column(name, BigInteger) for name in names), name="s").data(list(edges)).cte("slots")
    within = [
        *_same(queue_sample, series),
        queue_sample.c.sampled_us >= slot.c.since_us,
        queue_sample.c.sampled_us < slot.c.until_us,
    ]

    def first(what: ColumnElement[Any]) -> ColumnElement[Any]:
        query = select(what).where(*within).order_by(queue_sample.c.sampled_us).limit(1)
        return query.correlate(series, slot).scalar_subquery().label(what.key)

    # Both by a subquery of their own: a planner might answer a join by reading the whole table.
    return select(
        *series.c, slot.c.slot, first(queue_sample.c.sampled_us), first(queue_sample.c.value)
    ).join_from(series, slot, true())


def _every_series(system: str = "") -> CTE:
    """The distinct (system, queue, group, measure), found by leaping through the primary key; the last row of
    each (system, queue, group) has no measure.

    DISTINCT would read every sample ever taken; this reads one row for each series. It leaps a column at a
    time: SQLite answers "the row after this one" by a scan of all that share the first column.
    """
    known = select(literal(system, Text).label("system")).cte("systems") if system else None
    for name, found in zip(("systems", "queues", "groups", "series"), _SERIES, strict=True):
        if known is None or found.name not in known.c:
            known = _leaps(name, known, found)
    assert known is not None
    return known


def _leaps(name: str, outer: CTE | None, found: Column[Any]) -> CTE:
    """Each row of `outer` with every value that the next column has there, the last time with none."""
    first = select(_least(found, outer, None).label(found.name))
    if outer is not None:
        first = first.add_columns(*outer.c).where(list(outer.c)[0].is_not(None))
    leaps = first.cte(name, recursive=True)
    same = [one for one in leaps.c if one.name != found.name]
    following = select(_least(found, leaps, leaps.c[found.name]).label(found.name), *same)
    return leaps.union_all(following.where(leaps.c[found.name].is_not(None)))


def _least(
    wanted: Column[Any], within: CTE | None, after: ColumnElement[str] | None
) -> ScalarSelect[Any]:
    query = select(wanted).order_by(wanted).limit(literal_column("1"))
    for one in within.c if within is not None else ():
        if one.name != wanted.name:
            query = query.where(queue_sample.c[one.name] == one)
    if after is not None:
        query = query.where(wanted > after)
    return (query if within is None else query.correlate(within)).scalar_subquery()
