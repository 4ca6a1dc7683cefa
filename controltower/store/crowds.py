"""Journeys of so many events that some identifier on them can hardly be the number of one order."""

from __future__ import annotations

from sqlalchemy import Connection, literal_column, select

from controltower.domain.crowds import MANY_EVENTS
from controltower.store.journey_rows import COLUMNS, JourneyRow, journey_row
from controltower.store.tables import journey

# Literally as in the partial index ix_journey_crowded: a parameter would hide that the index applies.
_CROWDED = journey.c.event_count >= literal_column(str(MANY_EVENTS))


def list_crowded(c: Connection, limit: int = 10) -> list[JourneyRow]:
    """The journeys with at least `MANY_EVENTS` events, and legs that show on others; the largest first."""
    query = select(*COLUMNS).where(_CROWDED).order_by(journey.c.event_count.desc(), journey.c.id.desc())
    return [journey_row(row) for row in c.execute(query.limit(limit))]
