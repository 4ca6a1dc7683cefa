"""Who is calling: a person with a session, or a program with a token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import flask_login
from flask import Flask, g, request, session

from controltower.domain.errors import ControlTowerError
from controltower.services.accounts import find_signed_in
from controltower.services.tokens import find_caller
from controltower.store.accounts import Account
from controltower.web.deps import deps, now

_login: Any = flask_login  # it has no type hints
API_PATHS = ("/api/",)


class Unauthorized(ControlTowerError):
    """We do not know who is calling."""

    reason = "unauthorized"


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller as far as rights go."""

    name: str
    role: str
    account_id: bytes | None = None  # None for a token


class SignedIn:
    """What Flask-Login wants to know of an account."""

    is_authenticated = True
    is_active = True
    is_anonymous = False

    def __init__(self, account: Account) -> None:
        self.account = account

    def get_id(self) -> str:
        """Names the account and its session stamp: a changed password ends older sessions."""
        return f"{self.account.id.hex()}.{self.account.session_stamp}"


def init_auth(app: Flask) -> None:
    """Let Flask-Login keep the session; what a route needs is decided in web.roles."""
    manager = _login.LoginManager()
    manager.session_protection = None  # it ends sessions whenever a laptop changes its network
    manager.user_loader(_load)
    manager.init_app(app, add_context_processor=False)


def _load(session_id: str) -> SignedIn | None:
    account_id, _, stamp = session_id.partition(".")
    try:
        key = bytes.fromhex(account_id)
    except ValueError:
        return None
    account = find_signed_in(deps().db, key, stamp)
    return None if account is None else SignedIn(account)


def is_api() -> bool:
    """True for the addresses that programs call: they are answered in JSON and may show a token."""
    return request.path.startswith(API_PATHS)


def bearer_token() -> str | None:
    """The token that came with an API request. Its presence makes the session cookie count for nothing."""
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    if not is_api() or scheme.casefold() != "bearer":
        return None
    return secret.strip()


def principal() -> Principal | None:
    """The caller; None when we do not know them. Looked up once for each request."""
    if "principal" not in g:
        g.principal = None  # should the store not answer, the error page must not ask it again
        g.principal = _find_principal()
    found: Principal | None = g.principal
    return found


def _find_principal() -> Principal | None:
    secret = bearer_token()
    if secret is not None:
        token = find_caller(deps().db, secret, now())
        return None if token is None else Principal(name=token.name, role=token.role)
    if not _login.current_user.is_authenticated:
        return None
    account: Account = _login.current_user.account
    return Principal(name=account.name, role=account.role, account_id=account.id)


def caller_name() -> str:
    """The name of the caller, a person or a token. Raises Unauthorized for strangers."""
    caller = principal()
    if caller is None:
        raise Unauthorized("Sign in, or send a token.")
    return caller.name


def signed_in_account() -> Account:
    """The account of the session. Raises Unauthorized for tokens and strangers."""
    if principal() is None or not _login.current_user.is_authenticated:
        raise Unauthorized("Sign in to do this.")
    account: Account = _login.current_user.account
    return account


def begin_session(account: Account) -> None:
    """Sign the account in; nothing of the session before it is kept."""
    session.clear()
    session.permanent = True
    _login.login_user(SignedIn(account))
    g.pop("principal", None)


def end_session() -> None:
    """Sign out; nothing of the session is kept."""
    _login.logout_user()
    session.clear()
    g.pop("principal", None)


def is_local_path(url: str) -> bool:
    """True when `url` stays on this site: a redirect after sign-in must not lead elsewhere."""
    return url.startswith("/") and not url.startswith(("//", "/\\")) and url.isprintable() and "\\" not in url


def local_path(url: str | None, default: str = "/") -> str:
    """`url` when it stays on this site, else `default`."""
    return url if url and is_local_path(url) else default
