"""What could not be understood: look at it, put it right and submit it again, or give it up."""

from __future__ import annotations

from flask import Blueprint, Response, flash, request, url_for

from controltower.domain.errors import BadPayload, NotFound, UnsupportedMedia
from controltower.services.ingest import Receipt
from controltower.services.quarantine import discard, resubmit
from controltower.store.engine import reading
from controltower.store.quarantine import HELD, STATES, HeldItem, get_item, list_held
from controltower.web.auth import signed_in_account
from controltower.web.cursors import read_cursor, read_key, write_cursor
from controltower.web.deps import deps, now
from controltower.web.htmx import go_to, page
from controltower.web.payloads import show_payload
from controltower.web.roles import may, requires

bp = Blueprint("quarantine", __name__, url_prefix="/quarantine")

PAGE_SIZE = 50


@bp.get("")
@requires("viewer")
def show_list() -> Response:
    """A page of the items in one state, newest first."""
    state = request.args.get("state", HELD)
    if state not in STATES:
        raise BadPayload(f"There is no state {state!r}; the states are {', '.join(STATES)}.")
    before = read_cursor(request.args.get("before"))
    with reading(deps().db) as c:
        rows = list_held(c, state, before, PAGE_SIZE + 1)
    more = len(rows) > PAGE_SIZE
    rows = rows[:PAGE_SIZE]
    return page(
        "pages/quarantine/index.html",
        "frag_items",
        items=rows,
        state=state,
        states=STATES,
        first_url=url_for(".show_list", state=state) if before else "",
        next_url=url_for(".show_list", state=state, before=write_cursor(rows[-1].cursor)) if more else "",
    )


@bp.get("/<item_id>")
@requires("viewer")
def show(item_id: str) -> Response:
    """One item with its bytes."""
    return _item_page(_get(item_id))


@bp.get("/<item_id>/payload")
@requires("support")
def download(item_id: str) -> Response:
    """The bytes as they came, unmasked; never in a form that a browser would run."""
    item = _get(item_id)
    name = f"quarantine-{item.row.id.hex()[:12]}.bin"
    return Response(
        item.payload,
        mimetype="application/octet-stream",
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
    )


@bp.post("/<item_id>/resubmit")
@requires("support")
def submit_again(item_id: str) -> Response:
    """Submit the bytes again, as edited or (when the form has no text) as they came."""
    item = _get(item_id)
    text = request.form.get("payload")
    # A browser sends every line end as CR LF; in JSON that says the same.
    payload = item.payload if text is None else text.replace("\r\n", "\n").encode()
    try:
        receipt = resubmit(
            deps().db,
            deps().ingest,
            deps().decoders,
            item.row.id,
            payload,
            by=signed_in_account().name,
            now=now(),
        )
    except (BadPayload, UnsupportedMedia) as exc:
        return _item_page(item, error=str(exc), edited=text, status=422)
    flash(f"Submitted: {in_words(receipt)}.", "ok")
    return go_to(url_for(".show", item_id=item_id))


@bp.post("/<item_id>/discard")
@requires("operator")
def give_up(item_id: str) -> Response:
    """Discard the item, with a reason; its bytes stay."""
    item = _get(item_id)
    try:
        why, by = request.form.get("why", ""), signed_in_account().name
        discard(deps().db, item.row.id, why, by=by, now=now())
    except BadPayload as exc:
        return _item_page(item, discard_error=str(exc), status=422)
    flash("Discarded. The bytes are kept, in case somebody asks.", "ok")
    return go_to(url_for(".show_list"))


def in_words(receipt: Receipt) -> str:
    """What became of a submission, for a person."""
    parts = []
    if receipt.events_stored:
        parts.append(f"{receipt.events_stored} event{'s' * (receipt.events_stored != 1)} stored")
    if receipt.events_duplicate:
        parts.append(f"{receipt.events_duplicate} known already")
    if receipt.segments_stored:
        parts.append(f"{receipt.segments_stored} trace part{'s' * (receipt.segments_stored != 1)} stored")
    return ", ".join(parts) or "nothing that was not there already"


def _get(item_id: str) -> HeldItem:
    key = read_key(item_id)
    if key is None:
        raise NotFound("Nothing is quarantined under this address.")
    with reading(deps().db) as c:
        return get_item(c, key)


def _item_page(
    item: HeldItem, *, error: str = "", discard_error: str = "", edited: str | None = None, status: int = 200
) -> Response:
    shown = show_payload(item.payload, item.row.content_type, whole_names=may("support"))
    return page(
        "pages/quarantine/item.html",
        "frag_item",
        status=status,
        item=item.row,
        headers=item.headers,
        payload=shown,
        text=shown.text if edited is None else edited,
        error=error,
        discard_error=discard_error,
        is_held=item.row.state == HELD,
        # Only what, sent back unchanged, says the same may be edited.
        is_editable=not (shown.cut or shown.is_masked or shown.kind == "bytes"),
        has_decoder=item.row.edge in deps().decoders,
    )
