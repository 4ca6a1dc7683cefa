"""Signing in: who is it, and how often may they guess.

Failures are counted for the account and for the address. An attempt is counted before the password is
looked at and taken back when it was right, so that many guesses at once gain nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from controltower.domain.errors import ControlTowerError
from controltower.services.accounts import MAX_NAME_LENGTH, plain_name
from controltower.services.passwords import hash_password, is_outdated, is_password
from controltower.store import accounts as store
from controltower.store.accounts import Account
from controltower.store.engine import Connection, Database, transaction

FORGET_AFTER = timedelta(days=1)


class TooManyAttempts(ControlTowerError):
    """Too many wrong passwords; after `retry_after` seconds the next one is looked at."""

    reason = "too_many_attempts"
    retryable = True

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"Too many wrong passwords. Try again in {_in_words(retry_after)}.")
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Limit:
    """Failures that cost nothing, and the longest wait that the doubling after them reaches."""

    free: int
    longest: timedelta

    def wait_after(self, failures: int) -> timedelta:
        """How long after the last of `failures` the next attempt is refused."""
        doublings = failures - self.free
        if doublings < 0:
            return timedelta()
        return min(self.longest, timedelta(seconds=2 ** min(doublings, 30)))


# One address may be a whole office; one account locked for long would be a way to keep its owner out.
ACCOUNT_LIMIT = Limit(free=5, longest=timedelta(minutes=5))
ADDRESS_LIMIT = Limit(free=20, longest=timedelta(minutes=15))


def sign_in(db: Database, name: str, password: str, address: str, now: datetime) -> Account | None:
    """The account whose password this is; None when there is none. Raises TooManyAttempts.

    An unknown or closed account takes as long to refuse as a wrong password.
    """
    known = plain_name(name)[:MAX_NAME_LENGTH]
    by_account, by_address = f"account:{known}", f"address:{address}"
    with transaction(db) as c:
        _count_attempt(c, by_account, ACCOUNT_LIMIT, now)
        _count_attempt(c, by_address, ADDRESS_LIMIT, now)
        account = store.find_account_by_name(c, known)
    if not is_password(password, "" if account is None or account.disabled else account.password_hash):
        return None
    assert account is not None
    renewed = hash_password(password) if is_outdated(account.password_hash) else ""
    with transaction(db) as c:
        if renewed:
            store.renew_hash(c, account.id, old_hash=account.password_hash, new_hash=renewed)
        store.forget_attempts(c, by_account)
        _take_back(c, by_address, now)
        store.forget_attempts_before(c, now - FORGET_AFTER)
    return account


def _count_attempt(c: Connection, subject: str, limit: Limit, now: datetime) -> None:
    before = store.find_attempts(c, subject)
    if before is None or before.last_at < now - FORGET_AFTER:
        store.put_attempts(c, subject, 1, now)
        return
    wait = before.last_at + limit.wait_after(before.failures) - now
    if wait > timedelta():
        raise TooManyAttempts(math.ceil(wait.total_seconds()))
    store.put_attempts(c, subject, before.failures + 1, now)


def _take_back(c: Connection, subject: str, now: datetime) -> None:
    """Forget one attempt only: signing in to an account of one's own must not clear guesses at another's."""
    counted = store.find_attempts(c, subject)
    if counted is not None:
        store.put_attempts(c, subject, max(0, counted.failures - 1), now)


def _in_words(seconds: int) -> str:
    if seconds < 60:
        return "a second" if seconds == 1 else f"{seconds} seconds"
    minutes = math.ceil(seconds / 60)
    return "a minute" if minutes == 1 else f"{minutes} minutes"
