"""The audit: who did what, when and why; whether it is as it was written; and all of it, to keep."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, request, stream_with_context, url_for

from controltower.domain.errors import BadPayload
from controltower.store.audit import Entry, entries_after, first_break, list_entries
from controltower.store.engine import Database, reading
from controltower.web.csv_cells import csv_line
from controltower.web.deps import deps, now
from controltower.web.htmx import page
from controltower.web.roles import requires

bp = Blueprint("audit", __name__, url_prefix="/audit")

PAGE_ROWS = 50
FILTERS = ("subject", "actor", "action")
COLUMNS = ("number", "at", "actor", "action", "subject", "reason", "detail", "previous", "digest")
_BATCH = 1000


@dataclass(frozen=True, slots=True)
class Change:
    """A value that a deed changed, or a circumstance of it."""

    name: str
    before: str | None  # None for a circumstance
    after: str


@dataclass(frozen=True, slots=True)
class EntryView:
    """An entry for reading."""

    entry: Entry
    subject_url: str
    subject_words: str
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Check:
    """What a look at the whole chain found."""

    entries: int
    last_digest: str
    broken_at: int | None  # the number of the first entry that is not what was written


@bp.get("")
@requires("operator")
def show_list() -> Response:
    """A page of entries, newest first; with `check`, whether all of them are as they were written."""
    chosen = read_filters()
    before = read_before()
    with reading(deps().db) as c:
        rows = list_entries(c, **chosen, before=before, limit=PAGE_ROWS + 1)
    more = len(rows) > PAGE_ROWS
    rows = rows[:PAGE_ROWS]
    fields: dict[str, Any] = {name: value for name, value in chosen.items() if value}
    return page(
        "pages/audit/index.html",
        "frag_entries",
        entries=[view_entry(row) for row in rows],
        fields=fields,
        check=check_chain() if request.args.get("check") else None,
        first_url=url_for(".show_list", **fields) if before else "",
        next_url=url_for(".show_list", **fields, before=rows[-1].number) if more else "",
    )


@bp.get("/export.<form>")
@requires("operator")
def export(form: str) -> Response:
    """Every entry, oldest first, as CSV or NDJSON, in constant memory; headers name the last one."""
    return export_as(form)


def export_as(form: str) -> Response:
    """The whole audit as `csv` or `ndjson`. Raises BadPayload for any other form."""
    lines, media = _forms(form)
    last = _last_entry()
    body = stream_with_context(lines(deps().db, last.number if last else 0))
    headers = {
        "Content-Disposition": f'attachment; filename="audit-{now():%Y%m%d-%H%M}.{form}"',
        "Cache-Control": "no-store",
        "X-Audit-Entries": str(last.number if last else 0),
        "X-Audit-Last-Digest": last.digest.hex() if last else "",
    }
    return Response(body, content_type=media, headers=headers)


def read_filters() -> dict[str, str]:
    """Subject, actor and action that the address asks for."""
    return {name: request.args.get(name, "").strip()[:200] for name in FILTERS}


def read_before() -> int | None:
    """The number of the entry before which the page begins; None for the newest. Raises BadPayload."""
    text = request.args.get("before", "")
    if not text:
        return None
    if not text.isascii() or not text.isdecimal() or len(text) > 15:
        raise BadPayload(f"before: expected the number of an entry, found {text[:40]!r}")
    return int(text)


def check_chain() -> Check:
    """Look at every entry."""
    last = _last_entry()
    with reading(deps().db) as c:
        broken_at = first_break(c)
    return Check(last.number if last else 0, last.digest.hex() if last else "", broken_at)


def view_entry(entry: Entry) -> EntryView:
    """The entry with its detail taken apart."""
    kind, _, name = entry.subject.partition("/")
    urls = {
        "dead_letter": f"/dead-letters/{name}",
        "replay": f"/replays/{name}",
        "redirect": "/redirects",
    }
    words = f"{kind.replace('_', ' ')} {name[:12] if len(name) == 32 else name}".strip()
    return EntryView(entry, urls.get(kind, ""), words, tuple(_changes(json.loads(entry.detail))))


def _changes(detail: dict[str, Any]) -> Iterator[Change]:
    before, after = detail.pop("before", None) or {}, detail.pop("after", None) or {}
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            yield Change(_plain(name), _said(before.get(name)), _said(after.get(name)))
    for name, value in sorted(detail.items()):
        if value not in ("", None, [], {}):
            yield Change(_plain(name), None, _said(value))


def _plain(name: str) -> str:
    return name.removesuffix("_us").replace("_", " ")


def _said(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{_plain(str(key))} {_said(one)}" for key, one in value.items())
    if isinstance(value, list):
        return ", ".join(_said(one) for one in value)
    return "" if value is None else str(value)


def _last_entry() -> Entry | None:
    with reading(deps().db) as c:
        return next(iter(list_entries(c, limit=1)), None)


def _forms(form: str) -> tuple[Callable[[Database, int], Iterator[str]], str]:
    known = {
        "csv": (_csv_lines, "text/csv; charset=utf-8"),
        "ndjson": (_json_lines, "application/x-ndjson; charset=utf-8"),
    }
    if form not in known:
        raise BadPayload(f"export: expected csv or ndjson, found {form[:40]!r}")
    return known[form]


def _batches(db: Database, last: int) -> Iterator[list[Entry]]:
    after = 0
    while after < last:
        # A short read for each batch: a long one would keep the database from tidying up behind it.
        with reading(db) as c:
            entries = [entry for entry in entries_after(c, after, _BATCH) if entry.number <= last]
        if not entries:
            return
        yield entries
        after = entries[-1].number


def _csv_lines(db: Database, last: int) -> Iterator[str]:
    yield csv_line(COLUMNS)
    for entries in _batches(db, last):
        yield "".join(csv_line(tuple(_cells(entry).values())) for entry in entries)


def _json_lines(db: Database, last: int) -> Iterator[str]:
    digest = ""
    for entries in _batches(db, last):
        yield "".join(json.dumps(_document(entry), ensure_ascii=False) + "\n" for entry in entries)
        digest = entries[-1].digest.hex()
    yield json.dumps({"entries": last, "last_digest": digest}) + "\n"


def _document(entry: Entry) -> dict[str, Any]:
    return {**_cells(entry), "number": entry.number, "detail": json.loads(entry.detail)}


def _cells(entry: Entry) -> dict[str, str]:
    return {
        "number": str(entry.number),
        "at": entry.at.isoformat(),
        "actor": entry.actor,
        "action": entry.action,
        "subject": entry.subject,
        "reason": entry.reason,
        "detail": entry.detail,
        "previous": entry.previous.hex(),
        "digest": entry.digest.hex(),
    }
