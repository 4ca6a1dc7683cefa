"""Bytes that could not be understood: listed, looked at, and settled once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, select, tuple_, update

from controltower.domain.errors import NotFound
from controltower.domain.times import from_us, to_us
from controltower.store.tables import quarantine

HELD = "held"
RESUBMITTED = "resubmitted"
DISCARDED = "discarded"
STATES = (HELD, RESUBMITTED, DISCARDED)


@dataclass(frozen=True, slots=True)
class HeldRow:
    """A quarantined item without its bytes."""

    id: bytes
    edge: str
    reason: str
    message: str
    content_type: str
    state: str
    size: int  # of the payload, in bytes
    received_at: datetime
    settled_at: datetime | None
    settled_by: str
    settled_why: str

    @property
    def cursor(self) -> tuple[int, bytes]:
        """Where the page after this row begins."""
        return to_us(self.received_at), self.id


@dataclass(frozen=True, slots=True)
class HeldItem:
    """A quarantined item as it came."""

    row: HeldRow
    headers: str  # a JSON object
    payload: bytes


_COLUMNS = (
    *(column for column in quarantine.c if column.name not in ("payload", "headers")),
    func.length(quarantine.c.payload).label("size"),
)


def list_held(
    c: Connection, state: str = HELD, before: tuple[int, bytes] | None = None, limit: int = 50
) -> list[HeldRow]:
    """A page of the items in one state, newest first; `before` is a row's `cursor`."""
    at = tuple_(quarantine.c.received_us, quarantine.c.id)
    query = select(*_COLUMNS).where(quarantine.c.state == state)
    if before is not None:
        query = query.where(at < tuple_(*before))
    page = query.order_by(quarantine.c.received_us.desc(), quarantine.c.id.desc()).limit(limit)
    return [_row(row) for row in c.execute(page)]


def get_item(c: Connection, item_id: bytes) -> HeldItem:
    """The item; NotFound when there is none."""
    query = select(*_COLUMNS, quarantine.c.headers, quarantine.c.payload).where(quarantine.c.id == item_id)
    row = c.execute(query).one_or_none()
    if row is None:
        raise NotFound(f"nothing is quarantined under {item_id.hex()}")
    return HeldItem(_row(row), row.headers, row.payload)


def mark_resubmitted(c: Connection, item_id: bytes, by: str, now: datetime, why: str = "") -> bool:
    """Move an item from held to resubmitted; False when it is not held any more."""
    return _settle(c, item_id, RESUBMITTED, by, now, why)


def mark_discarded(c: Connection, item_id: bytes, by: str, now: datetime, why: str = "") -> bool:
    """Move an item from held to discarded; its bytes stay. False when it is not held any more."""
    return _settle(c, item_id, DISCARDED, by, now, why)


def _settle(c: Connection, item_id: bytes, state: str, by: str, now: datetime, why: str) -> bool:
    still_held = update(quarantine).where(quarantine.c.id == item_id, quarantine.c.state == HELD)
    settled = still_held.values(state=state, settled_us=to_us(now), settled_by=by, settled_why=why)
    return c.execute(settled).rowcount == 1


def _row(row: Row[*tuple[Any, ...]]) -> HeldRow:
    return HeldRow(
        id=row.id,
        edge=row.edge,
        reason=row.reason,
        message=row.message,
        content_type=row.content_type,
        state=row.state,
        size=row.size,
        received_at=from_us(row.received_us),
        settled_at=None if row.settled_us is None else from_us(row.settled_us),
        settled_by=row.settled_by or "",
        settled_why=row.settled_why or "",
    )
