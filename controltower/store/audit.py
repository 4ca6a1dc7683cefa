"""The audit: who did what, when and why. Entries are only ever added, and each holds the digest of the one
before it, so that one that was changed or removed shows.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any

from sqlalchemy import Connection, Row, select

from controltower.domain.times import from_us, to_us
from controltower.store.bulk import bulk_of
from controltower.store.dead_letter_tables import audit_entry
from controltower.store.engine import POSTGRESQL

CHAIN = "main"
_LOCK = 0x61756469  # writers of a PostgreSQL database take turns
_BEGINNING = bytes(32)


@dataclass(frozen=True, slots=True)
class Deed:
    """Something that was done."""

    actor: str
    action: str
    subject: str  # what it was done to: dead_letter/<id>, replay/<id>, group/<fingerprint>, redirect/<name>
    reason: str = ""
    detail: Mapping[str, Any] | None = None  # before, after, plan, outcome: whatever JSON can say


@dataclass(frozen=True, slots=True)
class Entry:
    """A deed as it is kept."""

    number: int  # from 1, without gaps
    at: datetime
    actor: str
    action: str
    subject: str
    reason: str
    detail: str  # JSON
    previous: bytes
    digest: bytes


def record(c: Connection, deeds: Sequence[Deed], now: datetime) -> None:
    """Add entries, in this writing transaction: they are there exactly when what they tell of is."""
    if not deeds:
        return
    if c.dialect.name == POSTGRESQL:
        c.exec_driver_sql("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
    last = select(audit_entry.c.number, audit_entry.c.digest).where(audit_entry.c.chain == CHAIN)
    row = c.execute(last.order_by(audit_entry.c.number.desc()).limit(1)).one_or_none()
    number, previous = (0, _BEGINNING) if row is None else (row.number, bytes(row.digest))
    at_us = to_us(now)
    rows = []
    for deed in deeds:
        number += 1
        detail = json.dumps(deed.detail or {}, sort_keys=True, ensure_ascii=False)
        said = (number, at_us, deed.actor, deed.action, deed.subject, deed.reason, detail)
        digest = _digest(said, previous)
        rows.append((CHAIN, *said, previous, digest))
        previous = digest
    bulk_of(c).insert(audit_entry, rows)


def list_entries(
    c: Connection,
    *,
    subject: str = "",
    actor: str = "",
    action: str = "",
    before: int | None = None,
    limit: int = 100,
) -> list[Entry]:
    """A page of entries, newest first; of a subject, an actor or an action alone when these are given."""
    query = select(audit_entry).where(audit_entry.c.chain == CHAIN)
    for name, value in (("subject", subject), ("actor", actor), ("action", action)):
        if value:
            query = query.where(audit_entry.c[name] == value)
    if before is not None:
        query = query.where(audit_entry.c.number < before)
    return [_entry(row) for row in c.execute(query.order_by(audit_entry.c.number.desc()).limit(limit))]


def entries_after(c: Connection, number: int, limit: int = 1000) -> list[Entry]:
    """The entries that follow the one of this number, oldest first."""
    query = select(audit_entry).where(audit_entry.c.chain == CHAIN, audit_entry.c.number > number)
    return [_entry(row) for row in c.execute(query.order_by(audit_entry.c.number).limit(limit))]


def all_entries(c: Connection, batch: int = 1000) -> Iterator[Entry]:
    """Every entry, oldest first, a batch in memory at a time."""
    after = 0
    while entries := entries_after(c, after, batch):
        yield from entries
        after = entries[-1].number


def first_break(c: Connection) -> int | None:
    """The number of the first entry that is not what was written, or that is missing; None when all are
    there. What was cut off at the end does not show here: whoever exports the audit keeps its last digest.
    """
    previous, number = _BEGINNING, 0
    for entry in all_entries(c):
        number += 1
        said = (
            entry.number,
            to_us(entry.at),
            entry.actor,
            entry.action,
            entry.subject,
            entry.reason,
            entry.detail,
        )
        is_right = entry.number == number and entry.previous == previous
        if not is_right or entry.digest != _digest(said, previous):
            return number
        previous = entry.digest
    return None


def _digest(said: tuple[object, ...], previous: bytes) -> bytes:
    content = json.dumps(said, ensure_ascii=False).encode("utf-8", "surrogatepass")
    return blake2b(previous + content, digest_size=32).digest()


def _entry(row: Row[Any]) -> Entry:
    return Entry(
        row.number,
        from_us(row.at_us),
        row.actor,
        row.action,
        row.subject,
        row.reason,
        row.detail,
        bytes(row.previous),
        bytes(row.digest),
    )
