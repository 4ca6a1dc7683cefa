"""What the store shows, in the terms of tests.model."""

from sqlalchemy import select

from controltower.store import tables
from controltower.store.engine import Database, transaction
from tests.model import Figures, Shown

_SEEN = (
    "status",
    "stage",
    "stage_since_us",
    "started_us",
    "last_event_us",
    "systems",
    "event_count",
    "failed_us",
)


def shown(database: Database) -> Shown:
    """Each visible journey with what people see of it."""
    columns = [tables.journey.c[name] for name in ("id", *_SEEN)]
    with transaction(database) as connection:
        rows = connection.execute(select(*columns).where(tables.journey.c.hidden.is_(False)))
        return {bytes(row[0]): tuple(row[1:]) for row in rows}


def figures(database: Database) -> Figures:
    """The counts of the home page that are not zero."""
    counted = select(tables.journey_count).where(tables.journey_count.c.journeys != 0)
    with transaction(database) as connection:
        return {(row.measure, row.name): row.journeys for row in connection.execute(counted)}
