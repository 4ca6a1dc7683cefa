"""Figures of the home page; all are kept at write time, so that none costs more when more is stored."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, literal_column, select

from controltower.domain.times import from_us
from controltower.store.journey_rows import COLUMNS, JourneyRow, journey_row
from controltower.store.sources import SourceRow, list_sources
from controltower.store.tables import journey, journey_count, minute_count

# Literally as in the partial index ix_journey_waiting: a parameter would hide that the index applies.
_WAITING = journey.c.status == literal_column("'in_flight'")


def counts(c: Connection, measure: str) -> dict[tuple[str, str], int]:
    """Journeys by (process, name); measures: status, stage, waiting, reached, channel, reported_status."""
    table = journey_count.c
    rows = c.execute(select(table.process, table.name, table.journeys).where(table.measure == measure))
    return {(row.process, row.name): row.journeys for row in rows if row.journeys}


def per_minute(c: Connection, since_minute: int, measures: Sequence[str]) -> list[tuple[int, str, int]]:
    """(minute since the epoch, measure, total) in order of time; minutes without any are left out."""
    table = minute_count.c
    query = select(table.minute, table.measure, table.total).where(
        table.minute >= since_minute, table.measure.in_(measures)
    )
    rows = c.execute(query.order_by(table.minute, table.measure))
    return [(row.minute, row.measure, row.total) for row in rows]


def oldest_in_stage(c: Connection) -> dict[tuple[str, str], datetime]:
    """For each (process, stage) in which a journey waits, since when the oldest has; the stage "" is before
    the first.
    """
    since = {}
    for process, stage in sorted(counts(c, "waiting")):
        # One probe at the front of the index for each; GROUP BY would read all that waits.
        query = select(journey.c.stage_since_us).where(
            _WAITING, journey.c.process == process, journey.c.stage == stage, journey.c.hidden.is_(False)
        )
        oldest = c.execute(query.order_by(journey.c.stage_since_us).limit(1)).scalar_one_or_none()
        if oldest is not None:
            since[process, stage] = from_us(oldest)
    return since


def newest_failures(c: Connection, limit: int = 20) -> list[JourneyRow]:
    """The journeys that failed last and are not put right."""
    query = select(*COLUMNS).where(journey.c.failed_us.is_not(None), journey.c.hidden.is_(False))
    return [journey_row(row) for row in c.execute(query.order_by(journey.c.failed_us.desc()).limit(limit))]


def sources(c: Connection) -> list[SourceRow]:
    """Every source, by name, then signal."""
    return list_sources(c)
