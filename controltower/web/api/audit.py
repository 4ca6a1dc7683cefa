"""The audit as JSON: a page of it, a look at the whole chain, and all of it to keep."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import msgspec
from flask import Blueprint, Response, request

from controltower.store.audit import Entry, list_entries
from controltower.store.engine import reading
from controltower.web.api import answers
from controltower.web.api.described import LIMIT, Parameter, describes, read_limit
from controltower.web.audit import check_chain, export_as, read_before, read_filters
from controltower.web.deps import deps
from controltower.web.roles import requires

bp = Blueprint("api_audit", __name__, url_prefix="/api/v1/audit")

_SUBJECT = Parameter("subject", "Only what was done to this, as in `replay/<id>`.")
_ACTOR = Parameter("actor", "Only what this person, token or policy did.")
_ACTION = Parameter("action", "Only what was done in this way, as in `started`.")
_BEFORE = Parameter("before", "`next` of the page before.", kind="integer")


class AuditEntry(msgspec.Struct, kw_only=True):
    """Something that was done. `digest` seals the entry and, by `previous`, all before it."""

    number: int
    at: datetime
    actor: str
    action: str
    subject: str
    reason: str
    detail: dict[str, Any]
    previous: str
    digest: str


class Audit(msgspec.Struct, kw_only=True):
    """A page of entries, newest first."""

    entries: list[AuditEntry]
    next: int | None


class AuditCheck(msgspec.Struct, kw_only=True):
    """Whether all entries are as they were written; `broken_at` is the number of the first that is not."""

    entries: int
    last_digest: str
    broken_at: int | None


@bp.get("")
@requires("operator")
@describes(Audit, _SUBJECT, _ACTOR, _ACTION, _BEFORE, LIMIT)
def index() -> Response:
    """A page of entries, newest first."""
    limit = read_limit(request.args.get("limit"))
    with reading(deps().db) as c:
        rows = list_entries(c, **read_filters(), before=read_before(), limit=limit + 1)
    more = len(rows) > limit
    rows = rows[:limit]
    return answers.reply(Audit(entries=[_entry(row) for row in rows], next=rows[-1].number if more else None))


@bp.get("/check")
@requires("operator")
@describes(AuditCheck)
def check() -> Response:
    """Look at every entry: is it what was written?"""
    found = check_chain()
    return answers.reply(
        AuditCheck(entries=found.entries, last_digest=found.last_digest, broken_at=found.broken_at)
    )


@bp.get("/export.ndjson")
@requires("operator")
@describes(None, media="application/x-ndjson")
def export_lines() -> Response:
    """Every entry on a line, oldest first; the last line has their number and the last digest."""
    return export_as("ndjson")


@bp.get("/export.csv")
@requires("operator")
@describes(None, media="text/csv")
def export_table() -> Response:
    """Every entry as CSV, oldest first; the header X-Audit-Last-Digest has the last digest."""
    return export_as("csv")


def _entry(row: Entry) -> AuditEntry:
    return AuditEntry(
        number=row.number,
        at=row.at,
        actor=row.actor,
        action=row.action,
        subject=row.subject,
        reason=row.reason,
        detail=json.loads(row.detail),
        previous=row.previous.hex(),
        digest=row.digest.hex(),
    )
