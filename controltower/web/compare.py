"""Two journeys side by side, the first difference marked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlencode

from flask import Blueprint, Response, request

from controltower.domain.comparison import ComparedRow
from controltower.domain.durations import in_words
from controltower.domain.errors import BadPayload, NotFound
from controltower.domain.steps import Step
from controltower.services.process_maps import ComparedJourneys, compare_journeys
from controltower.store.engine import Connection, reading
from controltower.store.journeys import JourneyRow, find_journey
from controltower.store.search import search
from controltower.web.cursors import read_key
from controltower.web.deps import deps
from controltower.web.htmx import page
from controltower.web.map_words import activity_titles
from controltower.web.roles import requires
from controltower.web.windows import EVENTS, STAGES, read_by

bp = Blueprint("compare", __name__)

_LONGEST_NAME = 256


@dataclass(frozen=True, slots=True)
class Cell:
    """A step of one of the journeys."""

    step: Step
    title: str
    after: str  # how long after the step before it; "" for the first one


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the table."""

    row: ComparedRow
    a: Cell | None
    b: Cell | None
    is_first_difference: bool


@bp.get("/compare")
@requires("viewer")
def show() -> Response:
    """Two journeys, each named by its id or any identifier; without both, a form that asks for them."""
    names = {side: request.args.get(side, "").strip() for side in ("a", "b")}
    by = read_by(request.args, EVENTS)
    compared: ComparedJourneys | None = None
    titles: dict[str, str] = {}
    if all(names.values()):
        compared, titles = compare_named(names, by)
    return page(
        "pages/compare/index.html",
        "frag_compared",
        names=names,
        by=by,
        by_urls=[(one, _url(names["a"], names["b"], one)) for one in (STAGES, EVENTS)],
        compared=compared,
        lines=_lines(compared, titles) if compared else (),
        verdict=verdict(compared, titles) if compared else "",
        swapped_url=_url(names["b"], names["a"], by),
    )


def compare_named(names: Mapping[str, str], by: str) -> tuple[ComparedJourneys, dict[str, str]]:
    """The journeys of these names side by side, and the titles of their steps.

    Raises NotFound for a name that leads to no journey.
    """
    processes = deps().processes
    with reading(deps().db) as c:
        a, b = (_find(c, side, names[side]) for side in ("a", "b"))
        compared = compare_journeys(c, a, b, processes, by_stage=by == STAGES)
    activities = {step.activity for row in compared.comparison.rows for step in (row.a, row.b) if step}
    return compared, activity_titles(activities, processes.get(a.process), by_stage=by == STAGES)


def _url(a: str, b: str, by: str) -> str:
    return f"/compare?{urlencode({'a': a, 'b': b, 'by': by})}"


def verdict(compared: ComparedJourneys, titles: Mapping[str, str]) -> str:
    """What the comparison comes to, in a sentence."""
    rows, first = compared.comparison.rows, compared.comparison.first_difference
    if not rows:
        return "Neither journey has an event to compare."
    if first is None:
        return f"Both took the same {_steps(len(rows))} in the same order."
    row = rows[first]
    told = {"A": row.a, "B": row.b}
    what = " and ".join(
        f"{name} has {titles[step.activity]}" if step else f"{name} has nothing there"
        for name, step in told.items()
    )
    begun = f"Alike for {_steps(first)}; then" if first else "Different from the first step:"
    return f"{begun} {what}."


def _steps(count: int) -> str:
    return f"{count} step" if count == 1 else f"{count} steps"


def _find(c: Connection, side: str, name: str) -> JourneyRow:
    if len(name) > _LONGEST_NAME:
        raise BadPayload(f"{side}: expected at most {_LONGEST_NAME} characters")
    key = read_key(name)
    row = find_journey(c, key) if key else None
    if row is None:
        hits = (hit for hit in search(c, name, limit=5) if _plain(hit.value) == _plain(name))
        row = next((hit.journey for hit in hits if hit.journey), None)
    if row is None:
        raise NotFound(f"{side.upper()}: no journey has the id or identifier {name[:64]!r}.")
    return row


def _plain(name: str) -> str:
    """An identifier as people mean it: they drop the '#' of an order name and type in any case."""
    return name.removeprefix("#").casefold()


def _lines(compared: ComparedJourneys, titles: Mapping[str, str]) -> tuple[Line, ...]:
    rows = compared.comparison.rows
    lines = []
    before: dict[str, Step | None] = {"a": None, "b": None}
    for index, row in enumerate(rows):
        cells = {}
        for side, step in (("a", row.a), ("b", row.b)):
            cells[side] = _cell(step, before[side], titles) if step else None
            before[side] = step or before[side]
        first = index == compared.comparison.first_difference
        lines.append(Line(row, cells["a"], cells["b"], first))
    return tuple(lines)


def _cell(step: Step, before: Step | None, titles: Mapping[str, str]) -> Cell:
    after = in_words(timedelta(microseconds=step.at_us - before.at_us)) if before else ""
    return Cell(step, titles[step.activity], after)
