"""Quarantine as JSON: list, look, submit again, discard."""

from __future__ import annotations

from flask import Blueprint, Response, request

from controltower.domain.errors import BadPayload, NotFound
from controltower.services.quarantine import discard, resubmit
from controltower.store.engine import reading
from controltower.store.quarantine import HELD, STATES, HeldItem, get_item, list_held
from controltower.web.api import answers, schemas
from controltower.web.api.described import LIMIT, Parameter, describes, read_limit
from controltower.web.auth import caller_name
from controltower.web.cursors import read_cursor, read_key, write_cursor
from controltower.web.deps import deps, now
from controltower.web.roles import may, requires

bp = Blueprint("api_quarantine", __name__, url_prefix="/api/v1/quarantine")

_BEFORE = Parameter("before", "`next` of the page before.")
_STATE = Parameter("state", "The state of the items; held when left out.", values=STATES)


@bp.get("")
@requires("viewer")
@describes(schemas.Quarantine, _STATE, _BEFORE, LIMIT)
def index() -> Response:
    """A page of quarantined items, newest first."""
    state = request.args.get("state") or HELD
    if state not in STATES:
        raise BadPayload(f"state: expected one of {', '.join(STATES)}, found {state[:40]!r}")
    before, limit = read_cursor(request.args.get("before")), read_limit(request.args.get("limit"))
    with reading(deps().db) as c:
        rows = list_held(c, state, before, limit + 1)
    more = len(rows) > limit
    rows = rows[:limit]
    return answers.reply(
        schemas.Quarantine(
            items=[answers.held(row) for row in rows], next=write_cursor(rows[-1].cursor) if more else None
        )
    )


@bp.get("/<item_id>")
@requires("viewer")
@describes(schemas.HeldDetail)
def show(item_id: str) -> Response:
    """One item with its bytes."""
    return answers.reply(answers.held_detail(_get(item_id), whole_names=may("support")))


@bp.post("/<item_id>/resubmit")
@requires("support")
@describes(schemas.Resubmission, body="The corrected bytes; none means the bytes as they came.")
def submit_again(item_id: str) -> Response:
    """Submit an item again; nothing is stored unless all of it is understood."""
    item = _get(item_id)
    receipt = resubmit(
        deps().db,
        deps().ingest,
        deps().decoders,
        item.row.id,
        request.get_data(cache=False) or item.payload,
        by=caller_name(),
        now=now(),
    )
    return answers.reply(
        schemas.Resubmission(
            events_stored=receipt.events_stored,
            events_duplicate=receipt.events_duplicate,
            segments_stored=receipt.segments_stored,
        )
    )


@bp.post("/<item_id>/discard")
@requires("operator")
@describes(schemas.HeldDetail, body="Why it may be discarded, as text.")
def give_up(item_id: str) -> Response:
    """Discard an item, with a reason; its bytes stay."""
    item = _get(item_id)
    why = request.get_data(cache=False, as_text=True)
    discard(deps().db, item.row.id, why, by=caller_name(), now=now())
    return answers.reply(answers.held_detail(_get(item_id), whole_names=may("support")))


def _get(item_id: str) -> HeldItem:
    key = read_key(item_id)
    if key is None:
        raise NotFound(f"Nothing is quarantined under {item_id[:64]!r}.")
    with reading(deps().db) as c:
        return get_item(c, key)
