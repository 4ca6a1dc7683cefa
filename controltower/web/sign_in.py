"""Signing in and out, and the one-time links that set a first password."""

from __future__ import annotations

from flask import Blueprint, Response, flash, request

from controltower.domain.errors import BadPayload
from controltower.services import accounts
from controltower.services.accounts import ADMIN
from controltower.services.passwords import MIN_LENGTH
from controltower.services.sign_in import TooManyAttempts, sign_in
from controltower.store.accounts import Account, count_active
from controltower.store.engine import reading
from controltower.web.auth import begin_session, end_session, local_path, principal
from controltower.web.deps import deps, now
from controltower.web.htmx import go_to, page
from controltower.web.roles import public

bp = Blueprint("sign_in", __name__)

_WRONG = "Name and password do not match. Names are not case-sensitive; passwords are."


@bp.get("/sign-in")
@public
def show() -> Response:
    """The form; people who are signed in go on to where they wanted."""
    if principal() is not None:
        return go_to(local_path(request.args.get("next")))
    return _form()


@bp.post("/sign-in")
@public
def submit() -> Response:
    """Begin a session when the password is right."""
    name, password = request.form.get("name", ""), request.form.get("password", "")
    try:
        account = sign_in(deps().db, name, password, request.remote_addr or "unknown", now())
    except TooManyAttempts as exc:
        response = _form(error=str(exc), name=name, status=429)
        response.headers["Retry-After"] = str(exc.retry_after)
        return response
    if account is None:
        return _form(error=_WRONG, name=name, status=422)
    begin_session(account)
    return go_to(local_path(request.form.get("next")))


@bp.post("/sign-out")
@public
def leave() -> Response:
    """End the session; nothing happens when there is none."""
    end_session()
    return go_to("/sign-in")


def _form(*, error: str = "", name: str = "", status: int = 200) -> Response:
    with reading(deps().db) as c:
        is_set_up = count_active(c, ADMIN) > 0
    return page(
        "pages/sign_in/index.html",
        "frag_sign_in",
        status=status,
        error=error,
        name=name,
        next=local_path(request.values.get("next")),
        is_set_up=is_set_up,
    )


@bp.get("/setup/<secret>")
@public
def show_setup(secret: str) -> Response:
    """The form that makes the first administrator, or sets the password of an invited account."""
    return _setup_form(secret)


@bp.post("/setup/<secret>")
@public
def submit_setup(secret: str) -> Response:
    """Use the link up and sign its visitor in."""
    password = request.form.get("password", "")
    try:
        account = _use(secret, password)
    except BadPayload as exc:
        return _setup_form(secret, error=str(exc), status=422)
    begin_session(account)
    flash(f"Welcome, {account.name}. You are signed in.", "ok")
    return go_to("/")


def _use(secret: str, password: str) -> Account:
    if password != request.form.get("again", ""):
        raise BadPayload("The two passwords differ; type the same one twice.")
    invitation = accounts.find_invitation(deps().db, secret, now())
    if invitation.account is None:
        return accounts.set_up(deps().db, secret, request.form.get("name", ""), password, now())
    return accounts.accept_invitation(deps().db, secret, password, now())


def _setup_form(secret: str, *, error: str = "", status: int = 200) -> Response:
    invitation = accounts.find_invitation(deps().db, secret, now())
    return page(
        "pages/setup/index.html",
        "frag_setup",
        status=status,
        account=invitation.account,
        name=request.form.get("name", ""),
        error=error,
        min_length=MIN_LENGTH,
    )
