"""Reports over all that one source told, as JSON."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from flask import Blueprint, Response, request

from controltower.domain.errors import BadPayload
from controltower.services.reports.figures import (
    count_events,
    count_values,
    count_variants,
    measure_durations,
)
from controltower.services.reports.gathering import Scope
from controltower.services.reports.lateness import DELIVERED, RULES, TIMESTAMP, find_late
from controltower.services.reports.spread import count_amounts, count_spread
from controltower.services.reports.tracing import count_traces
from controltower.store.engine import reading
from controltower.store.told import list_sources_told
from controltower.web.api import answers
from controltower.web.api.described import Parameter, describes
from controltower.web.deps import deps, now
from controltower.web.moments import read_moment
from controltower.web.roles import requires

bp = Blueprint("api_reports", __name__, url_prefix="/api/v1/reports")

_SOURCE = Parameter("source", "The CloudEvents source whose events count; all when left out.")
_BY = Parameter("by", "The kind of identifier that makes a group, such as line; the journey when left out.")
_TYPES = Parameter("types", "Event types, separated by commas.")
_ZONE = Parameter("zone", "The time zone of calendar days, and of promises without one; UTC when left out.")


class SourceTold(msgspec.Struct, kw_only=True):
    """A source of events, and how many it told."""

    source: str
    events: int


class SourcesTold(msgspec.Struct, kw_only=True):
    """Every source of events."""

    sources: list[SourceTold]


class EventCounts(msgspec.Struct, kw_only=True):
    """How much was told: events by type, distinct identifiers by kind; `conflicts` counts events that say
    something else under an id that another has.
    """

    events: int
    types: dict[str, int]
    first_at: datetime | None
    last_at: datetime | None
    identifiers: dict[str, int]
    conflicts: int


class ValueCounts(msgspec.Struct, kw_only=True):
    """How many events say what; "" counts those that say nothing."""

    values: dict[str, int]


class Amounts(msgspec.Struct, kw_only=True):
    """What the amounts in one currency are; "" where none is said."""

    currency: str
    n: int
    zero: int
    negative: int
    total: str
    smallest: str
    median: str
    largest: str


class AmountCounts(msgspec.Struct, kw_only=True):
    """Amounts by currency, and how many events say none or one that is no number."""

    amounts: list[Amounts]
    unreadable: int
    missing: int


class Spread(msgspec.Struct, kw_only=True):
    """How many groups name no, one, two … identifiers of a kind; examples are groups with the most."""

    groups: int
    counts: dict[int, int]
    examples: list[str]


class Call(msgspec.Struct, kw_only=True):
    """Spans of one service whose parent is a span of another."""

    sender: str
    receiver: str
    spans: int


class Operation(msgspec.Struct, kw_only=True):
    """The spans of one name in one service; `per_trace` counts traces by how many of them they have."""

    service: str
    name: str
    spans: int
    errors: int
    traces: int
    median_ms: float
    max_ms: float
    per_trace: dict[int, int]


class TraceFigures(msgspec.Struct, kw_only=True):
    """Figures over traces: `orphans` are spans whose parent is missing, `unreadable` stored parts."""

    traces: int
    spans: int
    unreadable: int
    first_start_ns: int | None
    last_end_ns: int | None
    roots: int
    orphans: int
    traces_without_root: int
    traces_with_errors: int
    single_span_traces: int
    most_spans: int
    starting_before_parent: int
    ending_after_parent: int
    calls: list[Call]
    operations: list[Operation]


class Durations(msgspec.Struct, kw_only=True):
    """How long something took, in hours, over the groups that have both ends."""

    n: int
    median_h: float | None
    p90_h: float | None
    p99_h: float | None
    max_h: float | None
    negative: int
    over: int
    unfinished: int


class Lateness(msgspec.Struct, kw_only=True):
    """How promises were kept; `undelivered` counts by reported status those whose promise has passed."""

    late: int
    on_time: int
    early: int
    undelivered: dict[str, int]
    without_promise: int
    examples: list[str]


class Variant(msgspec.Struct, kw_only=True):
    """A sequence of event types and its groups; by journey the examples are journey ids."""

    sequence: list[str]
    count: int
    share: float
    examples: list[str]


class Variants(msgspec.Struct, kw_only=True):
    """All ways that groups went, the commonest first."""

    groups: int
    variants: list[Variant]


@bp.get("/sources")
@requires("viewer")
@describes(SourcesTold)
def sources() -> Response:
    """Every source of events with how many it told."""
    with reading(deps().db) as c:
        rows = list_sources_told(c)
    return answers.reply(SourcesTold(sources=[SourceTold(source=name, events=n) for name, n in rows]))


@bp.get("/events")
@requires("viewer")
@describes(EventCounts, _SOURCE, _TYPES)
def events() -> Response:
    """Events by type and identifiers by kind."""
    with reading(deps().db) as c:
        found = count_events(c, _text("source"), _listed("types"))
    return answers.reply(msgspec.convert(found, EventCounts, from_attributes=True))


@bp.get("/values")
@requires("support")
@describes(
    ValueCounts,
    _SOURCE,
    _TYPES,
    Parameter("path", "A dotted path into the data.", is_required=True),
    Parameter("shapes", "yes: how it is written, 9 for a digit, A and a for letters.", values=("yes",)),
)
def values() -> Response:
    """How many events say what under a key of their data."""
    path = _text("path")
    if not path:
        raise BadPayload("path: expected a dotted path into the data, such as status")
    with reading(deps().db) as c:
        shapes = _text("shapes") == "yes"
        found = count_values(c, _text("source"), _listed("types"), path, shapes=shapes)
    return answers.reply(ValueCounts(values=found))


@bp.get("/amounts")
@requires("support")
@describes(
    AmountCounts, _SOURCE, _TYPES, Parameter("path", "A dotted path into the data; amount when left out.")
)
def amounts() -> Response:
    """What amounts are, by currency: how many, of zero, negative, the total."""
    with reading(deps().db) as c:
        found = count_amounts(c, _text("source"), _listed("types"), _text("path") or "amount")
    return answers.reply(msgspec.convert(found, AmountCounts, from_attributes=True))


@bp.get("/identifiers")
@requires("viewer")
@describes(
    Spread,
    _SOURCE,
    _BY,
    _TYPES,
    Parameter("kind", "The kind of identifier, such as seller or package.", is_required=True),
)
def identifiers() -> Response:
    """How many journeys name no, one, two … different identifiers of a kind."""
    kind = _text("kind")
    if not kind:
        raise BadPayload("kind: expected a kind of identifier, such as package")
    with reading(deps().db) as c:
        found = count_spread(c, _scope(), kind, _listed("types"))
    return answers.reply(msgspec.convert(found, Spread, from_attributes=True))


@bp.get("/traces")
@requires("viewer")
@describes(
    TraceFigures,
    Parameter("service", "Only traces in which this service has a span."),
    Parameter("span", "Only traces with a span of this name."),
)
def traces() -> Response:
    """Whether traces are whole, which service calls which, and what each operation takes."""
    with reading(deps().db) as c:
        found = count_traces(c, _text("service"), _text("span"))
    return answers.reply(msgspec.convert(found, TraceFigures, from_attributes=True))


@bp.get("/durations")
@requires("viewer")
@describes(
    Durations,
    _SOURCE,
    _BY,
    Parameter("start", "Event types with which it begins, separated by commas.", is_required=True),
    Parameter("end", "Event types with which it ends, separated by commas.", is_required=True),
    Parameter("wall_clock", "Measure as the clocks of this time zone showed it, not the time that passed."),
    Parameter("over_hours", "Also count what took longer than so many hours.", kind="number"),
)
def durations() -> Response:
    """How long it took from one kind of event to another, group by group."""
    start, end = _listed("start"), _listed("end")
    if not start or not end:
        raise BadPayload("start and end: expected event types, such as start=order.captured")
    wall = _zone("wall_clock") if _text("wall_clock") else None
    with reading(deps().db) as c:
        found = measure_durations(c, _scope(), start, end, _hours("over_hours"), wall)
    return answers.reply(msgspec.convert(found, Durations, from_attributes=True))


@bp.get("/late")
@requires("viewer")
@describes(
    Lateness,
    _SOURCE,
    _BY,
    _ZONE,
    Parameter("rule", "What is compared; timestamp when left out.", values=RULES),
    Parameter("delivered", "Event types of deliveries, separated by commas."),
    Parameter("as_of", "The moment at which what is not delivered is judged; now when left out."),
    Parameter("given_up", "Reported statuses of what nobody waits for any more, separated by commas."),
)
def late() -> Response:
    """What was delivered later than promised."""
    with reading(deps().db) as c:
        found = find_late(
            c,
            _scope(),
            delivered=_listed("delivered") or DELIVERED,
            rule=_text("rule") or TIMESTAMP,
            zone=_zone(),
            as_of=_moment("as_of"),
            given_up=_listed("given_up"),
        )
    return answers.reply(msgspec.convert(found, Lateness, from_attributes=True))


@bp.get("/variants")
@requires("viewer")
@describes(Variants, _SOURCE, _BY, _TYPES)
def variants() -> Response:
    """The sequences in which events follow each other."""
    with reading(deps().db) as c:
        found = count_variants(c, _scope(), _listed("types"))
    return answers.reply(msgspec.convert(found, Variants, from_attributes=True))


def _text(name: str) -> str:
    return request.args.get(name, "").strip()


def _listed(name: str) -> list[str]:
    return [part for one in request.args.getlist(name) for part in one.split(",") if part]


def _scope() -> Scope:
    return Scope(_text("source"), _text("by"))


def _zone(parameter: str = "zone") -> ZoneInfo:
    name = _text(parameter) or "UTC"
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as exc:
        raise BadPayload(f"{parameter}: no time zone is named {name[:40]!r}") from exc


def _hours(name: str) -> timedelta:
    text = _text(name) or "0"
    try:
        return timedelta(hours=float(text))
    except (ValueError, OverflowError) as exc:
        raise BadPayload(f"{name}: expected a number of hours, found {text[:40]!r}") from exc


def _moment(name: str) -> datetime:
    text = _text(name)
    return read_moment(text, name, _zone()) if text else now()
