"""Accounts: who may sign in, with which role, and the one-time links that let people choose a password."""

from __future__ import annotations

import secrets
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from uuid import uuid4

from controltower.domain.errors import BadPayload, Conflict, NotFound
from controltower.services.passwords import hash_password
from controltower.store import accounts as store
from controltower.store.accounts import Account
from controltower.store.engine import Connection, Database, reading, transaction

VIEWER, SUPPORT, OPERATOR, ADMIN = "viewer", "support", "operator", "admin"
ROLES = (VIEWER, SUPPORT, OPERATOR, ADMIN)  # each may do all that the one before it may

LINK_LIFETIME = timedelta(hours=24)
MAX_NAME_LENGTH = 64
_IS_SET_UP = "The tower has an administrator already; sign in, or ask them for an account."
_SPENT = "This link was used before, is too old, or is mistyped; ask an administrator for a new one."
_SETUP = "setup"
_PASSWORD = "password:"  # followed by the hex id of the account


class BadName(BadPayload):
    """The account name cannot be accepted; the message says why."""

    reason = "bad_name"


class LinkSpent(NotFound):
    """The one-time link is unknown, was used before, or is too old."""

    reason = "link_spent"


@dataclass(frozen=True, slots=True)
class Invitation:
    """What a working one-time link is for: the password of `account`, or (None) the first administrator."""

    account: Account | None


def is_allowed(role: str, needed: str) -> bool:
    """True when `role` may do what needs `needed`; a role outside ROLES may do nothing."""
    return role in ROLES and needed in ROLES and ROLES.index(role) >= ROLES.index(needed)


def plain_name(name: str) -> str:
    """The form in which account names are kept and compared."""
    return unicodedata.normalize("NFKC", name).strip().casefold()


def create_setup_link(db: Database, now: datetime) -> str | None:
    """The secret of a new link that sets the first administrator's password; None when there is one.

    Works once, within 24 hours, and only while there is no administrator.
    """
    with transaction(db) as c:
        if store.count_active(c, ADMIN):
            return None
        return _add_link(c, _SETUP, now)


def find_invitation(db: Database, secret: str, now: datetime) -> Invitation:
    """What the link may do; raises LinkSpent when it may do nothing (any more)."""
    with reading(db) as c:
        link = store.find_link(c, _digest(secret))
        if link is None or link.used or link.expires_at <= now:
            raise LinkSpent(_SPENT)
        if link.purpose == _SETUP:
            if store.count_active(c, ADMIN):
                raise LinkSpent(_IS_SET_UP)
            return Invitation(account=None)
        account = store.find_account(c, bytes.fromhex(link.purpose.removeprefix(_PASSWORD)))
        if account is None or account.disabled:
            raise LinkSpent("The account of this link is closed.")
        return Invitation(account=account)


def set_up(db: Database, secret: str, name: str, password: str, now: datetime) -> Account:
    """Create the first administrator. Raises LinkSpent, BadName, BadPassword."""
    account = _new_account(name, ADMIN, now, password_hash=hash_password(password))
    with transaction(db) as c:
        _claim(c, secret, now)
        if store.count_active(c, ADMIN):
            raise LinkSpent(_IS_SET_UP)
        store.end_links(c, _SETUP, now)
        _add(c, account)
    return account


def accept_invitation(db: Database, secret: str, password: str, now: datetime) -> Account:
    """Set the password of the link's account. Raises LinkSpent, BadPassword."""
    invitation = find_invitation(db, secret, now)
    if invitation.account is None:
        raise LinkSpent("This link sets up the tower; it belongs to no account.")
    account_id = invitation.account.id
    password_hash = hash_password(password)
    with transaction(db) as c:
        _claim(c, secret, now)
        store.set_password(c, account_id, password_hash, _new_stamp())
        store.end_links(c, _PASSWORD + account_id.hex(), now)
        return _get(c, account_id)


def invite(db: Database, name: str, role: str, now: datetime) -> tuple[Account, str]:
    """Add an account without a password, and the secret of the link that sets one.

    Raises BadName, and Conflict when the name is taken.
    """
    account = _new_account(name, role, now)
    with transaction(db) as c:
        _add(c, account)
        return account, _add_link(c, _PASSWORD + account.id.hex(), now)


def create_password_link(db: Database, account_id: bytes, now: datetime) -> str:
    """The secret of a new link that sets the account's password; earlier links of the account end."""
    with transaction(db) as c:
        account = _get(c, account_id)
        purpose = _PASSWORD + account.id.hex()
        store.end_links(c, purpose, now)
        return _add_link(c, purpose, now)


def replace_password(db: Database, account_id: bytes, password: str) -> Account:
    """Set a new password; every session of the account ends. Raises BadPassword, NotFound."""
    password_hash = hash_password(password)
    with transaction(db) as c:
        store.set_password(c, account_id, password_hash, _new_stamp())
        return _get(c, account_id)


def change_role(db: Database, account_id: bytes, role: str) -> Account:
    """Give the account another role. Raises NotFound, and Conflict for the last administrator."""
    _check_role(role)
    with transaction(db) as c:
        if role != ADMIN:
            _keep_an_administrator(c, account_id)
        store.set_role(c, account_id, role)
        return _get(c, account_id)


def set_disabled(db: Database, account_id: bytes, disabled: bool) -> Account:
    """Close or reopen the account; its sessions end. Raises NotFound and Conflict as change_role does."""
    with transaction(db) as c:
        if disabled:
            _keep_an_administrator(c, account_id)
        store.set_disabled(c, account_id, disabled, _new_stamp())
        return _get(c, account_id)


def get_account(db: Database, account_id: bytes) -> Account:
    """The account of an id. Raises NotFound."""
    with reading(db) as c:
        return _get(c, account_id)


def find_signed_in(db: Database, account_id: bytes, session_stamp: str) -> Account | None:
    """The account of a session; None when it is closed or its password changed since the session began."""
    with reading(db) as c:
        account = store.find_account(c, account_id)
    if account is None or account.disabled:
        return None
    return account if secrets.compare_digest(account.session_stamp, session_stamp) else None


def _keep_an_administrator(c: Connection, account_id: bytes) -> None:
    account = _get(c, account_id)
    is_active_admin = account.role == ADMIN and not account.disabled and bool(account.password_hash)
    if is_active_admin and store.count_active(c, ADMIN, lock=True) == 1:
        raise Conflict(f"{account.name} is the only administrator; make somebody else one first.")


def _new_account(name: str, role: str, now: datetime, *, password_hash: str = "") -> Account:
    _check_role(role)
    known = plain_name(name)
    if not known:
        raise BadName("Give a name to sign in with.")
    if len(known) > MAX_NAME_LENGTH or not known.isprintable():
        raise BadName(f"Use at most {MAX_NAME_LENGTH} printable characters.")
    return Account(
        id=uuid4().bytes,
        name=known,
        password_hash=password_hash,
        role=role,
        session_stamp=_new_stamp(),
        created_at=now,
        disabled=False,
    )


def _check_role(role: str) -> None:
    if role not in ROLES:
        raise BadPayload(f"There is no role {role!r}; the roles are {', '.join(ROLES)}.")


def _add(c: Connection, account: Account) -> None:
    if not store.add_account(c, account):
        raise Conflict(f"The name {account.name} is taken.")


def _get(c: Connection, account_id: bytes) -> Account:
    account = store.find_account(c, account_id)
    if account is None:
        raise NotFound("There is no such account.")
    return account


def _add_link(c: Connection, purpose: str, now: datetime) -> str:
    secret = secrets.token_urlsafe(32)
    store.add_link(c, _digest(secret), purpose, now + LINK_LIFETIME)
    return secret


def _claim(c: Connection, secret: str, now: datetime) -> None:
    if not store.claim_link(c, _digest(secret), now):
        raise LinkSpent(_SPENT)


def _digest(secret: str) -> bytes:
    return blake2b(secret.encode(), digest_size=16).digest()


def _new_stamp() -> str:
    return secrets.token_urlsafe(16)
