"""Journeys and search as JSON."""

from __future__ import annotations

from flask import Blueprint, Response, request

from controltower.domain.errors import BadPayload, NotFound
from controltower.domain.journeys import STATUSES
from controltower.services.failure_rules import rule_book
from controltower.store.engine import Connection, reading
from controltower.store.figures import counts
from controltower.store.journeys import (
    JourneyRow,
    find_journey,
    journey_events,
    journey_facts,
    journey_identifiers,
    journey_trace_ids,
    page_of_journeys,
)
from controltower.store.search import search
from controltower.web.api import answers, schemas
from controltower.web.api.described import LIMIT, Parameter, describes, read_limit
from controltower.web.cursors import read_cursor, read_key, write_cursor
from controltower.web.deps import deps
from controltower.web.journey_filters import read_filter
from controltower.web.roles import may, requires

bp = Blueprint("api_journeys", __name__, url_prefix="/api/v1")

MEASURES = ("status", "stage", "reached", "waiting", "reported_status", "channel")
_FILTERS = (
    Parameter("process", "The name of a process."),
    Parameter("status", "How the journey is.", values=STATUSES),
    Parameter("stage", "The furthest stage reached."),
    Parameter("system", "A system that reported an event of the journey."),
    Parameter("channel", "The sales channel."),
    Parameter("reported_status", "The newest status word that any system reported."),
    Parameter("since", "Started then or later (RFC 3339).", format="date-time"),
    Parameter("until", "Started before (RFC 3339).", format="date-time"),
    Parameter("text", "The beginning of an identifier or label."),
    Parameter("disputed", "Only those about which systems disagree.", values=("yes",)),
    Parameter("fingerprint", "The `fingerprint` of the open failure."),
)
_TEXT = Parameter("q", "Any identifier, e-mail address or trace id.", is_required=True)
_AFTER = Parameter("after", "`next` of the page before.")


@bp.get("/journeys")
@requires("viewer")
@describes(schemas.Journeys, *_FILTERS, _AFTER, LIMIT)
def index() -> Response:
    """A page of journeys, newest started first; one that is short, or empty, may still have a `next`."""
    wanted = read_filter(request.args)
    after, limit = read_cursor(request.args.get("after")), read_limit(request.args.get("limit"))
    with reading(deps().db) as c:
        found = page_of_journeys(c, wanted, after=after, limit=limit)
        book = rule_book(c, deps().failure_rules)
    whole_names = may("support")
    return answers.reply(
        schemas.Journeys(
            journeys=[answers.journey(row, book, whole_names=whole_names) for row in found.rows],
            next=write_cursor(found.next) if found.next else None,
        )
    )


@bp.get("/journeys/counts")
@requires("viewer")
@describes(schemas.Counts, Parameter("by", "What to count by.", values=MEASURES, is_required=True))
def count() -> Response:
    """How many journeys there are by one measure, for each process."""
    by = request.args.get("by", "")
    if by not in MEASURES:
        raise BadPayload(f"by: expected one of {', '.join(MEASURES)}, found {by[:40]!r}")
    with reading(deps().db) as c:
        found = counts(c, by)
    rows = [schemas.Count(process=p, name=name, journeys=n) for (p, name), n in sorted(found.items())]
    return answers.reply(schemas.Counts(by=by, counts=rows))


@bp.get("/journeys/<journey_id>")
@requires("viewer")
@describes(schemas.JourneyDetail)
def show(journey_id: str) -> Response:
    """One journey; the key of any of its identifiers leads to it as well."""
    with reading(deps().db) as c:
        found = _find(c, journey_id)
        row, folded = journey_facts(c, found.id, deps().processes)
        identifiers = journey_identifiers(c, row.id)
        trace_ids = journey_trace_ids(c, row.id)
        book = rule_book(c, deps().failure_rules)
    process = deps().processes.get(row.process)
    return answers.reply(
        answers.journey_detail(
            row, identifiers, trace_ids, folded, process, book, whole_names=may("support")
        )
    )


@bp.get("/journeys/<journey_id>/events")
@requires("viewer")
@describes(schemas.Events)
def show_events(journey_id: str) -> Response:
    """The events of a journey, by the time their sources gave them."""
    with reading(deps().db) as c:
        found = _find(c, journey_id)
        rows = journey_events(c, found.id)
    whole_names = may("support")
    return answers.reply(
        schemas.Events(
            journey_id=found.id.hex(), events=[answers.event(row, whole_names=whole_names) for row in rows]
        )
    )


def _find(c: Connection, journey_id: str) -> JourneyRow:
    key = read_key(journey_id)
    row = None if key is None else find_journey(c, key)
    if row is None:
        raise NotFound(f"There is no journey {journey_id[:64]!r}.")
    return row


@bp.get("/search")
@requires("viewer")
@describes(schemas.SearchHits, _TEXT, LIMIT)
def find() -> Response:
    """What a text names: exact matches first, then those that begin with it."""
    text = request.args.get("q", "").strip()
    if not text:
        raise BadPayload("q: expected an identifier, or the beginning of one")
    if len(text) > 256:
        raise BadPayload("q: expected at most 256 characters")
    limit = read_limit(request.args.get("limit"), 20)
    with reading(deps().db) as c:
        hits = search(c, text, limit=limit)
        book = rule_book(c, deps().failure_rules)
    whole_names = may("support")
    return answers.reply(
        schemas.SearchHits(q=text, hits=[answers.hit(hit, book, whole_names=whole_names) for hit in hits])
    )
