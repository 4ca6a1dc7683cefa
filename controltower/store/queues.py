"""Queues and topics as brokers and their monitors reported them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import CTE, ColumnElement, Connection, and_, literal_column, select, tuple_

from controltower.domain.times import from_us, to_us
from controltower.store.tables import queue_sample

_SERIES = tuple(queue_sample.c[name] for name in ("system", "queue", "group", "measure"))


@dataclass(frozen=True, slots=True)
class Reading:
    """One sample of one measure."""

    value: float
    sampled_at: datetime


@dataclass(frozen=True, slots=True)
class QueueRow:
    """A queue, as one consumer group sees it, with the newest sample of each measure."""

    system: str
    queue: str
    group: str  # "" when there is none
    sampled_at: datetime  # the newest of its measures
    measures: Mapping[str, Reading]


def list_queues(c: Connection) -> list[QueueRow]:
    """Every queue that was ever sampled, by system, queue and group."""
    series = _every_series()
    same = [column == series.c[column.name] for column in _SERIES]
    newest = (
        select(queue_sample.c.sampled_us)
        .where(*same)
        .order_by(queue_sample.c.sampled_us.desc())
        .limit(1)
        .correlate(series)
        .scalar_subquery()
    )
    query = select(queue_sample).join_from(series, queue_sample, and_(*same))
    found: dict[tuple[str, str, str], dict[str, Reading]] = {}
    for row in c.execute(query.where(queue_sample.c.sampled_us == newest)):
        measures = found.setdefault((row.system, row.queue, row.group), {})
        measures[row.measure] = Reading(row.value, from_us(row.sampled_us))
    return [
        QueueRow(*name, max(reading.sampled_at for reading in measures.values()), measures)
        for name, measures in sorted(found.items())
    ]


def queue_history(
    c: Connection, series: tuple[str, str, str, str], *, since_at: datetime, limit: int = 1_000
) -> list[Reading]:
    """The samples of one (system, queue, group, measure) since a moment: the newest `limit`, oldest first."""
    wanted = [column == value for column, value in zip(_SERIES, series, strict=True)]
    query = select(queue_sample.c.sampled_us, queue_sample.c.value).where(
        *wanted, queue_sample.c.sampled_us >= to_us(since_at)
    )
    rows = c.execute(query.order_by(queue_sample.c.sampled_us.desc()).limit(limit)).all()
    return [Reading(row.value, from_us(row.sampled_us)) for row in reversed(rows)]


def _every_series() -> CTE:
    """The distinct (system, queue, group, measure), found by leaping through the primary key.

    DISTINCT would read every sample ever taken; this reads one row for each series.
    """
    first = [_next_series(column, None) for column in _SERIES]
    series = select(*(value.label(c.name) for value, c in zip(first, _SERIES, strict=True))).cte(
        "series", recursive=True
    )
    at = tuple(series.c[column.name] for column in _SERIES)
    following = [_next_series(column, at).label(column.name) for column in _SERIES]
    return series.union_all(select(*following).select_from(series).where(series.c.system.is_not(None)))


def _next_series(
    column: ColumnElement[str], after: tuple[ColumnElement[str], ...] | None
) -> ColumnElement[str]:
    query = select(column).order_by(*_SERIES).limit(literal_column("1"))
    if after is not None:
        query = query.where(tuple_(*_SERIES) > tuple_(*after))
    return query.scalar_subquery()
