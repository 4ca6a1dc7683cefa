"""Open failures by fingerprint. What it costs follows how many failures are open, not how much is stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from controltower.domain.times import from_us
from controltower.store.journey_rows import COLUMNS, FailureRow, JourneyRow, journey_row
from controltower.store.membership import in_chunks
from controltower.store.tables import journey

MOST_GROUPS = 1000  # the newest that are handed out

# As in the partial index ix_journey_failure_fingerprint; a hidden journey has no failure of its own.
_OPEN = journey.c.failed_us.is_not(None)


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """The open failures of one fingerprint, told by the newest."""

    fingerprint: str
    journeys: int
    oldest_at: datetime
    newest_at: datetime
    example: JourneyRow  # the journey that failed last

    @property
    def failure(self) -> FailureRow:
        """The newest failure."""
        assert self.example.failure is not None, "only failed journeys are grouped"
        return self.example.failure


def list_failure_groups(c: Connection) -> list[FailureGroup]:
    """Every group, newest failure first; at most `MOST_GROUPS`."""
    return _groups(c)


def find_failure_group(c: Connection, fingerprint: str) -> FailureGroup | None:
    """The group of a fingerprint; None when no failure of it is open."""
    groups = _groups(c, fingerprint)
    return groups[0] if groups else None


def _groups(c: Connection, fingerprint: str | None = None) -> list[FailureGroup]:
    mark = journey.c.failure_fingerprint
    newest = func.max(journey.c.failed_us).label("newest_us")
    counted = select(
        mark.label("mark"),
        func.count().label("journeys"),
        func.min(journey.c.failed_us).label("oldest_us"),
        newest,
    ).where(_OPEN)
    if fingerprint is not None:
        counted = counted.where(mark == fingerprint)
    groups = counted.group_by(mark).order_by(newest.desc(), mark).limit(MOST_GROUPS).subquery()
    # One probe at the end of each group in the index, which has them by time.
    other = journey.alias()
    example = (
        select(other.c.id)
        .where(other.c.failure_fingerprint == groups.c.mark, other.c.failed_us == groups.c.newest_us)
        .limit(1)
        .scalar_subquery()
    )
    rows = c.execute(select(groups, example.label("example_id"))).all()
    examples = _journeys(c, [bytes(row.example_id) for row in rows])
    found = [
        FailureGroup(
            fingerprint=row.mark,
            journeys=row.journeys,
            oldest_at=from_us(row.oldest_us),
            newest_at=from_us(row.newest_us),
            example=examples[bytes(row.example_id)],
        )
        for row in rows
    ]
    return sorted(found, key=lambda group: (group.newest_at, group.fingerprint), reverse=True)


def _journeys(c: Connection, ids: Sequence[bytes]) -> dict[bytes, JourneyRow]:
    found: dict[bytes, JourneyRow] = {}
    for chunk in in_chunks(sorted(ids)):
        rows = c.execute(select(*COLUMNS).where(journey.c.id.in_(chunk)))
        found.update((bytes(row.id), journey_row(row)) for row in rows)
    return found
