"""Journeys as the store hands them out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from controltower.domain.times import from_us, to_us
from controltower.store.tables import journey

# Everything but the state, which is long and which lists do not need.
COLUMNS = tuple(column for column in journey.c if column.name != "state")


@dataclass(frozen=True, slots=True)
class FailureRow:
    """The newest open failure of a journey or of a leg."""

    stage: str
    system: str
    code: str
    message: str
    failed_at: datetime
    fingerprint: str = ""  # see domain.fingerprints


@dataclass(frozen=True, slots=True)
class JourneyRow:
    """A journey without its facts."""

    id: bytes
    process: str
    status: str
    stage: str
    stage_since_at: datetime
    started_at: datetime
    last_event_at: datetime
    title: str
    customer: str
    channel: str
    amount: str
    currency: str
    reported_status: str
    failure: FailureRow | None
    systems: tuple[str, ...]
    event_count: int
    updated_at: datetime
    progress: str = ""  # how its legs are, in words
    discrepancies: tuple[str, ...] = ()  # where systems disagree, in words
    hidden: bool = False  # a leg or trace that is shown on the journeys that own it

    @property
    def cursor(self) -> tuple[int, bytes]:
        """Where the page after this row begins."""
        return to_us(self.started_at), self.id


def journey_row(row: Row[Any]) -> JourneyRow:
    """The journey of a result row that has `COLUMNS`."""
    return JourneyRow(
        id=row.id,
        process=row.process,
        status=row.status,
        stage=row.stage,
        stage_since_at=from_us(row.stage_since_us),
        started_at=from_us(row.started_us),
        last_event_at=from_us(row.last_event_us),
        title=row.title,
        customer=row.customer,
        channel=row.channel,
        amount=row.amount,
        currency=row.currency,
        reported_status=row.reported_status,
        failure=_failure(row),
        systems=tuple(row.systems.strip("|").split("|")) if row.systems else (),
        event_count=row.event_count,
        updated_at=from_us(row.updated_us),
        progress=row.progress,
        discrepancies=tuple(row.discrepancies.splitlines()),
        hidden=row.hidden,
    )


def _failure(row: Row[Any]) -> FailureRow | None:
    if row.failed_us is None:
        return None
    return FailureRow(
        stage=row.failure_stage,
        system=row.failure_system,
        code=row.failure_code,
        message=row.failure_message,
        failed_at=from_us(row.failed_us),
        fingerprint=row.failure_fingerprint,
    )


def newest_first(rows: Iterable[JourneyRow]) -> list[JourneyRow]:
    """In the order of every list of journeys."""
    return sorted(rows, key=lambda row: row.cursor, reverse=True)
