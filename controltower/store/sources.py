"""Who sends facts, when each was last heard of, and what was counted instead of kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from controltower.domain.times import from_us
from controltower.store.tables import dropped_count, source


@dataclass(frozen=True, slots=True)
class SourceRow:
    """A system, service or broker that sends one kind of fact."""

    name: str
    signal: str  # events, spans, queues
    first_received_at: datetime
    last_received_at: datetime
    last_occurred_at: datetime
    facts: int
    errors: int
    refused_links: int


@dataclass(frozen=True, slots=True)
class DroppedRow:
    """Facts that were counted and not kept."""

    signal: str
    reason: str
    name: str
    total: int


def list_sources(c: Connection, signal: str = "") -> list[SourceRow]:
    """Every source of a signal, or of all; by name, then signal."""
    query = select(source).order_by(source.c.name, source.c.signal)
    if signal:
        query = query.where(source.c.signal == signal)
    return [
        SourceRow(
            name=row.name,
            signal=row.signal,
            first_received_at=from_us(row.first_received_us),
            last_received_at=from_us(row.last_received_us),
            last_occurred_at=from_us(row.last_occurred_us),
            facts=row.facts,
            errors=row.errors,
            refused_links=row.refused_links,
        )
        for row in c.execute(query)
    ]


def list_dropped(c: Connection) -> list[DroppedRow]:
    """What was counted instead of kept, by signal, reason and name."""
    table = dropped_count.c
    rows = c.execute(select(dropped_count).order_by(table.signal, table.reason, table.name))
    return [DroppedRow(row.signal, row.reason, row.name, row.total) for row in rows]
