"""Hashing passwords, and the only rule about them: long enough."""

from __future__ import annotations

import unicodedata
from functools import cache
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from controltower.domain.errors import BadPayload

MIN_LENGTH = 12
MAX_LENGTH = 1024

_HASHER = PasswordHasher(time_cost=3, memory_cost=32 * 1024, parallelism=1)
# Each computation holds 32 MiB: a burst of sign-ins must not take the memory that ingest needs.
_AT_ONCE = BoundedSemaphore(2)


class BadPassword(BadPayload):
    """The password cannot be accepted; the message says what would be."""

    reason = "bad_password"


def check_password(password: str) -> None:
    """Raise BadPassword unless the password may be used."""
    if len(password) < MIN_LENGTH:
        raise BadPassword(f"Use at least {MIN_LENGTH} characters; a few words you remember will do.")
    if len(password) > MAX_LENGTH:
        raise BadPassword(f"Use at most {MAX_LENGTH} characters.")


def hash_password(password: str) -> str:
    """The argon2id hash to keep; raises BadPassword."""
    check_password(password)
    with _AT_ONCE:
        return _HASHER.hash(_same_characters(password))


def is_password(password: str, password_hash: str) -> bool:
    """True when the password made the hash. An empty hash matches nothing and takes as long to say so."""
    usable = bool(password_hash) and len(password) <= MAX_LENGTH
    try:
        with _AT_ONCE:
            _HASHER.verify(password_hash if usable else _of_nobody(), _same_characters(password[:MAX_LENGTH]))
    except (VerificationError, InvalidHashError):
        return False
    return usable


def is_outdated(password_hash: str) -> bool:
    """True when the hash was made with weaker parameters than today's."""
    return _HASHER.check_needs_rehash(password_hash)


@cache
def _of_nobody() -> str:
    """The hash of no account's password; made when it is first wanted, as commands start without it."""
    return _HASHER.hash("the password of no account")


def _same_characters(password: str) -> str:
    """Keyboards compose accents differently; the same password typed on another one must match."""
    return unicodedata.normalize("NFKC", password)
