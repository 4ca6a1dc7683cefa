"""API and ingest tokens, known by the digest of their secret."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, or_, select, update

from controltower.domain.times import from_us, to_us
from controltower.store.bulk import bulk_of
from controltower.store.tables import token

USE_IS_NEWS_AFTER = timedelta(minutes=1)  # a busy token must not cost a write for every request


@dataclass(frozen=True, slots=True)
class Token:
    """A token as it may be shown: all but its secret."""

    digest: bytes
    name: str
    role: str
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


def add_token(c: Connection, digest: bytes, name: str, role: str, now: datetime) -> None:
    """Remember a new token."""
    bulk_of(c).insert(token, [(digest, name, role, to_us(now), None, None)])


def find_token(c: Connection, digest: bytes) -> Token | None:
    """The token of a digest, revoked ones included."""
    row = c.execute(select(token).where(token.c.digest == digest)).one_or_none()
    return None if row is None else _token(row)


def list_tokens(c: Connection) -> list[Token]:
    """Every token, newest first."""
    newest_first = select(token).order_by(token.c.created_us.desc(), token.c.digest)
    return [_token(row) for row in c.execute(newest_first)]


def has_open_token(c: Connection, roles: tuple[str, ...]) -> bool:
    """True when a token of one of these roles is not revoked."""
    wanted = select(token.c.digest).where(token.c.role.in_(roles), token.c.revoked_us.is_(None)).limit(1)
    return c.execute(wanted).one_or_none() is not None


def mark_used(c: Connection, digest: bytes, now: datetime) -> bool:
    """Note the use of a token; False when one within the last minute is noted already."""
    stale = to_us(now - USE_IS_NEWS_AFTER)
    unnoted = update(token).where(
        token.c.digest == digest, or_(token.c.last_used_us.is_(None), token.c.last_used_us < stale)
    )
    return c.execute(unnoted.values(last_used_us=to_us(now))).rowcount == 1


def mark_revoked(c: Connection, digest: bytes, now: datetime) -> bool:
    """Refuse the token from now on; False when it is unknown or revoked already."""
    still_open = update(token).where(token.c.digest == digest, token.c.revoked_us.is_(None))
    return c.execute(still_open.values(revoked_us=to_us(now))).rowcount == 1


def _token(row: Row[Any]) -> Token:
    return Token(
        digest=bytes(row.digest),
        name=row.name,
        role=row.role,
        created_at=from_us(row.created_us),
        last_used_at=None if row.last_used_us is None else from_us(row.last_used_us),
        revoked_at=None if row.revoked_us is None else from_us(row.revoked_us),
    )
