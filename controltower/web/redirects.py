"""Saved redirects: replays to one place go to another."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Blueprint, Response, flash, request, url_for

from controltower.domain.errors import BadPayload
from controltower.store.engine import reading
from controltower.store.replay_targets import Redirect, list_redirects
from controltower.web.auth import signed_in_account
from controltower.web.deps import deps, now
from controltower.web.htmx import go_to, page
from controltower.web.roles import requires

bp = Blueprint("redirects", __name__, url_prefix="/redirects")

FIELDS = ("connection", "place", "to_connection", "to_place")
_MAX_LENGTH = 500


@bp.get("")
@requires("operator")
def show_list() -> Response:
    """Every redirect, and the form for another."""
    filled = {name: request.args.get(name, "")[:_MAX_LENGTH] for name in FIELDS}
    return _page(filled)


@bp.post("")
@requires("operator")
def save() -> Response:
    """Keep a redirect, in place of the one that its source had."""
    given = read_fields(request.form)
    try:
        deps().redirects.save(redirect_of(given, by=signed_in_account().name), now=now())
    except BadPayload as exc:
        return _page(given, error=str(exc).removeprefix("redirect: "), status=422)
    flash("The redirect holds for every replay that is planned from now on.", "ok")
    return go_to(url_for(".show_list"))


@bp.post("/remove")
@requires("operator")
def remove() -> Response:
    """Forget a redirect."""
    connection, place = request.form.get("connection", ""), request.form.get("place", "")
    deps().redirects.remove(connection, place, by=signed_in_account().name, now=now())
    flash("The redirect is removed.", "ok")
    return go_to(url_for(".show_list"))


def read_fields(form: Mapping[str, str]) -> dict[str, str]:
    """The fields of a redirect without the space around them. Raises BadPayload for one that is too long."""
    given = {name: form.get(name, "").strip() for name in FIELDS}
    for name, value in given.items():
        if len(value) > _MAX_LENGTH:
            raise BadPayload(f"{name}: expected at most {_MAX_LENGTH} characters, found {len(value)}")
    return given


def redirect_of(given: Mapping[str, str], *, by: str) -> Redirect:
    """The redirect of these fields, made now."""
    connection, place, to_connection, to_place = (given[name] for name in FIELDS)
    return Redirect(connection, place, to_connection, to_place, made_at=now(), made_by=by)


def _page(filled: Mapping[str, str], *, error: str = "", status: int = 200) -> Response:
    with reading(deps().db) as c:
        redirects = list_redirects(c)
    return page(
        "pages/redirects/index.html",
        "frag_redirects",
        status=status,
        redirects=redirects,
        names=deps().redirects.targets.names(),
        filled=filled,
        error=error[:1].upper() + error[1:],
    )
