"""The home page: how many journeys are where, what arrives, what failed last, who fell silent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, abort, request

from controltower.domain.journeys import CANCELLED, DONE, FAILED_STATUS, IN_FLIGHT, STATUSES
from controltower.domain.processes import Process
from controltower.services.failure_rules import rule_book
from controltower.store.engine import Connection, reading
from controltower.store.figures import counts, newest_failures, oldest_in_stage, sources
from controltower.store.letter_rows import LetterFilter
from controltower.store.letters import live_count
from controltower.store.sources import SourceRow
from controltower.web import charts
from controltower.web.deps import deps, now
from controltower.web.failure_views import view_failure
from controltower.web.htmx import go_to, page
from controltower.web.letter_views import load_groups
from controltower.web.roles import requires

bp = Blueprint("home", __name__)
bp.register_blueprint(charts.bp)

TEMPLATE = "pages/home/index.html"
FRESH = timedelta(minutes=5)
QUIET = timedelta(hours=1)
FAILURES_SHOWN = 8
LETTER_GROUPS_SHOWN = 5
_NOTES = {
    "in_flight": "on their way",
    "failed": "waiting to be put right",
    "done": "delivered and settled",
    "cancelled": "called off",
    "returned": "sent back",
    "refused": "not taken",
}
_ALWAYS = (IN_FLIGHT, FAILED_STATUS, DONE, CANCELLED)  # the others when there are any


@dataclass(frozen=True, slots=True)
class Tile:
    """How many journeys have a status."""

    status: str
    journeys: int
    note: str


@dataclass(frozen=True, slots=True)
class StageFigures:
    """One stage of the funnel; shares are percentages of the stage that most journeys reached."""

    name: str
    title: str
    owner: str
    here: int
    ever: int
    here_share: float
    ever_share: float
    oldest_at: datetime | None
    is_late: bool


@dataclass(frozen=True, slots=True)
class Funnel:
    """The stages of one process."""

    process: str
    title: str
    stages: tuple[StageFigures, ...]


@dataclass(frozen=True, slots=True)
class SourceView:
    """A source, and in one word how it is doing."""

    row: SourceRow
    freshness: str  # fresh, quiet, silent
    url: str


@bp.get("/")
@requires("viewer")
def home() -> Response:
    """The home page, or the part of it that refreshes itself."""
    part = request.args.get("part", "")
    if part and part not in _PARTS:
        abort(404)
    at = now()
    with reading(deps().db) as c:
        is_empty = not sources(c)
        if part == "first_fact" and not is_empty:
            return go_to("/")
        wanted = [part] if part else ["first_fact"] if is_empty else list(_PARTS)
        context: dict[str, Any] = {"is_empty": is_empty}
        for name in wanted:
            context |= _PARTS[name](c, at)
    return page(TEMPLATE, f"frag_{part or 'tiles'}", **context)


def _first_fact(_: Connection, at: datetime) -> dict[str, Any]:
    return {"address": request.host_url.rstrip("/"), "sample_time": f"{at:%Y-%m-%dT%H:%M:%SZ}"}


def _tiles(c: Connection, _: datetime) -> dict[str, Any]:
    by_status: Counter[str] = Counter()
    for (_process, status), journeys in counts(c, "status").items():
        by_status[status] += journeys
    return {"tiles": [
            Tile(status, by_status[status], _NOTES[status])
            for status in STATUSES
            if status in _ALWAYS or by_status[status]
        ]}


def _minutes(c: Connection, at: datetime) -> dict[str, Any]:
    return {"minutes": charts.list_minutes(c, at)}


def _sources(c: Connection, at: datetime) -> dict[str, Any]:
    views = [_source_view(row, at) for row in sources(c)]
    views.sort(key=lambda view: view.row.last_received_at)
    tally = Counter(view.freshness for view in views)
    words = ", ".join(f"{tally[word]} {word}" for word in ("silent", "quiet", "fresh") if tally[word])
    return {"sources": views, "freshness": words}


def _failures(c: Connection, _: datetime) -> dict[str, Any]:
    book = rule_book(c, deps().failure_rules)
    found = [(row, row.failure) for row in newest_failures(c, FAILURES_SHOWN)]
    known = deps().processes
    return {"failures": [view_failure(row, failure, book, known) for row, failure in found if failure]}


def _dead_letters(c: Connection, at: datetime) -> dict[str, Any]:
    book = rule_book(c, deps().failure_rules)
    wanted = LetterFilter(with_snoozed=False)
    views, groups = load_groups(c, "fingerprint", wanted, book, at, LETTER_GROUPS_SHOWN)
    return {"letter_groups": views, "letter_group_count": groups, "live_letters": live_count(c)}


def _funnel(c: Connection, at: datetime) -> dict[str, Any]:
    here, ever, oldest = counts(c, "waiting"), counts(c, "reached"), oldest_in_stage(c)
    known = list(deps().processes.values())
    used = {name for (name, _), journeys in ever.items() if journeys}
    # Before the first journey the default process teaches what a funnel is.
    shown = [process for process in known if process.name in used] or [
        process for process in known if process.is_default
    ]
    return {"funnels": [build_funnel(process, here, ever, oldest, at) for process in shown]}


_PARTS: Mapping[str, Callable[[Connection, datetime], dict[str, Any]]] = {
    "first_fact": _first_fact,
    "tiles": _tiles,
    "minutes": _minutes,
    "sources": _sources,
    "failures": _failures,
    "dead_letters": _dead_letters,
    "funnel": _funnel,
}


def build_funnel(
    process: Process,
    here: Mapping[tuple[str, str], int],
    ever: Mapping[tuple[str, str], int],
    oldest: Mapping[tuple[str, str], datetime],
    at: datetime,
) -> Funnel:
    """The funnel of a process; its widest stage fills the width."""
    most = max((ever.get((process.name, stage.name), 0) for stage in process.stages), default=0) or 1
    figures = []
    for index, stage in enumerate(process.stages):
        key = (process.name, stage.name)
        following = process.stages[index + 1] if index + 1 < len(process.stages) else None
        since = oldest.get(key) if here.get(key) else None
        figures.append(
            StageFigures(
                name=stage.name,
                title=stage.title,
                owner=stage.owner,
                here=here.get(key, 0),
                ever=ever.get(key, 0),
                here_share=round(100 * here.get(key, 0) / most, 2),
                ever_share=round(100 * ever.get(key, 0) / most, 2),
                oldest_at=since,
                is_late=_is_late(since, following.usual if following else None, at),
            )
        )
    return Funnel(process.name, process.title, tuple(figures))


def freshness_of(last_at: datetime, at: datetime) -> str:
    """How recently a source was heard: fresh, quiet, or silent."""
    silence = at - last_at
    if silence <= FRESH:
        return "fresh"
    return "quiet" if silence <= QUIET else "silent"


def journeys_of_source(row: SourceRow) -> str:
    """Where to see what a source sent."""
    if row.signal == "spans":
        return "/traces?" + urlencode({"service": row.name})
    if row.signal == "events":
        return "/journeys?" + urlencode({"system": row.name})
    return "/sources"


def _source_view(row: SourceRow, at: datetime) -> SourceView:
    return SourceView(row, freshness_of(row.last_received_at, at), journeys_of_source(row))


def _is_late(since: datetime | None, usual: timedelta | None, at: datetime) -> bool:
    return since is not None and usual is not None and at - since > usual
