"""The administrator's screen: people, their roles, and the tokens of programs."""

from __future__ import annotations

from flask import Blueprint, Response, flash, request

from controltower.domain.errors import BadPayload, Conflict, NotFound
from controltower.services import accounts, tokens
from controltower.services.accounts import ROLES
from controltower.services.tokens import TOKEN_ROLES
from controltower.store.accounts import list_accounts
from controltower.store.engine import reading
from controltower.store.tokens import list_tokens
from controltower.web.auth import signed_in_account
from controltower.web.deps import deps, now
from controltower.web.htmx import go_to, page
from controltower.web.roles import requires

bp = Blueprint("users", __name__, url_prefix="/users")


@bp.get("")
@requires("admin")
def show() -> Response:
    """Everybody with an account, and every token."""
    return _page()


@bp.post("")
@requires("admin")
def add() -> Response:
    """Add a person and show, once, the link by which they choose a password."""
    name, role = request.form.get("name", ""), request.form.get("role", "")
    try:
        account, secret = accounts.invite(deps().db, name, role, now())
    except (BadPayload, Conflict) as exc:
        return _page(error=str(exc), name=name, role=role, status=422)
    return _page(link=_link(secret), link_of=account.name)


@bp.post("/<account_id>/link")
@requires("admin")
def renew_link(account_id: str) -> Response:
    """A new link for somebody who lost the first one, or the password."""
    key = _key(account_id)
    secret = accounts.create_password_link(deps().db, key, now())
    return _page(link=_link(secret), link_of=accounts.get_account(deps().db, key).name)


@bp.post("/<account_id>/role")
@requires("admin")
def change_role(account_id: str) -> Response:
    """Give somebody else another role."""
    key = _somebody_else(account_id)
    account = accounts.change_role(deps().db, key, request.form.get("role", ""))
    flash(f"{account.name} is {account.role} now.", "ok")
    return go_to("/users")


@bp.post("/<account_id>/disabled")
@requires("admin")
def change_disabled(account_id: str) -> Response:
    """Close somebody else's account, or open it again."""
    key = _somebody_else(account_id)
    account = accounts.set_disabled(deps().db, key, request.form.get("disabled") == "yes")
    flash(f"The account of {account.name} is {'closed' if account.disabled else 'open'} now.", "ok")
    return go_to("/users")


@bp.post("/tokens")
@requires("admin")
def add_token() -> Response:
    """Make a token and show its secret, once."""
    try:
        secret = tokens.create_token(
            deps().db, request.form.get("name", ""), request.form.get("role", ""), now()
        )
    except BadPayload as exc:
        return _page(token_error=str(exc), status=422)
    return _page(token=secret)


@bp.post("/tokens/<digest>/revoke")
@requires("admin")
def revoke_token(digest: str) -> Response:
    """Refuse the token from now on."""
    tokens.revoke_token(deps().db, _key(digest), now())
    flash("The token is revoked.", "ok")
    return go_to("/users")


def _page(
    *,
    error: str = "",
    name: str = "",
    role: str = "viewer",
    link: str = "",
    link_of: str = "",
    token: str = "",
    token_error: str = "",
    status: int = 200,
) -> Response:
    with reading(deps().db) as c:
        people, programs = list_accounts(c), list_tokens(c)
    return page(
        "pages/users/index.html",
        "frag_users",
        status=status,
        accounts=people,
        tokens=programs,
        own_id=signed_in_account().id,
        roles=ROLES,
        token_roles=TOKEN_ROLES,
        error=error,
        name=name,
        role=role,
        link=link,
        link_of=link_of,
        token=token,
        token_error=token_error,
    )


def _link(secret: str) -> str:
    return f"{request.url_root}setup/{secret}"


def _key(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise NotFound("There is no such account or token.") from None


def _somebody_else(account_id: str) -> bytes:
    key = _key(account_id)
    if key == signed_in_account().id:
        raise Conflict("You cannot change your own role or close your own account; ask another one.")
    return key
