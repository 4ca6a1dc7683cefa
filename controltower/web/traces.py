"""Traces: the newest ones, one as a waterfall, one span with all its attributes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from flask import Blueprint, Response, request

from controltower.domain.errors import NotFound
from controltower.domain.times import from_us
from controltower.services.traces import list_traces
from controltower.store.engine import reading
from controltower.store.journeys import JourneyRow
from controltower.store.traces import (
    TraceRow,
    find_journeys_of_trace,
    find_journeys_of_traces,
    list_services,
    segments_of_traces,
    trace_segments,
)
from controltower.web.cursors import read_cursor, write_cursor
from controltower.web.deps import deps
from controltower.web.htmx import page
from controltower.web.roles import requires
from controltower.web.trace_views import MOST_SPANS, TraceView, find_span, flat, view_trace

bp = Blueprint("traces", __name__)

PAGE_ROWS = 25  # each is decoded for its name and services
_READ_ALONG = 128 * 1024  # bytes of a trace up to which the list names its services
ALL_SPANS = 5_000


@dataclass(frozen=True, slots=True)
class TraceLine:
    """A trace in the list."""

    row: TraceRow
    view: TraceView | None  # None for a trace that is too large to be read along
    journey: JourneyRow | None

    @property
    def started_at(self) -> datetime:
        """When its first span started."""
        return from_us(self.row.start_ns // 1_000)


@bp.get("/traces")
@requires("viewer")
def index() -> Response:
    """A page of traces, newest received first."""
    service = request.args.get("service", "").strip()
    before = read_cursor(request.args.get("before"))
    found = list_traces(deps().db, before=before, limit=PAGE_ROWS, service=service)
    with reading(deps().db) as c:
        trace_ids = [row.trace_id for row in found.rows]
        contents = segments_of_traces(c, trace_ids)
        owners = find_journeys_of_traces(c, trace_ids)
        lines = [_line(row, contents[row.trace_id], owners.get(row.trace_id)) for row in found.rows]
        services = list_services(c)
    return page(
        "pages/traces/index.html",
        "frag_rows",
        lines=lines,
        services=services,
        service=service,
        next_url=_url(service, write_cursor(found.next)) if found.next else "",
        newest_url=_url(service, "") if before else "",
    )


def _line(row: TraceRow, segments: Sequence[bytes], owners: Sequence[JourneyRow] | None) -> TraceLine:
    small = sum(map(len, segments)) <= _READ_ALONG
    view = view_trace(row.trace_id, segments, most=1) if small else None
    return TraceLine(row, view, owners[0] if owners else None)


@bp.get("/traces/<trace_id>")
@requires("viewer")
def show(trace_id: str) -> Response:
    """One trace as a waterfall, with the journeys that it belongs to."""
    key = _read_id(trace_id, 16)
    with reading(deps().db) as c:
        segments = trace_segments(c, key)
        if not segments:
            raise NotFound(
                "No span of this trace is stored. It may be sampled away, or not have arrived yet."
            )
        owners = find_journeys_of_trace(c, key)
    most = ALL_SPANS if request.args.get("all") else MOST_SPANS
    trace = view_trace(key, segments, most=most)
    return page("pages/traces/show.html", "frag_waterfall", trace=trace, owners=owners)


@bp.get("/traces/<trace_id>/spans/<span_id>")
@requires("viewer")
def show_span(trace_id: str, span_id: str) -> Response:
    """One span with everything that was reported of it."""
    key = _read_id(trace_id, 16)
    with reading(deps().db) as c:
        span = find_span(trace_segments(c, key), _read_id(span_id, 8))
    if span is None:
        raise NotFound("This span is not stored.")
    return page(
        "pages/traces/span.html",
        "frag_span",
        span=span,
        trace_id=key,
        attributes=flat(span.attributes),
        resource=flat(span.resource),
        events=[(event, flat(event.attributes)) for event in span.events],
    )


def _url(service: str, before: str) -> str:
    query = urlencode({name: value for name, value in (("service", service), ("before", before)) if value})
    return f"/traces?{query}" if query else "/traces"


def _read_id(text: str, size: int) -> bytes:
    try:
        key = bytes.fromhex(text) if len(text) == 2 * size else b""
    except ValueError:
        key = b""
    if len(key) != size:
        raise NotFound(f"{text[:64]!r} is not the id of anything in the tower.")
    return key
