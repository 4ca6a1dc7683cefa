"""Tokens: how programs prove who they are, to the API and where facts come in."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import blake2b

from controltower.domain.errors import BadPayload, NotFound
from controltower.services.accounts import ADMIN, OPERATOR, ROLES
from controltower.store import tokens as store
from controltower.store.engine import Database, reading, transaction
from controltower.store.tokens import Token

INGEST = "ingest"  # may post facts and read nothing
TOKEN_ROLES = (INGEST, *ROLES)
POSTING_ROLES = (INGEST, OPERATOR, ADMIN)
MAX_NAME_LENGTH = 100
_PREFIX = "ct_"  # lets secret scanners, and people, know one when they see it


def create_token(db: Database, name: str, role: str, now: datetime) -> str:
    """The secret of a new token, which nobody can read again. Raises BadPayload for an unknown role."""
    if role not in TOKEN_ROLES:
        raise BadPayload(f"There is no role {role!r}; a token has one of {', '.join(TOKEN_ROLES)}.")
    known = name.strip()
    if not known or len(known) > MAX_NAME_LENGTH:
        raise BadPayload(f"Name the token in 1 to {MAX_NAME_LENGTH} characters: who will use it, and where.")
    secret = _PREFIX + secrets.token_urlsafe(32)
    with transaction(db) as c:
        store.add_token(c, _digest(secret), known, role, now)
    return secret


def find_caller(db: Database, secret: str, now: datetime) -> Token | None:
    """The token of a secret and a note that it was used; None when it is unknown or revoked."""
    digest = _digest(secret)
    with reading(db) as c:
        token = store.find_token(c, digest)
    if token is None or token.revoked_at is not None:
        return None
    if token.last_used_at is None or token.last_used_at < now - store.USE_IS_NEWS_AFTER:
        with transaction(db) as c:
            store.mark_used(c, digest, now)
    return token


def revoke_token(db: Database, digest: bytes, now: datetime) -> None:
    """Refuse the token from now on; one that is revoked already stays so. Raises NotFound."""
    with transaction(db) as c:
        if not store.mark_revoked(c, digest, now) and store.find_token(c, digest) is None:
            raise NotFound("There is no such token.")


def has_ingest_token(db: Database) -> bool:
    """True when some token may post facts; without one the tower listens on loopback only."""
    with reading(db) as c:
        return store.has_open_token(c, POSTING_ROLES)


def may_post_facts(role: str) -> bool:
    """True when a token of this role may post facts. A token that was made to read may not."""
    return role in POSTING_ROLES


class TokenBook:
    """Looks tokens up for the ingest edges, asking the store at most once in `memory` for each secret.

    A revoked token is refused at the latest `memory` after it was revoked.
    """

    def __init__(
        self, db: Database, clock: Callable[[], datetime], *, memory: timedelta = timedelta(seconds=5)
    ) -> None:
        self._db = db
        self._clock = clock
        self._memory = memory
        self._known: dict[bytes, tuple[datetime, str | None]] = {}

    def find_role(self, secret: str) -> str | None:
        """The role of the token; None when it is unknown or revoked. May wait for the store."""
        now = self._clock()
        digest = _digest(secret)
        remembered = self._known.get(digest)
        if remembered is not None and remembered[0] > now:
            return remembered[1]
        token = find_caller(self._db, secret, now)
        role = None if token is None else token.role
        if len(self._known) > 1000:  # somebody is guessing; what is known can be looked up again
            self._known.clear()
        self._known[digest] = (now + self._memory, role)
        return role


def _digest(secret: str) -> bytes:
    return blake2b(secret.encode(), digest_size=16).digest()
