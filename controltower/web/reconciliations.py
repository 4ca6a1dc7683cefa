"""Reconciliations: what can be compared, the runs, what each found, and starting one."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Blueprint, Response, flash, request, url_for

from controltower.domain.errors import BadPayload, NotFound
from controltower.services.reconciliation.findings import FINDING_KINDS
from controltower.services.reconciliation.given import Given
from controltower.services.reconciliation.running import (
    Known,
    findings_csv,
    get_known,
    kind_words,
    list_known,
    run_declaration,
)
from controltower.store.engine import reading
from controltower.store.journeys import find_journeys
from controltower.store.reconciliations import RunRow, get_run, list_findings, list_runs
from controltower.web.auth import Unauthorized, principal
from controltower.web.cursors import read_cursor, read_key, write_cursor
from controltower.web.deps import deps
from controltower.web.htmx import go_to, page
from controltower.web.roles import requires

bp = Blueprint("reconciliations", __name__, url_prefix="/reconciliations")

PAGE_SIZE = 50
FINDINGS_PAGE = 100


@bp.get("")
@requires("support")
def show_list() -> Response:
    """What can be compared, and a page of the runs, newest first."""
    name = request.args.get("name", "")
    before = read_cursor(request.args.get("before"))
    with reading(deps().db) as c:
        rows = list_runs(c, name, before, PAGE_SIZE + 1)
    more = len(rows) > PAGE_SIZE
    rows = rows[:PAGE_SIZE]
    return page(
        "pages/reconciliations/index.html",
        "frag_reconciliations",
        known=list_known(deps().reconciliations),
        runs=rows,
        name=name,
        first_url=url_for(".show_list", name=name or None) if before else "",
        next_url=url_for(".show_list", name=name or None, before=write_cursor(rows[-1].cursor))
        if more
        else "",
    )


@bp.get("/start/<name>")
@requires("operator")
def show_form(name: str) -> Response:
    """Where the extracts of one reconciliation are handed over."""
    return _form(get_known(deps().reconciliations, name))


@bp.post("/start/<name>")
@requires("operator")
def start(name: str) -> Response:
    """Compare the extracts, and show what came out."""
    known = get_known(deps().reconciliations, name)
    try:
        run = run_uploaded(known)
    except BadPayload as exc:
        return _form(known, error=str(exc), status=422)
    flash(f"{run.title}: {run.figures.findings or 'no'} findings.", "ok")
    return go_to(url_for(".show", run_id=run.id.hex()))


@bp.get("/<run_id>")
@requires("support")
def show(run_id: str) -> Response:
    """One run, and a page of its findings with the journeys that they are about."""
    run = find_run(run_id)
    kind, after = read_kind(), read_place()
    with reading(deps().db) as c:
        rows = list_findings(c, run.id, kind, after, FINDINGS_PAGE + 1)
        more = len(rows) > FINDINGS_PAGE
        rows = rows[:FINDINGS_PAGE]
        journeys = find_journeys(c, {row.journey_key for row in rows if row.journey_key})
    here = url_for(".show", run_id=run_id)
    narrowed = f"kind={kind}&" if kind else ""
    return page(
        "pages/reconciliations/run.html",
        "frag_run",
        run=run,
        kind=kind,
        kinds=kind_words(run.figures),
        findings=rows,
        journeys=journeys,
        first_url=f"{here}?{narrowed}".rstrip("?&") if after >= 0 else "",
        next_url=f"{here}?{narrowed}after={rows[-1].place}" if more else "",
    )


@bp.get("/<run_id>/findings.csv")
@requires("support")
def download(run_id: str) -> Response:
    """The findings of a run, of one kind or all, as CSV."""
    run, kind = find_run(run_id), read_kind()
    with reading(deps().db) as c:
        body = "".join(findings_csv(c, run, kind))
    return Response(
        body,
        mimetype="text/csv",
        headers={
            "Content-Disposition": f'attachment; filename="{run.id.hex()[:12]}.csv"',
            "Cache-Control": "no-store",
        },
    )


def run_uploaded(known: Known) -> RunRow:
    """Compare with the extracts that the request carries; raises BadPayload with what is wrong."""
    if known.declaration is None:
        raise BadPayload(known.problem)
    caller = principal()
    if caller is None:
        raise Unauthorized("Sign in, or send a token.")
    return run_declaration(deps().db, known.text, known.name, _uploads(), by=caller.name, clock=deps().clock)


def find_run(run_id: str) -> RunRow:
    """The run that an address names; raises NotFound."""
    key = read_key(run_id)
    if key is None:
        raise NotFound("There is no such run.")
    with reading(deps().db) as c:
        return get_run(c, key)


def read_kind() -> str:
    """The kind of findings that the request is about, "" for all; raises BadPayload."""
    kind = request.args.get("kind", "")
    if kind and kind not in FINDING_KINDS:
        raise BadPayload(f"kind: expected one of {', '.join(FINDING_KINDS)}, found {kind[:40]!r}")
    return kind


def read_place() -> int:
    """The place after which the page begins, -1 for the first; raises BadPayload."""
    text = request.args.get("after", "")
    if not text:
        return -1
    if not text.isascii() or not text.isdecimal() or len(text) > 9:
        raise BadPayload(f"after: expected the place of a finding, found {text[:40]!r}")
    return int(text)


def _uploads() -> Mapping[str, Given]:
    """The files of the form; a field that was left empty hands nothing over."""
    files = {side: request.files.get(side) for side in ("left", "right")}
    return {side: Given(file.stream, file.filename) for side, file in files.items() if file and file.filename}


def _form(known: Known, *, error: str = "", status: int = 200) -> Response:
    return page(
        "pages/reconciliations/start.html",
        "frag_start",
        status=status,
        known=known,
        error=error or known.problem,
    )
