"""Saved redirects as JSON."""

from __future__ import annotations

from datetime import datetime

import msgspec
from flask import Blueprint, Response, request

from controltower.domain.errors import BadPayload
from controltower.store.engine import reading
from controltower.store.replay_targets import Redirect, list_redirects
from controltower.web.api import answers
from controltower.web.api.described import Parameter, describes
from controltower.web.auth import caller_name
from controltower.web.deps import deps, now
from controltower.web.redirects import read_fields, redirect_of
from controltower.web.roles import requires

bp = Blueprint("api_redirects", __name__, url_prefix="/api/v1/redirects")

_CONNECTION = Parameter("connection", "The connection that it leads from.", is_required=True)
_PLACE = Parameter("place", "The queue, topic or path that it leads from.", is_required=True)


class RedirectToSave(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Where replays that would go to one place go instead."""

    connection: str
    place: str
    to_connection: str
    to_place: str


class SavedRedirect(msgspec.Struct, kw_only=True):
    """A redirect; `is_declared` is false when nothing can be sent through its target any more."""

    connection: str
    place: str
    to_connection: str
    to_place: str
    made_at: datetime
    made_by: str
    is_declared: bool


class Redirects(msgspec.Struct, kw_only=True):
    """Every redirect, by where it leads from."""

    redirects: list[SavedRedirect]


@bp.get("")
@requires("operator")
@describes(Redirects)
def index() -> Response:
    """Every redirect."""
    with reading(deps().db) as c:
        found = list_redirects(c)
    return answers.reply(Redirects(redirects=[_saved(one) for one in found]))


@bp.put("")
@requires("operator")
@describes(SavedRedirect, body="A JSON object with connection, place, to_connection and to_place.")
def save() -> Response:
    """Keep a redirect, in place of the one that its source had."""
    try:
        asked = msgspec.json.decode(request.get_data(cache=False), type=RedirectToSave)
    except msgspec.MsgspecError as exc:
        raise BadPayload(str(exc)) from exc
    redirect = redirect_of(read_fields(msgspec.to_builtins(asked)), by=caller_name())
    deps().redirects.save(redirect, now=now())
    return answers.reply(_saved(redirect))


@bp.delete("")
@requires("operator")
@describes(Redirects, _CONNECTION, _PLACE)
def remove() -> Response:
    """Forget a redirect; the answer has those that remain."""
    connection, place = request.args.get("connection", ""), request.args.get("place", "")
    deps().redirects.remove(connection, place, by=caller_name(), now=now())
    return index()


def _saved(one: Redirect) -> SavedRedirect:
    is_declared = one.to_connection in deps().redirects.targets.names()
    return SavedRedirect(**one._asdict(), is_declared=is_declared)
