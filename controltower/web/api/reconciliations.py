"""Reconciliations as JSON: what can be compared, runs, findings, and starting one."""

from __future__ import annotations

from datetime import datetime

import msgspec
from flask import Blueprint, Response, request

from controltower.services.reconciliation.findings import FINDING_KINDS
from controltower.services.reconciliation.running import get_known, list_known
from controltower.store.engine import reading
from controltower.store.journeys import find_journeys
from controltower.store.reconciliations import RunRow, list_findings, list_runs
from controltower.web.api import answers
from controltower.web.api.described import LIMIT, Parameter, describes, read_limit
from controltower.web.cursors import read_cursor, write_cursor
from controltower.web.deps import deps
from controltower.web.reconciliations import find_run, read_kind, read_place, run_uploaded
from controltower.web.roles import requires

bp = Blueprint("api_reconciliations", __name__, url_prefix="/api/v1/reconciliations")

_BEFORE = Parameter("before", "`next` of the page before.")
_NAME = Parameter("name", "Only runs of this reconciliation.")
_KIND = Parameter("kind", "Only findings of this kind.", values=FINDING_KINDS)
_AFTER = Parameter("after", "`next` of the page before.", kind="integer")


class Reconciliation(msgspec.Struct, kw_only=True):
    """What can be compared; `problem` says why it cannot."""

    name: str
    title: str
    left: str
    right: str
    needs_files: list[str]
    every_seconds: float | None
    problem: str


class Reconciliations(msgspec.Struct, kw_only=True):
    """All that can be compared."""

    reconciliations: list[Reconciliation]


class ReconciliationRun(msgspec.Struct, kw_only=True):
    """A run; `counts` has its findings by kind, of which `kept` are kept."""

    id: str
    name: str
    title: str
    started_at: datetime
    finished_at: datetime | None
    state: str
    started_by: str
    problem: str
    left_rows: int
    right_rows: int
    left_keys: int
    right_keys: int
    without_key: int
    matched: int
    not_due: int
    counts: dict[str, int]
    kept: int


class ReconciliationRuns(msgspec.Struct, kw_only=True):
    """A page of runs, newest first."""

    runs: list[ReconciliationRun]
    next: str | None


class ReconciliationFinding(msgspec.Struct, kw_only=True):
    """Something that did not agree, and the journey that it is about, if one is known."""

    place: int
    kind: str
    key: list[str]
    check: str
    left: str
    right: str
    difference: str
    journey_id: str | None


class ReconciliationFindings(msgspec.Struct, kw_only=True):
    """A page of findings."""

    findings: list[ReconciliationFinding]
    next: int | None


@bp.get("")
@requires("support")
@describes(Reconciliations)
def index() -> Response:
    """What can be compared."""
    found = []
    for known in list_known(deps().reconciliations):
        one = known.declaration
        found.append(
            Reconciliation(
                name=known.name,
                title=one.title if one else known.name,
                left=one.left.title if one else "",
                right=one.right.title if one else "",
                needs_files=list(one.needs_files) if one else [],
                every_seconds=one.every.total_seconds() if one and one.every else None,
                problem=known.problem,
            )
        )
    return answers.reply(Reconciliations(reconciliations=found))


@bp.post("/<name>/runs")
@requires("operator")
@describes(ReconciliationRun, body="multipart/form-data with the files `left` and `right`, as far as needed.")
def start(name: str) -> Response:
    """Compare the extracts that are sent; the answer has what came out."""
    return answers.reply(_run(run_uploaded(get_known(deps().reconciliations, name))), 201)


@bp.get("/runs")
@requires("support")
@describes(ReconciliationRuns, _NAME, _BEFORE, LIMIT)
def runs() -> Response:
    """A page of runs, newest first."""
    before, limit = read_cursor(request.args.get("before")), read_limit(request.args.get("limit"))
    with reading(deps().db) as c:
        rows = list_runs(c, request.args.get("name", ""), before, limit + 1)
    more = len(rows) > limit
    rows = rows[:limit]
    return answers.reply(
        ReconciliationRuns(
            runs=[_run(row) for row in rows], next=write_cursor(rows[-1].cursor) if more else None
        )
    )


@bp.get("/runs/<run_id>")
@requires("support")
@describes(ReconciliationRun)
def show(run_id: str) -> Response:
    """One run."""
    return answers.reply(_run(find_run(run_id)))


@bp.get("/runs/<run_id>/findings")
@requires("support")
@describes(ReconciliationFindings, _KIND, _AFTER, LIMIT)
def findings(run_id: str) -> Response:
    """A page of the findings of a run, in their order."""
    run, limit = find_run(run_id), read_limit(request.args.get("limit"), 100)
    with reading(deps().db) as c:
        rows = list_findings(c, run.id, read_kind(), read_place(), limit + 1)
        more = len(rows) > limit
        rows = rows[:limit]
        journeys = find_journeys(c, {row.journey_key for row in rows if row.journey_key})
    return answers.reply(
        ReconciliationFindings(
            findings=[
                ReconciliationFinding(
                    place=row.place,
                    kind=row.kind,
                    key=list(row.key),
                    check=row.check_title,
                    left=row.left_value,
                    right=row.right_value,
                    difference=row.difference,
                    journey_id=journeys[row.journey_key].id.hex() if row.journey_key in journeys else None,
                )
                for row in rows
            ],
            next=rows[-1].place if more else None,
        )
    )


def _run(row: RunRow) -> ReconciliationRun:
    figures = row.figures
    return ReconciliationRun(
        id=row.id.hex(),
        name=row.name,
        title=row.title,
        started_at=row.started_at,
        finished_at=row.finished_at,
        state=row.state,
        started_by=row.started_by,
        problem=row.problem,
        left_rows=figures.left_rows,
        right_rows=figures.right_rows,
        left_keys=figures.left_keys,
        right_keys=figures.right_keys,
        without_key=figures.without_key,
        matched=figures.matched,
        not_due=figures.not_due,
        counts=figures.counts,
        kept=figures.kept,
    )
