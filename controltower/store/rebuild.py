"""Folding what is stored anew, a few journeys at a time, beside a tower that goes on taking facts."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, func, select

from controltower.domain.processes import Process
from controltower.store.bulk import bulk_of
from controltower.store.facts import lock_projection
from controltower.store.projection import Projection
from controltower.store.tables import journey

BEGINNING = b""


def count_components(c: Connection) -> int:
    """How many there are to fold: journeys, and the legs and traces that show on them."""
    return c.execute(select(func.count()).select_from(journey)).scalar_one()


def next_components(c: Connection, after: bytes, limit: int) -> list[bytes]:
    """The ids of the next components, in their order; begin with BEGINNING."""
    query = select(journey.c.id).where(journey.c.id > after).order_by(journey.c.id).limit(limit)
    return [bytes(one) for one in c.execute(query).scalars()]


def refold(
    c: Connection, journey_ids: list[bytes], processes: Mapping[str, Process], now_us: int
) -> int:
    """Fold these components by the processes of today, in this writing transaction; returns how many rows
    came out different.
    """
    lock_projection(c)
    projection = Projection(bulk_of(c), processes, now_us)
    projection.refold(journey_ids)
    return projection.save()
