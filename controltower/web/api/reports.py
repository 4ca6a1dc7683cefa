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
    """How much was told: events by type, distinct identifiers by kind."""

    events: int
    types: dict[str, int]
    first_at: datetime | None
    last_at: datetime | None
    identifiers: dict[str, int]


class ValueCounts(msgspec.Struct, kw_only=True):
    """How many events say what; "" counts those that say nothing."""

    values: dict[str, int]


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
@describes(EventCounts, _SOURCE)
def events() -> Response:
    """Events by type and identifiers by kind."""
    with reading(deps().db) as c:
        found = count_events(c, _text("source"))
    return answers.reply(msgspec.convert(found, EventCounts, from_attributes=True))


@bp.get("/values")
@requires("support")
@describes(ValueCounts, _SOURCE, _TYPES, Parameter("path", "A dotted path into the data.", is_required=True))
def values() -> Response:
    """How many events say what under a key of their data."""
    path = _text("path")
    if not path:
        raise BadPayload("path: expected a dotted path into the data, such as status")
    with reading(deps().db) as c:
        found = count_values(c, _text("source"), _listed("types"), path)
    return answers.reply(ValueCounts(values=found))


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
