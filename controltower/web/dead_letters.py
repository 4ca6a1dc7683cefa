"""Dead letters: in groups by what failed, one group with what is known about it, and the list."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from flask import Blueprint, Response, flash, request, stream_with_context, url_for

from controltower.domain.dead_letters import CLOSED, LIVE
from controltower.domain.errors import BadPayload, NotFound
from controltower.services.failure_rules import rule_book
from controltower.store.engine import Connection, reading
from controltower.store.letter_rows import LetterFilter, LetterRow
from controltower.store.letters import count_letters, count_snoozed, list_letters
from controltower.web import letter_filters as filters
from controltower.web.auth import signed_in_account
from controltower.web.cursors import read_cursor, write_cursor
from controltower.web.deps import deps, now
from controltower.web.htmx import go_to, page
from controltower.web.letter_exports import csv_lines, json_lines
from controltower.web.letter_views import GroupView, load_groups
from controltower.web.letter_words import KEY_WORDS, STATE_WORDS
from controltower.web.roles import requires

bp = Blueprint("dead_letters", __name__, url_prefix="/dead-letters")

MOST_GROUPS = 50
PAGE_ROWS = 50
GROUP_ROWS = 10
_FINGERPRINT = re.compile(r"[0-9a-f]{16}")
NOTE_FIELDS = ("owner", "state", "ticket", "note")


@bp.get("")
@requires("viewer")
def index() -> Response:
    """The groups of a filter, those that matter most first."""
    by = filters.read_by(request.args.get("by", ""))
    fields, wanted = filters.given_fields(request.args), filters.read_filter(request.args)
    with reading(deps().db) as c:
        book = rule_book(c, deps().failure_rules)
        views, found = load_groups(c, by, wanted, book, now(), MOST_GROUPS)
        context = _filter_context(c, fields, wanted)
    return page(
        "pages/dead_letters/index.html",
        "frag_groups",
        views=views,
        found=found,
        letters=sum(view.group.letters for view in views),
        by=by,
        keys=KEY_WORDS,
        refresh_url=filters.url_of(request.path, fields, by=_told(by)),
        list_url=filters.url_of(url_for(".index_letters"), fields),
        **context,
    )


@bp.get("/letters")
@requires("viewer")
def index_letters() -> Response:
    """A page of the letters of a filter, with what can be done with them."""
    fields, wanted = filters.given_fields(request.args), filters.read_filter(request.args)
    before = read_cursor(request.args.get("before"))
    with reading(deps().db) as c:
        rows = list_letters(c, wanted, now(), before, PAGE_ROWS + 1)
        is_all = before is None and len(rows) <= PAGE_ROWS
        matching = len(rows) if is_all else count_letters(c, wanted, now())
        context = _filter_context(c, fields, wanted)
    here = url_for(".index_letters")
    return page(
        "pages/dead_letters/letters.html",
        "frag_letters",
        **_list_context(rows[:PAGE_ROWS], fields),
        matching=matching,
        is_closed=bool(wanted.states) and set(wanted.states) <= set(CLOSED),
        groups_url=filters.url_of(url_for(".index"), fields),
        first_url=filters.url_of(here, fields) if before else "",
        next_url=filters.url_of(here, fields, before=write_cursor(rows[PAGE_ROWS - 1].cursor))
        if len(rows) > PAGE_ROWS
        else "",
        **context,
    )


@bp.get("/groups/<fingerprint>")
@requires("viewer")
def show_group(fingerprint: str) -> Response:
    """One group: what it is, what helped before, what was noted, and its letters."""
    return _group_page(fingerprint)


@bp.post("/groups/<fingerprint>")
@requires("support")
def note_group(fingerprint: str) -> Response:
    """Keep who works on a group, where, and what they found out."""
    change = {name: request.form.get(name, "") for name in NOTE_FIELDS}
    try:
        deps().desk.note_group(_checked(fingerprint), change, by=signed_in_account().name, now=now())
    except BadPayload as exc:
        return _group_page(fingerprint, form=change, error=str(exc), status=422)
    flash("Noted.", "ok")
    return go_to(url_for(".show_group", fingerprint=fingerprint))


@bp.get("/letters.csv")
@requires("viewer")
def export_csv() -> Response:
    """Every letter of a filter as CSV, in constant memory."""
    return _export("csv", "text/csv; charset=utf-8")


@bp.get("/letters.ndjson")
@requires("viewer")
def export_ndjson() -> Response:
    """Every letter of a filter, one JSON object a line, in constant memory."""
    return _export("ndjson", "application/x-ndjson")


def _export(ending: str, content_type: str) -> Response:
    wanted = filters.read_filter(request.args)
    lines = csv_lines if ending == "csv" else json_lines
    name = f"dead-letters-{now():%Y%m%d-%H%M}.{ending}"
    return Response(
        stream_with_context(lines(deps().db, wanted, now())),
        content_type=content_type,
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
    )


def _group_page(
    fingerprint: str, *, form: dict[str, str] | None = None, error: str = "", status: int = 200
) -> Response:
    with reading(deps().db) as c:
        view, is_over = _find_group(c, _checked(fingerprint))
        states = () if is_over else LIVE
        rows = list_letters(c, LetterFilter(states=states, fingerprint=fingerprint), now(), None, GROUP_ROWS)
    note = view.note
    filled = form or {"owner": note.owner, "state": note.state, "ticket": note.ticket, "note": note.note}
    fields = {"fingerprint": fingerprint, **({"state": "all"} if is_over else {"snoozed": filters.SHOWN})}
    return page(
        "pages/dead_letters/group.html",
        "frag_group",
        status=status,
        view=view,
        is_over=is_over,
        form=filled,
        error=error,
        letters_url=filters.url_of(url_for(".index_letters"), fields),
        **_list_context(rows, fields),
    )


def _find_group(c: Connection, fingerprint: str) -> tuple[GroupView, bool]:
    """The group by its live letters or, when they are all closed, by those."""
    book = rule_book(c, deps().failure_rules)
    for states in (LIVE, CLOSED):
        wanted = LetterFilter(states=states, fingerprint=fingerprint)
        views, _ = load_groups(c, "fingerprint", wanted, book, now(), 1)
        if views:
            return views[0], states == CLOSED
    raise NotFound("There are no dead letters of this kind; they may have been purged.")


def _filter_context(c: Connection, fields: dict[str, str], wanted: LetterFilter) -> dict[str, Any]:
    hidden = 0 if wanted.with_snoozed else count_snoozed(c, replace(wanted, with_snoozed=True), now())
    return {
        "fields": fields,
        "active": filters.list_active(fields),
        "choices": filters.list_choices(c),
        "snoozed": hidden,
        "url_of": filters.url_of,
    }


def _list_context(rows: list[LetterRow], fields: dict[str, str]) -> dict[str, Any]:
    return {
        "rows": rows,
        "state_words": STATE_WORDS,
        "selection": filters.spell(fields),
        "known_at": now().isoformat(),
        "now_at": now(),
    }


def _told(by: str) -> str:
    return "" if by == "fingerprint" else by


def _checked(fingerprint: str) -> str:
    if _FINGERPRINT.fullmatch(fingerprint) is None:
        raise NotFound(f"{fingerprint[:64]!r} is not a group of dead letters.")
    return fingerprint
