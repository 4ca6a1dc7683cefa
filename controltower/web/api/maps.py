"""Flow map, process map and comparison as JSON."""

from __future__ import annotations

from flask import Blueprint, Response, request

from controltower.domain.errors import BadPayload
from controltower.domain.failure_rules import RuleBook
from controltower.domain.flows import SIGNALS, Signal
from controltower.domain.process_map import END, START, Transition
from controltower.domain.steps import Step
from controltower.domain.times import from_us
from controltower.services import flows as services
from controltower.services.failure_rules import rule_book
from controltower.services.flows import FlowReading, load_flows
from controltower.store.engine import reading
from controltower.web import compare, process_map
from controltower.web.api import answers
from controltower.web.api import map_schemas as schemas
from controltower.web.api.described import LIMIT, Parameter, describes, read_limit
from controltower.web.deps import deps, now
from controltower.web.flow_views import HopLine, list_hops
from controltower.web.flows import BOTH, read_edge, read_signals
from controltower.web.map_words import journeys_words, spans_words
from controltower.web.process_views import journeys_of, list_rows, list_variants, read_choice
from controltower.web.roles import may, requires
from controltower.web.windows import EVENTS, SAMPLES, STAGES, WINDOWS, read_by, read_sample, read_window

bp = Blueprint("api_maps", __name__, url_prefix="/api/v1")

_WINDOW = (
    Parameter("window", "The last hour, day or week; a day when nothing is said.", values=tuple(WINDOWS)),
    Parameter("since", "Instead of `window`: from then on (RFC 3339).", format="date-time"),
    Parameter("until", "With `since`: before then (RFC 3339); now when left out.", format="date-time"),
    Parameter("sample", "How many journeys at most are read.", values=tuple(map(str, SAMPLES))),
)
_SIGNALS = Parameter(
    "signals", "What tells of messages; events when nothing is said.", values=(*SIGNALS, BOTH)
)
_EDGE = (
    Parameter("sender", "The system that sends.", is_required=True),
    Parameter("receiver", "The system that receives.", is_required=True),
    Parameter("signal", "What tells of the messages; events when nothing is said.", values=SIGNALS),
)
_BY = Parameter("by", "What counts as a step.", values=(STAGES, EVENTS))
_PROCESS = (
    Parameter("process", "The name of a process; the one with most journeys when nothing is said."),
    _BY,
    Parameter(
        "activities",
        "How many kinds of steps at most are told apart; rarer ones are passed over.",
        values=tuple(map(str, process_map.ACTIVITIES)),
    ),
)
_CHOICE = (
    Parameter("variant", "The id of a variant."),
    Parameter("before", "Instead of `variant`, with `after`: a step; ~start is the beginning."),
    Parameter("after", "What directly follows it; ~end is the end."),
)


@bp.get("/flows")
@requires("viewer")
@describes(schemas.Flows, *_WINDOW, _SIGNALS)
def flows() -> Response:
    """Systems and the messages between them in a window: rates, shares of failures, times."""
    found = _load_flows(tuple(read_signals(request.args)))
    return answers.reply(
        schemas.Flows(
            since=found.since_at,
            until=found.until_at,
            journeys_read=_journeys_read(found.journeys_read) if found.journeys_read else None,
            spans_read=_spans_read(found.spans_read) if found.spans_read else None,
            systems=[
                schemas.FlowSystem(name=one.name, sent=one.sent, received=one.received, failed=one.failed)
                for one in found.map.systems
            ],
            flows=[
                schemas.Flow(
                    signal=one.signal,
                    sender=one.sender,
                    receiver=one.receiver,
                    count=one.count,
                    failed=one.failed,
                    error_share=one.error_share,
                    per_hour=found.per_hour(one.signal, one.count),
                    p50_us=one.time.p50_us,
                    p95_us=one.time.p95_us,
                )
                for one in found.map.flows
            ],
        )
    )


@bp.get("/flows/messages")
@requires("viewer")
@describes(schemas.Messages, *_EDGE, *_WINDOW)
def messages() -> Response:
    """The newest messages of one flow, with the journeys that they belong to."""
    edge = read_edge(request.args)
    if edge is None:
        raise BadPayload("sender, receiver: expected the names of two systems")
    found = _load_flows(tuple(signal for signal in SIGNALS if signal == edge[2]))
    with reading(deps().db) as c:
        chosen = list_hops(c, found, edge)
        book = rule_book(c, deps().failure_rules)
    return answers.reply(
        schemas.Messages(
            signal=chosen.signal,
            sender=chosen.sender,
            receiver=chosen.receiver,
            count=chosen.messages,
            more=chosen.more,
            messages=[_message(line, book) for line in chosen.lines],
        )
    )


@bp.get("/process-map")
@requires("viewer")
@describes(schemas.ProcessMap, *_PROCESS, *_WINDOW)
def show_process_map() -> Response:
    """What follows what on the journeys of a process, and their variants."""
    asked = _asked()
    found, titles = process_map.load(asked)
    variants = list_variants(found.map, titles, {}, None)
    return answers.reply(
        schemas.ProcessMap(
            process=asked.process,
            by=asked.by,
            since=asked.window.since_at,
            until=asked.window.until_at,
            journeys_read=_journeys_read(found.read),
            journeys=found.map.journeys,
            without_steps=found.map.without_steps,
            left_out=found.map.left_out,
            activities=[
                schemas.Activity(
                    name=one.name,
                    title=titles[one.name],
                    journeys=one.journeys,
                    steps=one.steps,
                    is_failed=one.is_failed,
                    systems=one.systems,
                )
                for one in found.map.activities
            ],
            transitions=[_transition(one) for one in found.map.transitions],
            variants=[
                schemas.Variant(
                    id=line.variant.id,
                    activities=line.variant.activities,
                    journeys=len(line.variant.journeys),
                    share=line.share,
                    p50_us=line.variant.duration.p50_us,
                    p95_us=line.variant.duration.p95_us,
                    newest_journey=line.variant.journeys[0].hex(),
                )
                for line in variants
            ],
        )
    )


@bp.get("/process-map/journeys")
@requires("viewer")
@describes(schemas.MapJourneys, *_CHOICE, *_PROCESS, *_WINDOW, LIMIT)
def list_map_journeys() -> Response:
    """The journeys of a variant or of a transition, newest started first."""
    choice, limit = read_choice(request.args), read_limit(request.args.get("limit"))
    if choice is None:
        raise BadPayload("variant: expected the id of a variant, or before and after")
    found, _ = process_map.load(_asked())
    ids = journeys_of(found, choice)
    with reading(deps().db) as c:
        rows = list_rows(c, ids[:limit])
        book = rule_book(c, deps().failure_rules)
    whole_names = may("support")
    return answers.reply(
        schemas.MapJourneys(
            journeys=[answers.journey(row, book, whole_names=whole_names) for row in rows], found=len(ids)
        )
    )


@bp.get("/compare")
@requires("viewer")
@describes(
    schemas.Compared,
    Parameter("a", "The id or any identifier of a journey.", is_required=True),
    Parameter("b", "The same of the other journey.", is_required=True),
    _BY,
)
def show_compared() -> Response:
    """Two journeys side by side, and where they first differ."""
    names = {side: request.args.get(side, "").strip() for side in ("a", "b")}
    if not all(names.values()):
        raise BadPayload("a, b: expected the ids or identifiers of two journeys")
    compared, titles = compare.compare_named(names, read_by(request.args, EVENTS))
    whole_names, book = may("support"), _rule_book()
    return answers.reply(
        schemas.Compared(
            a=answers.journey(compared.a, book, whole_names=whole_names),
            b=answers.journey(compared.b, book, whole_names=whole_names),
            first_difference=compared.comparison.first_difference,
            verdict=compare.verdict(compared, titles),
            rows=[
                schemas.ComparedRow(state=row.state, a=_step(row.a), b=_step(row.b))
                for row in compared.comparison.rows
            ],
            left_out=compared.comparison.left_out,
        )
    )


def _load_flows(signals: tuple[Signal, ...]) -> FlowReading:
    window, sample = read_window(request.args, now()), read_sample(request.args)
    since_at, until_at = window.since_at, window.until_at
    return load_flows(deps().db, deps().processes, since_at, until_at, most=sample, signals=signals)


def _asked() -> process_map.Asked:
    with reading(deps().db) as c:
        offered = process_map.list_processes(c, deps().processes)
    return process_map.read_asked(request.args, offered)


def _journeys_read(read: services.JourneysRead) -> schemas.JourneysRead:
    return schemas.JourneysRead(
        read=read.read,
        found=read.found,
        is_whole=read.is_whole,
        looked_back_to=read.looked_back_to,
        too_long=read.too_long,
        words=journeys_words(read),
    )


def _spans_read(read: services.SpansRead) -> schemas.SpansRead:
    return schemas.SpansRead(
        traces=read.traces,
        spans=read.spans,
        arrived=read.arrived,
        is_whole=read.is_whole,
        words=spans_words(read),
    )


def _rule_book() -> RuleBook:
    with reading(deps().db) as c:
        return rule_book(c, deps().failure_rules)


def _message(line: HopLine, book: RuleBook) -> schemas.Message:
    hop = line.hop
    whole_names = may("support")
    return schemas.Message(
        at=line.at,
        took_us=hop.took_us,
        is_failed=hop.is_failed,
        trace_id=hop.of.hex() if hop.signal == "spans" else None,
        journeys=[answers.journey(row, book, whole_names=whole_names) for row in line.journeys],
    )


def _transition(one: Transition) -> schemas.Transition:
    return schemas.Transition(
        before=None if one.before == START else one.before,
        after=None if one.after == END else one.after,
        count=one.count,
        journeys=one.journeys,
        p50_us=one.gap.p50_us if one.gap else None,
        p95_us=one.gap.p95_us if one.gap else None,
    )


def _step(step: Step | None) -> schemas.ComparedStep | None:
    if step is None:
        return None
    return schemas.ComparedStep(
        at=from_us(step.at_us), activity=step.activity, system=step.system, is_failed=step.is_failed
    )
