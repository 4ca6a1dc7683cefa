"""One dead letter: what it says and what became of it, revealing what is masked, and its edits."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec
from flask import Blueprint, Response, flash, request, session, url_for

from controltower.domain.dead_letters import REPLAYABLE
from controltower.domain.edits import access_to
from controltower.domain.errors import BadPayload, Conflict, Forbidden, NotFound
from controltower.domain.messages import Message
from controltower.domain.replays import ITEM_WORDS
from controltower.services.dead_letters.forms import Form, form_of
from controltower.services.failure_rules import rule_book
from controltower.store.engine import reading
from controltower.store.letter_rows import LetterBody, LetterRow
from controltower.store.letters import get_body, get_letter
from controltower.web.auth import signed_in_account
from controltower.web.cursors import read_key
from controltower.web.deps import deps, now
from controltower.web.htmx import go_to, page, wants_fragment
from controltower.web.letter_actions import SNOOZES
from controltower.web.letter_page import LetterView, load_letter, view_headers
from controltower.web.letter_payloads import compare, holds_hidden, read_part, show_part
from controltower.web.letter_views import title_of
from controltower.web.letter_words import IMPACT_WORDS, STATE_WORDS
from controltower.web.roles import may, requires

bp = Blueprint("letter_item", __name__, url_prefix="/dead-letters")

REVEALED_FOR = timedelta(minutes=10)
MOST_REVEALED = 5
ORIGINAL = "original"
MOST_EDITABLE = 1024 * 1024
NEW_HEADERS = 2
_SESSION = "revealed"


@bp.get("/<letter_id>")
@requires("viewer")
def show(letter_id: str) -> Response:
    """One letter. A poll that has seen how it is now gets 204."""
    return _item_page(_key(letter_id))


@bp.post("/<letter_id>/reveal")
@requires("operator")
def reveal(letter_id: str) -> Response:
    """Show what is masked, for a few minutes and to this person alone; why is written down first."""
    key = _key(letter_id)
    try:
        deps().desk.reveal(key, request.form.get("reason", ""), by=signed_in_account().name, now=now())
    except BadPayload as exc:
        return _item_page(key, reveal_error=str(exc), status=422)
    until = int((now() + REVEALED_FOR).timestamp())
    kept = sorted(_revealed().items(), key=lambda one: -one[1])[: MOST_REVEALED - 1]
    session[_SESSION] = {**dict(kept), key.hex(): until}
    return go_to(url_for(".show", letter_id=letter_id))


@bp.get("/<letter_id>/payload")
@requires("operator")
def download(letter_id: str) -> Response:
    """The bytes as they came, for whoever revealed them; never in a form that a browser would run."""
    key = _key(letter_id)
    if _revealed_until(key) is None:
        raise Forbidden("The bytes are not masked: reveal this dead letter first, and say why.")
    with reading(deps().db) as c:
        body = get_body(c, key, get_letter(c, key).edit)
    name = f"dead-letter-{key.hex()[:12]}.bin"
    return Response(
        body.message.body,
        mimetype="application/octet-stream",
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
    )


@bp.get("/<letter_id>/edits/<int:number>")
@requires("viewer")
def show_edit(letter_id: str, number: int) -> Response:
    """The letter, and what one edit of it changed of the original."""
    return _item_page(_key(letter_id), edit=number)


@bp.get("/<letter_id>/edit")
@requires("operator")
def show_form(letter_id: str) -> Response:
    """Where the payload and the headers of a letter are put right."""
    return _form_page(_key(letter_id))


@bp.post("/<letter_id>/edit")
@requires("operator")
def edit(letter_id: str) -> Response:
    """Keep an edited copy, which replays then send; the original stays."""
    key = _key(letter_id)
    row, body = _get(key)
    form = request.form
    try:
        if form.get("edit", "") != str(row.edit):
            raise Conflict("Somebody edited it meanwhile; look at it again.")
        message = body.message._replace(body=_read_body(body.message), headers=_read_headers(body.message))
        deps().desk.edit(key, message, by=signed_in_account().name, why=form.get("reason", ""), now=now())
    except BadPayload as exc:
        return _form_page(key, error=str(exc), status=422)
    flash("Kept. The next replay sends what you edited; the original stays.", "ok")
    return go_to(url_for(".show", letter_id=letter_id, against=ORIGINAL))


def _item_page(key: bytes, *, edit: int = 0, reveal_error: str = "", status: int = 200) -> Response:
    until = _revealed_until(key)
    is_revealed = until is not None
    with reading(deps().db) as c:
        if wants_fragment() and request.args.get("seen") == _mark(get_letter(c, key)):
            return Response(status=204, headers={"Vary": "HX-Request"})
        book = rule_book(c, deps().failure_rules)
        view = load_letter(c, key, deps().processes, book, reveal=is_revealed)
    return page(
        "pages/dead_letters/item.html",
        "frag_letter",
        status=status,
        view=view,
        row=view.row,
        title=view.row.title or view.row.message_id or view.row.id.hex()[:12],
        what=title_of(view.row),
        mark=_mark(view.row),
        payload=show_part(view.body.message, read_part(request.args.get("part", "")), reveal=is_revealed),
        revealed_until=until,
        reveal_error=reveal_error,
        is_editable=view.row.state in REPLAYABLE,
        state_words=STATE_WORDS,
        item_words=ITEM_WORDS,
        impact_words=IMPACT_WORDS,
        snoozes=SNOOZES,
        **_comparison(view, edit, is_revealed=is_revealed),
    )


def _comparison(view: LetterView, edit: int, *, is_revealed: bool) -> dict[str, Any]:
    """What the address asks to compare: an edit, or else the letter, with its original or another letter."""
    against = ORIGINAL if edit else request.args.get("against", "").strip()
    if not against:
        return {"against": ""}
    try:
        with reading(deps().db) as c:
            after = get_body(c, view.row.id, edit) if edit else view.body
            other = view.row if against == ORIGINAL else get_letter(c, _key(against))
            before = get_body(c, other.id, 0 if against == ORIGINAL else other.edit)
    except NotFound as exc:
        return {"against": against, "problem": str(exc)}
    # Another letter's data was not revealed with this one's.
    reveal = is_revealed and (against == ORIGINAL or _revealed_until(other.id) is not None)
    lines, is_cut = compare(before.message, after.message, reveal=reveal)
    return {
        "against": against,
        "problem": "",
        "old_name": "the original" if against == ORIGINAL else other.title or other.message_id,
        "new_name": f"edit {edit}" if edit else "this",
        "diff": lines,
        "diff_is_cut": is_cut,
        "differing_headers": _headers_that_differ(before.message, after.message, reveal=reveal),
    }


def _headers_that_differ(old: Message, new: Message, *, reveal: bool) -> list[tuple[str, str, str]]:
    before, after = (
        {one.name: one.value for one in view_headers(side, reveal=reveal)} for side in (old, new)
    )
    return [
        (name, before.get(name, ""), after.get(name, ""))
        for name in sorted({**before, **after})
        if before.get(name) != after.get(name)
    ]


def _form_page(key: bytes, *, error: str = "", status: int = 200) -> Response:
    row, body = _get(key)
    form = form_of(body.message.body, body.message.content_type)
    headers = list(enumerate(view_headers(body.message, reveal=True)))
    return page(
        "pages/dead_letters/edit.html",
        "frag_edit",
        status=status,
        row=row,
        title=row.title or row.message_id or row.id.hex()[:12],
        form=form,
        problem=_reason_not_to_edit(row, body, form),
        text=request.form.get("payload") or _text_of(body.message, form),
        reason=request.form.get("reason", ""),
        given={name: value for name, value in request.form.items() if name.startswith("header")},
        headers=headers,
        new_headers=range(NEW_HEADERS),
        error=error,
    )


def _reason_not_to_edit(row: LetterRow, body: LetterBody, form: Form) -> str:
    if row.state not in REPLAYABLE:
        return f"It is {STATE_WORDS[row.state].lower()}; it cannot be edited now."
    if form == "bytes" or len(body.message.body) > MOST_EDITABLE:
        return "Only text of up to a megabyte can be edited here."
    if _revealed_until(row.id) is None and _holds_hidden(body.message):
        return "Some of it is masked. Reveal it first, on its page, and say why."
    return ""


def _holds_hidden(message: Message) -> bool:
    hidden = view_headers(message, reveal=False)
    return holds_hidden(message) or any(one.is_hidden and one.access != "locked" for one in hidden)


def _text_of(message: Message, form: Form) -> str:
    if form == "JSON":
        return msgspec.json.format(message.body, indent=2).decode()
    return message.body.decode()


def _read_body(message: Message) -> bytes:
    """The payload of the form, in the layout that it had before; unchanged bytes when it says the same."""
    text = request.form.get("payload", "").replace("\r\n", "\n")
    if form_of(message.body, message.content_type) != "JSON":
        return text.replace("\n", "\r\n").encode() if b"\r\n" in message.body else text.encode()
    try:
        compact = msgspec.json.format(text.encode(), indent=-1)
    except msgspec.DecodeError:
        return text.encode()  # what is wrong with it, the desk says
    if compact == msgspec.json.format(message.body, indent=-1):
        return message.body
    return text.encode() if b"\n" in message.body.strip() else compact


def _read_headers(message: Message) -> tuple[tuple[str, str], ...]:
    """The headers of the form: those that cannot be edited as they were, and new ones after them."""
    form = request.form
    found = []
    for place, (name, value) in enumerate(message.headers):
        if access_to(name) == "locked":
            found.append((name, value))
        elif form.get(f"header-{place}-drop") != "yes":
            found.append((name, form.get(f"header-{place}", value)))
    for place in range(NEW_HEADERS):
        if name := form.get(f"header-new-{place}-name", "").strip():
            found.append((name, form.get(f"header-new-{place}", "")))
    return tuple(found)


def _get(key: bytes) -> tuple[LetterRow, LetterBody]:
    with reading(deps().db) as c:
        row = get_letter(c, key)
        return row, get_body(c, key, row.edit)


def _mark(row: LetterRow) -> str:
    """Changes whenever the letter does."""
    return f"{row.changed_at.timestamp():.6f}-{row.state}"


def _revealed() -> dict[str, int]:
    """The letters whose masked parts this session may see, and until when."""
    at = now().timestamp()
    return {key: until for key, until in session.get(_SESSION, {}).items() if until > at}


def _revealed_until(key: bytes) -> datetime | None:
    until = _revealed().get(key.hex()) if may("operator") else None
    return None if until is None else datetime.fromtimestamp(until, now().tzinfo)


def _key(text: str) -> bytes:
    key = read_key(text)
    if key is None:
        raise NotFound(f"There is no dead letter {text[:64]!r}.")
    return key
