"""Services, sources and traces as JSON."""

from __future__ import annotations

from flask import Blueprint, Response

from controltower.domain.errors import NotFound
from controltower.services.failure_rules import rule_book
from controltower.services.traces import read_trace
from controltower.store.crowds import list_crowded
from controltower.store.engine import reading
from controltower.store.sources import list_dropped, list_sources
from controltower.store.traces import find_journeys_of_trace, list_services
from controltower.web.api import answers, schemas
from controltower.web.api.described import describes
from controltower.web.connection_views import ConnectionView, list_connections
from controltower.web.cursors import read_key
from controltower.web.deps import deps, now
from controltower.web.roles import may, requires

bp = Blueprint("api_figures", __name__, url_prefix="/api/v1")


@bp.get("/services")
@requires("viewer")
@describes(schemas.Services)
def services() -> Response:
    """Every service that sent spans, with its spans and errors."""
    with reading(deps().db) as c:
        rows = list_services(c)
    return answers.reply(
        schemas.Services(
            services=[
                schemas.Service(
                    name=row.name,
                    spans=row.spans,
                    errors=row.errors,
                    first_received_at=row.first_received_at,
                    last_received_at=row.last_received_at,
                )
                for row in rows
            ]
        )
    )


@bp.get("/sources")
@requires("viewer")
@describes(schemas.Sources)
def sources() -> Response:
    """Who sends facts, when each was last heard of, how connections are doing, what was counted instead of
    kept, and the journeys of which more is told than of an order: crowded ones.
    """
    with reading(deps().db) as c:
        rows, dropped, crowded = list_sources(c), list_dropped(c), list_crowded(c)
        connections = list_connections(c, now())
        book = rule_book(c, deps().failure_rules)
    return answers.reply(
        schemas.Sources(
            sources=[
                schemas.Source(
                    name=row.name,
                    signal=row.signal,
                    first_received_at=row.first_received_at,
                    last_received_at=row.last_received_at,
                    last_occurred_at=row.last_occurred_at,
                    facts=row.facts,
                    errors=row.errors,
                    refused_links=row.refused_links,
                )
                for row in rows
            ],
            connections=[_connection(view) for view in connections],
            dropped=[
                schemas.Dropped(signal=row.signal, reason=row.reason, name=row.name, total=row.total)
                for row in dropped
            ],
            crowded=[answers.journey(row, book, whole_names=may("support")) for row in crowded],
        )
    )


@bp.get("/traces/<trace_id>")
@requires("viewer")
@describes(schemas.Trace)
def trace(trace_id: str) -> Response:
    """The spans of a trace, each once, by start, and the journeys that it belongs to."""
    key = read_key(trace_id)
    spans = [] if key is None else read_trace(deps().db, key)
    if key is None or not spans:
        raise NotFound(f"There is no trace {trace_id[:64]!r}.")
    with reading(deps().db) as c:
        owners = find_journeys_of_trace(c, key)
    spans.sort(key=lambda span: (span.start_ns, span.span_id))
    return answers.reply(
        schemas.Trace(
            trace_id=key.hex(),
            spans=[answers.span(span) for span in spans],
            journey_ids=[row.id.hex() for row in owners],
        )
    )


def _connection(view: ConnectionView) -> schemas.DeclaredConnection:
    resting = view.resting
    return schemas.DeclaredConnection(
        name=view.name,
        kind=view.kind,
        is_down=view.is_down,
        uses=[
            schemas.ConnectionUse(
                role=row.role,
                place=row.place,
                state=row.state,
                since_at=row.since_at,
                error=row.error,
                taken=row.taken,
                losses=row.losses,
            )
            for row in view.rows
        ],
        failures_in_a_row=resting.failures if resting else 0,
        resting_until=resting.until_at if resting else None,
        failure=resting.detail if resting else "",
    )
