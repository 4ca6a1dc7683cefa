"""Secrets that the tower makes for itself and keeps, such as the key that signs sessions."""

from __future__ import annotations

from sqlalchemy import Connection, select

from controltower.store.bulk import bulk_of
from controltower.store.tables import secret

SESSION_KEY = "session_key"


def keep_secret(c: Connection, name: str, candidate: bytes) -> bytes:
    """The secret of that name; `candidate` becomes it when there is none yet.

    Processes that start together agree: the first to commit wins, and all get its value.
    """
    bulk_of(c).insert(secret, [(name, candidate)])
    return bytes(c.execute(select(secret.c.value).where(secret.c.name == name)).scalar_one())
