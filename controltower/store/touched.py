"""Journeys with dead letters that changed since somebody looked; the projection notes them."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, delete, select, tuple_

from controltower.store.dead_letter_tables import journey_touched
from controltower.store.membership import in_chunks


def next_touched(c: Connection, limit: int) -> list[tuple[bytes, int]]:
    """The journeys that wait longest, and when each was touched last."""
    table = journey_touched.c
    rows = c.execute(select(table.journey_id, table.touched_us).order_by(table.touched_us).limit(limit))
    return [(bytes(row.journey_id), row.touched_us) for row in rows]


def mark_seen(c: Connection, seen: Collection[tuple[bytes, int]]) -> None:
    """Forget them; one that was touched again meanwhile stays."""
    key = tuple_(journey_touched.c.journey_id, journey_touched.c.touched_us)
    for chunk in in_chunks(seen, 200):
        c.execute(delete(journey_touched).where(key.in_(chunk)))
