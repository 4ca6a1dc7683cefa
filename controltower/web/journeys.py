"""Journeys: the list with its filters and CSV, one journey, and the events it is made of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from flask import Blueprint, Response, request, stream_with_context

from controltower.domain.errors import NotFound
from controltower.domain.failure_rules import RuleBook
from controltower.domain.times import from_us
from controltower.services.failure_rules import RuleShelf, rule_book
from controltower.store.engine import Connection, Database, reading
from controltower.store.journey_lists import LOOKED_THROUGH, JourneyPage
from controltower.store.journey_rows import FailureRow
from controltower.store.journeys import (
    JourneyFilter,
    JourneyRow,
    event_payload,
    find_journey,
    is_broad,
    list_journeys,
    page_of_journeys,
)
from controltower.web import journey_filters as filters
from controltower.web.csv_cells import csv_line
from controltower.web.cursors import Cursor, read_cursor, read_key, write_cursor
from controltower.web.deps import deps, now
from controltower.web.failure_views import diagnosis_of
from controltower.web.formatting import masked
from controltower.web.htmx import go_to, page, wants_fragment
from controltower.web.journey_page import load_journey, load_outline
from controltower.web.payloads import show_payload
from controltower.web.roles import may, requires

bp = Blueprint("journeys", __name__)

PAGE_ROWS = 50
NEWER_COUNTED = 50
CSV_PAGE_ROWS = 500
CSV_COLUMNS = (
    *("id", "title", "process", "status", "stage", "stage_since", "started", "last_event", "customer"),
    *("channel", "amount", "currency", "reported_status", "systems", "events"),
    *("failure_stage", "failure_system", "failure_code", "failure_message", "failed", "failure_class"),
)


@bp.get("/journeys")
@requires("viewer")
def index() -> Response:
    """A page of the list. With `from`, the rows from that place on again, and how many came before them."""
    fields = filters.given_fields(request.args)
    wanted = filters.read_filter(request.args)
    after = read_cursor(request.args.get("after"))
    first_shown = read_cursor(request.args.get("from"))
    with reading(deps().db) as c:
        start = filters.just_before(first_shown) if first_shown else after
        found = page_of_journeys(c, wanted, after=start, limit=PAGE_ROWS)
        newer = 0
        if first_shown:
            newer = _count_newer(c, wanted, first_shown)
        choices = filters.list_choices(c, deps().processes, wanted.fingerprint)
        broad = bool(wanted.text) and is_broad(c, wanted.text)
    return page(
        "pages/journeys/index.html",
        "frag_rows",
        **_list_context(found, fields, newer=newer, paged=after is not None, refresh_from=first_shown),
        choices=choices,
        active=filters.list_active(fields, choices),
        fields=fields,
        broad=broad,
        stage_titles=dict(choices.stage),
    )


def _count_newer(c: Connection, wanted: JourneyFilter, first_shown: Cursor) -> int:
    """How many journeys came before the first one shown; counted no further than `NEWER_COUNTED` and one."""
    since_at = from_us(first_shown[0])
    if wanted.since_at is not None:
        since_at = max(since_at, wanted.since_at)
    found = list_journeys(c, replace(wanted, since_at=since_at), limit=NEWER_COUNTED + 1)
    return sum(row.cursor > first_shown for row in found)


def _list_context(
    found: JourneyPage,
    fields: dict[str, str],
    *,
    newer: int,
    paged: bool,
    refresh_from: Cursor | None,
) -> dict[str, Any]:
    shown = found.rows
    first = write_cursor(shown[0].cursor) if shown else ""
    refreshed = write_cursor(refresh_from) if refresh_from else first
    return {
        "rows": shown,
        "newer": newer,
        "more_newer": newer > NEWER_COUNTED,
        "newest_url": filters.url_of("/journeys", fields),
        "next_url": filters.url_of("/journeys", fields, after=write_cursor(found.next)) if found.next else "",
        "is_cut": found.next is not None and len(shown) < PAGE_ROWS,
        "looked_through": LOOKED_THROUGH,
        "refresh_url": filters.url_of("/journeys", fields, **{"from": refreshed}),
        "csv_url": filters.url_of("/journeys.csv", fields),
        "paged": paged,
    }


@bp.get("/journeys.csv")
@requires("viewer")
def export() -> Response:
    """Every journey that passes the filter, as CSV, in constant memory."""
    wanted = filters.read_filter(request.args)
    body = stream_with_context(_csv(deps().db, deps().failure_rules, wanted, whole_names=may("support")))
    name = f"journeys-{now():%Y%m%d-%H%M}.csv"
    return Response(
        body,
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
    )


def _csv(db: Database, shelf: RuleShelf, wanted: JourneyFilter, *, whole_names: bool) -> Iterator[str]:
    yield csv_line(CSV_COLUMNS)
    after = None
    while True:
        # A short read for each page: a long one would keep the database from tidying up behind it.
        with reading(db) as c:
            found = page_of_journeys(c, wanted, after=after, limit=CSV_PAGE_ROWS)
            book = rule_book(c, shelf)
        yield "".join(csv_line(_csv_cells(row, book, whole_names=whole_names)) for row in found.rows)
        if found.next is None:
            return
        after = found.next


def _csv_cells(row: JourneyRow, book: RuleBook, *, whole_names: bool) -> tuple[str, ...]:
    return (
        row.id.hex(),
        row.title,
        row.process,
        row.status,
        row.stage,
        row.stage_since_at.isoformat(),
        row.started_at.isoformat(),
        row.last_event_at.isoformat(),
        row.customer if whole_names else masked(row.customer),
        row.channel,
        row.amount,
        row.currency,
        row.reported_status,
        " ".join(row.systems),
        str(row.event_count),
        *_failure_cells(row.failure, book),
    )


def _failure_cells(failure: FailureRow | None, book: RuleBook) -> tuple[str, ...]:
    if failure is None:
        return ("",) * 6
    return (
        failure.stage,
        failure.system,
        failure.code,
        masked(failure.message),
        failure.failed_at.isoformat(),
        diagnosis_of(failure, book).failure_class,
    )


@bp.get("/journeys/<journey_id>")
@requires("viewer")
def show(journey_id: str) -> Response:
    """One journey; any of its identifiers' keys leads to it. A poll that has seen the newest gets 204."""
    key = _key(journey_id)
    with reading(deps().db) as c:
        row = find_journey(c, key)
        if row is None:
            raise NotFound(
                "There is no journey under this address. Search for the order, shipment or trace instead."
            )
        if row.id.hex() != journey_id and not wants_fragment():
            return go_to(f"/journeys/{row.id.hex()}")
        book = rule_book(c, deps().failure_rules)
        outline = load_outline(c, row.id, deps().processes, book, now())
        if wants_fragment() and request.args.get("seen") == outline.mark:
            return Response(status=204, headers={"Vary": "HX-Request"})
        view = load_journey(c, outline, deps().processes, now(), whole_names=may("support"))
    return page("pages/journey/index.html", "frag_journey", view=view, row=outline.row)


@bp.get("/journeys/<journey_id>/events/<anchor>/<digest>")
@requires("viewer")
def show_event(journey_id: str, anchor: str, digest: str) -> Response:
    """The bytes of one event as they came, laid out for reading."""
    with reading(deps().db) as c:
        payload = event_payload(c, _key(anchor), _key(digest))
        row = find_journey(c, _key(journey_id))
    if payload is None or row is None:
        raise NotFound("This event is not in the store.")
    text = show_payload(payload.body, payload.content_type, whole_names=may("support"))
    return page("pages/journey/event.html", "frag_payload", row=row, payload=payload, text=text)


def _key(text: str) -> bytes:
    """The key that an address names. Raises NotFound for what cannot be one."""
    key = read_key(text)
    if key is None:
        raise NotFound(f"{text[:64]!r} is not the id of anything in the tower.")
    return key
