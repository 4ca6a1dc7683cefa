"""One's own account: password and theme."""

from __future__ import annotations

from datetime import timedelta

from flask import Blueprint, Response, flash, request

from controltower.services.accounts import ROLES, replace_password
from controltower.services.passwords import MIN_LENGTH, BadPassword
from controltower.services.sign_in import TooManyAttempts, sign_in
from controltower.web.auth import begin_session, local_path, signed_in_account
from controltower.web.deps import deps, now
from controltower.web.htmx import go_to, page
from controltower.web.permissions import list_permissions
from controltower.web.roles import public, requires

bp = Blueprint("account", __name__)

THEMES = ("light", "dark")
_THEME_COOKIE = "theme"
_A_YEAR = timedelta(days=365)


@bp.get("/account")
@requires("viewer")
def show() -> Response:
    """Who one is here, and the form for a new password."""
    return _page()


@bp.post("/account/password")
@requires("viewer")
def submit_password() -> Response:
    """Change the password; every other session of the account ends."""
    account = signed_in_account()
    password = request.form.get("password", "")
    try:
        if password != request.form.get("again", ""):
            raise BadPassword("The two new passwords differ; type the same one twice.")
        known = sign_in(
            deps().db, account.name, request.form.get("current", ""), request.remote_addr or "unknown", now()
        )
        if known is None:
            raise BadPassword("The present password is not right.")
        changed = replace_password(deps().db, account.id, password)
    except BadPassword as exc:
        return _page(error=str(exc), status=422)
    except TooManyAttempts as exc:
        return _page(error=str(exc), status=429)
    begin_session(changed)
    flash("Your password is changed. Other sessions of yours have ended.", "ok")
    return go_to("/account")


@bp.post("/theme")
@public
def choose_theme() -> Response:
    """Remember light, dark, or whatever the system says."""
    response = go_to(local_path(request.form.get("next")))
    chosen = request.form.get("theme", "")
    if chosen in THEMES:
        response.set_cookie(
            _THEME_COOKIE,
            chosen,
            max_age=_A_YEAR,
            secure=deps().secure_cookies,
            httponly=True,
            samesite="Lax",
        )
    else:
        response.delete_cookie(_THEME_COOKIE, secure=deps().secure_cookies, httponly=True, samesite="Lax")
    return response


def chosen_theme() -> str:
    """The theme of the cookie; "" means as the system."""
    chosen = request.cookies.get(_THEME_COOKIE, "")
    return chosen if chosen in THEMES else ""


def _page(*, error: str = "", status: int = 200) -> Response:
    return page(
        "pages/account/index.html",
        "frag_password",
        status=status,
        account=signed_in_account(),
        error=error,
        min_length=MIN_LENGTH,
        roles=ROLES,
        permissions=list_permissions(),
    )
