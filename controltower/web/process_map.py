"""The process map: what follows what on the journeys of a process, its variants, and their journeys."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from flask import Blueprint, Response, request

from controltower.domain.errors import BadPayload
from controltower.domain.processes import Process
from controltower.services.process_maps import ProcessReading, load_process_map
from controltower.store.engine import Connection, reading
from controltower.store.figures import counts
from controltower.web.csv_cells import defused
from controltower.web.deps import deps, now
from controltower.web.htmx import page
from controltower.web.map_words import activity_titles, journeys_words
from controltower.web.process_views import (
    LISTED_VARIANTS,
    list_chosen,
    list_variants,
    read_choice,
    variant_rows,
    view_process,
)
from controltower.web.roles import requires
from controltower.web.windows import (
    DEFAULT_SAMPLE,
    EVENTS,
    SAMPLES,
    STAGES,
    WINDOWS,
    Window,
    read_by,
    read_sample,
    read_window,
)

bp = Blueprint("process_map", __name__)

ACTIVITIES = (8, 15, 25)
DEFAULT_ACTIVITIES = 15
CSV_COLUMNS = (
    *("rank", "variant", "journeys", "share", "median_seconds", "p95_seconds", "steps", "activities"),
    "newest_journey",
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What an address asks for."""

    process: str
    window: Window
    by: str
    sample: int
    activities: int

    @property
    def fields(self) -> dict[str, str]:
        """How addresses spell it."""
        fields = {"process": self.process, **self.window.fields, "by": self.by}
        if self.sample != DEFAULT_SAMPLE:
            fields["sample"] = str(self.sample)
        if self.activities != DEFAULT_ACTIVITIES:
            fields["activities"] = str(self.activities)
        return fields


@bp.get("/process-map")
@requires("viewer")
def show() -> Response:
    """The map of a process; with a variant or a transition, its journeys as well."""
    with reading(deps().db) as c:
        offered = list_processes(c, deps().processes)
    asked = read_asked(request.args, offered)
    found, titles = load(asked)
    everything = bool(request.args.get("all"))
    choice, chosen = read_choice(request.args), None
    if choice is not None:
        with reading(deps().db) as c:
            chosen = list_chosen(c, found, titles, choice)
    fields = asked.fields | ({"all": "1"} if everything else {})
    return page(
        "pages/process_map/index.html",
        "frag_map",
        view=view_process(found, titles, fields, choice, everything=everything),
        chosen=chosen,
        found=found.map,
        asked=asked,
        offered=offered,
        windows=[
            (name, title, _url(asked.fields | {"window": name})) for name, (title, _) in WINDOWS.items()
        ],
        by_urls=[(by, _url(asked.fields | {"by": by})) for by in (STAGES, EVENTS)],
        samples=SAMPLES,
        activities=ACTIVITIES,
        sampled=journeys_words(found.read),
        listed_variants=None if request.args.get("variants") == "all" else LISTED_VARIANTS,
        variants_url=_url(fields | {"variants": "all"}),
        refresh_url=request.full_path if asked.window.is_moving else "",
        all_url="" if everything else _url(fields | {"all": "1"}),
        csv_url=_url(asked.fields, "/process-map.csv"),
    )


@bp.get("/process-map.csv")
@requires("viewer")
def export() -> Response:
    """Every variant of the sample as CSV."""
    with reading(deps().db) as c:
        asked = read_asked(request.args, list_processes(c, deps().processes))
    found, titles = load(asked)
    body = io.StringIO()
    lines = csv.writer(body)
    lines.writerow(CSV_COLUMNS)
    for row in variant_rows(list_variants(found.map, titles, {}, None)):
        lines.writerow([defused(cell) for cell in row])
    name = f"variants-{now():%Y%m%d-%H%M}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(body.getvalue(), content_type="text/csv; charset=utf-8", headers=headers)


def list_processes(c: Connection, declared: Mapping[str, Process]) -> dict[str, str]:
    """Titles of the processes that there are to look at, by name, those with most journeys first."""
    journeys: dict[str, int] = dict.fromkeys(declared, 0)
    for (process, _), count in counts(c, "status").items():
        journeys[process] = journeys.get(process, 0) + count
    ranked = sorted(journeys, key=lambda name: (-journeys[name], name))
    return {name: declared[name].title if name in declared else name for name in ranked}


def read_asked(args: Mapping[str, str], offered: Mapping[str, str]) -> Asked:
    """What the address asks for. Raises BadPayload for what is not offered."""
    process = args.get("process", "").strip() or next(iter(offered), "")
    if process not in offered:
        raise BadPayload(f"process: expected one of {', '.join(offered)}, found {process[:40]!r}")
    window, by = read_window(args, now()), read_by(args, STAGES)
    return Asked(process, window, by, read_sample(args), _read_activities(args))


def load(asked: Asked) -> tuple[ProcessReading, dict[str, str]]:
    """The map that was asked for, and the titles of its activities."""
    found = load_process_map(
        deps().db,
        deps().processes,
        asked.process,
        asked.window.since_at,
        asked.window.until_at,
        most=asked.sample,
        by_stage=asked.by == STAGES,
        most_activities=asked.activities,
    )
    names = {name for variant in found.map.variants for name in variant.activities}
    titles = activity_titles(names, deps().processes.get(asked.process), by_stage=asked.by == STAGES)
    return found, titles


def _read_activities(args: Mapping[str, str]) -> int:
    text = args.get("activities", "").strip() or str(DEFAULT_ACTIVITIES)
    offered = {str(number): number for number in ACTIVITIES}
    if text not in offered:
        raise BadPayload(f"activities: expected one of {', '.join(offered)}, found {text[:40]!r}")
    return offered[text]


def _url(fields: Mapping[str, str], path: str = "/process-map") -> str:
    if "window" in fields:
        fields = {name: value for name, value in fields.items() if name not in ("since", "until")}
    return f"{path}?{urlencode(fields)}"
