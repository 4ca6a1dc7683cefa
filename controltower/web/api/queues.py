"""Queues as JSON."""

from __future__ import annotations

from flask import Blueprint, Response, request

from controltower.domain.failure_rules import RuleBook
from controltower.services.failure_rules import rule_book
from controltower.services.queues import QueueLine, load_history, load_queue, load_queues
from controltower.services.waiting import WaitingJourney, find_waiting
from controltower.store.engine import reading
from controltower.store.letter_rows import LetterFilter
from controltower.store.letters import list_letters
from controltower.store.queues import Series, Slot
from controltower.web.api import answers
from controltower.web.api import queue_schemas as schemas
from controltower.web.api.described import LIMIT, MAX_LIMIT, Parameter, describes, read_limit
from controltower.web.deps import deps, now
from controltower.web.queue_filters import (
    DEFAULT_OVER,
    DEFAULT_WINDOW,
    OVER,
    SORTS,
    STATES,
    WINDOWS,
    chosen,
    read_asked,
    read_over,
    read_window,
)
from controltower.web.roles import may, requires

bp = Blueprint("api_queues", __name__, url_prefix="/api/v1/queues")

LETTERS_NAMED = 50
_OVER = Parameter("over", f"The time over which growth is measured; {DEFAULT_OVER}.", values=tuple(OVER))


@bp.get("")
@requires("viewer")
@describes(
    schemas.Queues,
    Parameter("system", "Only queues of this system."),
    Parameter("text", "Only queues whose name, or a group of which, contains this."),
    Parameter("state", "Only queues in this state.", values=tuple(STATES)),
    Parameter("sort", "What comes first; what waits most.", values=tuple(SORTS)),
    _OVER,
    LIMIT,
)
def queues() -> Response:
    """Every queue with its newest samples, whether it grows, and when it will be empty."""
    asked = read_asked(request.args)
    limit = read_limit(request.args.get("limit"), MAX_LIMIT)
    with reading(deps().db) as c:
        found = chosen(load_queues(c, now(), asked.length), asked)
    lines = [line for state in found[:limit] for line in state.lines]
    return answers.reply(schemas.Queues(queues=[_queue(line) for line in lines], found=len(found)))


@bp.get("/<system>/<path:queue>")
@requires("viewer")
@describes(
    schemas.QueueDetail,
    Parameter("window", f"How far back the history goes; {DEFAULT_WINDOW}.", values=tuple(WINDOWS)),
    _OVER,
)
def show(system: str, queue: str) -> Response:
    """One queue with its history, and the journeys and dead letters that are known to wait in it."""
    until_at = now()
    since_at = until_at - WINDOWS[read_window(request.args)][1]
    over = OVER[read_over(request.args)][1]
    with reading(deps().db) as c:
        state = load_queue(c, system, queue, until_at, over)
        history = load_history(c, state, since_at, until_at)
        letters = list_letters(c, LetterFilter(place=queue), until_at, limit=LETTERS_NAMED)
        book = rule_book(c, deps().failure_rules)
    waiting = find_waiting(deps().db, queue, until_at)
    return answers.reply(
        schemas.QueueDetail(
            queues=[_queue(line) for line in state.lines],
            partitions=[_queue(line) for line in state.partitions],
            since=since_at,
            until=until_at,
            history=[_series(one, slots) for one, slots in history.items()],
            waiting=[_waiting(one, book) for one in waiting.journeys],
            traces_looked_at=waiting.traces,
            is_whole=waiting.is_whole and not waiting.more,
            dead_letters=[letter.id.hex() for letter in letters],
        )
    )


def _queue(line: QueueLine) -> schemas.Queue:
    growth, drain = line.growth, line.drain
    return schemas.Queue(
        system=line.system,
        queue=line.queue,
        group=line.group,
        sampled_at=line.sampled_at,
        is_stale=line.is_stale,
        waiting=line.waiting.current if line.waiting else None,
        growth_per_minute=growth.per_minute if growth else None,
        growth_over_seconds=growth.over_us / 1_000_000 if growth else None,
        drain=drain.state if drain else None,
        drain_seconds=drain.seconds if drain else None,
        drain_why=drain.why if drain else "",
        in_per_second=line.rate_in,
        out_per_second=line.rate_out,
        measures={
            name: schemas.Measure(value=one.value, sampled_at=one.sampled_at, is_stale=one.is_stale)
            for name, one in line.figures.items()
        },
    )


def _series(series: Series, slots: list[Slot]) -> schemas.QueueSeries:
    return schemas.QueueSeries(
        group=series.group,
        measure=series.measure,
        slots=[schemas.QueueSlot(**slot._asdict()) for slot in slots],
    )


def _waiting(one: WaitingJourney, book: RuleBook) -> schemas.WaitingJourney:
    return schemas.WaitingJourney(
        journey=answers.journey(one.row, book, whole_names=may("support")),
        since=one.since_at,
        service=one.service,
        trace_id=one.trace_id.hex(),
    )
