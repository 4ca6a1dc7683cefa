"""Queues: how full they are, whether that changes, and what waits in them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, abort, jsonify, request

from controltower.domain.errors import NotFound
from controltower.services.queues import QueueState, load_history, load_queue, load_queues
from controltower.services.waiting import LOOKED_BACK, find_waiting
from controltower.store.engine import reading
from controltower.store.letter_rows import LetterFilter
from controltower.store.letters import list_letters
from controltower.web.deps import deps, now
from controltower.web.htmx import page
from controltower.web.queue_charts import history_figure, history_rows, title_of
from controltower.web.queue_filters import (
    OVER,
    STATES,
    WINDOWS,
    chosen,
    path_of,
    read_asked,
    read_over,
    read_window,
)
from controltower.web.roles import requires

bp = Blueprint("queues", __name__)

MOST_SHOWN = 200
LETTERS_SHOWN = 10


@bp.get("/queues")
@requires("viewer")
def show_list() -> Response:
    """Every queue that is read, those in which most waits first."""
    asked = read_asked(request.args)
    with reading(deps().db) as c:
        states = load_queues(c, now(), asked.length)
    shown = chosen(states, asked)
    return page(
        "pages/queues/index.html",
        "frag_queues",
        asked=asked,
        states=shown[:MOST_SHOWN],
        found=len(shown),
        known=len(states),
        systems=sorted({state.system for state in states}),
        words=STATES,
        over=OVER,
        path_of=path_of,
    )


@dataclass(frozen=True, slots=True)
class _Shown:
    """The queue that an address names, and how it is to be shown."""

    system: str
    queue: str
    over: str
    window: str

    @property
    def fields(self) -> dict[str, str]:
        return {"over": self.over, "window": self.window}

    def url(self, **changes: str) -> str:
        return f"{path_of(self.system, self.queue)}?{urlencode({**self.fields, **changes})}"

    def load(self, at: datetime) -> QueueState:
        with reading(deps().db) as c:
            return load_queue(c, self.system, self.queue, at, OVER[self.over][1])


@bp.get("/queues/<system>/<path:queue>")
@requires("viewer")
def show(system: str, queue: str) -> Response:
    """One queue, its history and who waits in it; or the part of it that refreshes itself."""
    part = request.args.get("part", "")
    if part and part not in _PARTS:
        abort(404)
    shown = _Shown(system, queue, read_over(request.args), read_window(request.args))
    at = now()
    state = shown.load(at)
    context: dict[str, Any] = {}
    for name in (part,) if part else _PARTS:
        context |= _PARTS[name](state, shown, at)
    return page(
        "pages/queues/show.html",
        f"frag_{part or 'now'}",
        state=state,
        shown=shown,
        over=OVER,
        windows=WINDOWS,
        path_of=path_of,
        chart_url=_chart_url(shown),
        **context,
    )


@bp.get("/charts/queue.json")
@requires("viewer")
def chart() -> Response:
    """The history of a queue as a Plotly figure."""
    system, queue = request.args.get("system", ""), request.args.get("queue", "")
    if not system or not queue:
        raise NotFound("Name a queue: /charts/queue.json?system=S&queue=Q.")
    shown = _Shown(system, queue, read_over(request.args), read_window(request.args))
    at = now()
    since_at = at - WINDOWS[shown.window][1]
    state = shown.load(at)
    with reading(deps().db) as c:
        history = load_history(c, state, since_at, at)
    return jsonify(history_figure(history, shown.window, since_at, at))


def _chart_url(shown: _Shown) -> str:
    query = {"system": shown.system, "queue": shown.queue, "window": shown.window}
    return f"/charts/queue.json?{urlencode(query)}"


def _now(state: QueueState, shown: _Shown, at: datetime) -> dict[str, Any]:
    return {}


def _history(state: QueueState, shown: _Shown, at: datetime) -> dict[str, Any]:
    with reading(deps().db) as c:
        history = load_history(c, state, at - WINDOWS[shown.window][1], at)
    return {"titles": [title_of(one) for one in history], "rows": history_rows(history)}


def _waiting(state: QueueState, shown: _Shown, at: datetime) -> dict[str, Any]:
    with reading(deps().db) as c:
        letters = list_letters(c, LetterFilter(place=state.queue), at, limit=LETTERS_SHOWN + 1)
    return {
        "letters": letters[:LETTERS_SHOWN],
        "more_letters": len(letters) > LETTERS_SHOWN,
        "letters_url": f"/dead-letters/letters?{urlencode({'queue': state.queue})}",
        "waiting": find_waiting(deps().db, state.queue, at),
        "looked_back": LOOKED_BACK,
    }


_PARTS = {"now": _now, "history": _history, "waiting": _waiting}
