"""User accounts, one-time links and counted sign-in attempts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update

from controltower.domain.times import from_us, to_us
from controltower.store.bulk import bulk_of
from controltower.store.tables import one_time_link, sign_in_attempt, user_account


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who may sign in. An empty `password_hash` matches no password."""

    id: bytes
    name: str
    password_hash: str
    role: str
    session_stamp: str
    created_at: datetime
    disabled: bool


@dataclass(frozen=True, slots=True)
class OneTimeLink:
    """A link that lets its first visitor do one thing, once."""

    purpose: str
    expires_at: datetime
    used: bool


@dataclass(frozen=True, slots=True)
class Attempts:
    """Failed sign-ins in a row of one account name or from one address."""

    failures: int
    last_at: datetime


def add_account(c: Connection, account: Account) -> bool:
    """Add the account; False when the name is taken."""
    row = (
        account.id,
        account.name,
        account.password_hash,
        account.role,
        account.session_stamp,
        to_us(account.created_at),
        account.disabled,
    )
    bulk_of(c).insert(user_account, [row])
    holder = find_account_by_name(c, account.name)
    return holder is not None and holder.id == account.id


def find_account(c: Connection, account_id: bytes) -> Account | None:
    """The account of an id."""
    row = c.execute(select(user_account).where(user_account.c.id == account_id)).one_or_none()
    return None if row is None else _account(row)


def find_account_by_name(c: Connection, name: str) -> Account | None:
    """The account of a casefolded name."""
    row = c.execute(select(user_account).where(user_account.c.name == name)).one_or_none()
    return None if row is None else _account(row)


def list_accounts(c: Connection) -> list[Account]:
    """Every account, by name."""
    return [_account(row) for row in c.execute(select(user_account).order_by(user_account.c.name))]


def count_active(c: Connection, role: str, *, lock: bool = False) -> int:
    """How many enabled accounts with a password hold `role`.

    With `lock`, their rows stay locked until the transaction ends, so that two administrators cannot
    each take the other's role away.
    """
    wanted = select(user_account.c.id).where(
        user_account.c.role == role, user_account.c.disabled.is_(False), user_account.c.password_hash != ""
    )
    return len(c.execute(wanted.with_for_update() if lock else wanted).all())


def set_password(c: Connection, account_id: bytes, password_hash: str, session_stamp: str) -> bool:
    """Replace the password; the new stamp ends every older session. False when there is no such account."""
    return _update(c, account_id, password_hash=password_hash, session_stamp=session_stamp)


def renew_hash(c: Connection, account_id: bytes, *, old_hash: str, new_hash: str) -> bool:
    """Store the same password under newer parameters; False when the password changed meanwhile."""
    same = update(user_account).where(
        user_account.c.id == account_id, user_account.c.password_hash == old_hash
    )
    return c.execute(same.values(password_hash=new_hash)).rowcount == 1


def set_role(c: Connection, account_id: bytes, role: str) -> bool:
    """Give the account a role; False when there is no such account."""
    return _update(c, account_id, role=role)


def set_disabled(c: Connection, account_id: bytes, disabled: bool, session_stamp: str) -> bool:
    """Close or reopen the account; the new stamp ends its sessions. False when there is no such account."""
    return _update(c, account_id, disabled=disabled, session_stamp=session_stamp)


def _update(c: Connection, account_id: bytes, **values: Any) -> bool:
    the_one = update(user_account).where(user_account.c.id == account_id)
    return c.execute(the_one.values(**values)).rowcount == 1


def _account(row: Row[Any]) -> Account:
    return Account(
        id=bytes(row.id),
        name=row.name,
        password_hash=row.password_hash,
        role=row.role,
        session_stamp=row.session_stamp,
        created_at=from_us(row.created_us),
        disabled=bool(row.disabled),
    )


def add_link(c: Connection, digest: bytes, purpose: str, expires_at: datetime) -> None:
    """Remember a one-time link by the digest of its secret."""
    bulk_of(c).insert(one_time_link, [(digest, purpose, to_us(expires_at), None)])


def find_link(c: Connection, digest: bytes) -> OneTimeLink | None:
    """The link of a digest, used and expired ones included."""
    row = c.execute(select(one_time_link).where(one_time_link.c.digest == digest)).one_or_none()
    if row is None:
        return None
    return OneTimeLink(row.purpose, from_us(row.expires_us), row.used_us is not None)


def claim_link(c: Connection, digest: bytes, now: datetime) -> bool:
    """Use a link up; False when it is unknown, expired or used before."""
    open_link = update(one_time_link).where(
        one_time_link.c.digest == digest,
        one_time_link.c.used_us.is_(None),
        one_time_link.c.expires_us > to_us(now),
    )
    return c.execute(open_link.values(used_us=to_us(now))).rowcount == 1


def end_links(c: Connection, purpose: str, now: datetime) -> None:
    """Use up every open link of a purpose."""
    open_links = update(one_time_link).where(
        one_time_link.c.purpose == purpose, one_time_link.c.used_us.is_(None)
    )
    c.execute(open_links.values(used_us=to_us(now)))


def find_attempts(c: Connection, subject: str) -> Attempts | None:
    """The failed sign-ins of a subject; its row stays locked until the transaction ends."""
    wanted = select(sign_in_attempt).where(sign_in_attempt.c.subject == subject).with_for_update()
    row = c.execute(wanted).one_or_none()
    return None if row is None else Attempts(row.failures, from_us(row.last_us))


def put_attempts(c: Connection, subject: str, failures: int, now: datetime) -> None:
    """Set the failed sign-ins of a subject."""
    bulk_of(c).replace(sign_in_attempt, [(subject, failures, to_us(now))])


def forget_attempts(c: Connection, subject: str) -> None:
    """Start counting the subject's failures from nought."""
    c.execute(sign_in_attempt.delete().where(sign_in_attempt.c.subject == subject))


def forget_attempts_before(c: Connection, moment: datetime) -> int:
    """Drop counts that nobody added to since `moment`; returns how many."""
    return c.execute(sign_in_attempt.delete().where(sign_in_attempt.c.last_us < to_us(moment))).rowcount
