"""Who sends facts and how fresh they are, how connections are doing, and what was counted instead of kept."""

from __future__ import annotations

from datetime import timedelta

from flask import Blueprint, Response

from controltower.domain.crowds import MANY_EVENTS
from controltower.store.crowds import list_crowded
from controltower.store.engine import reading
from controltower.store.sources import SourceRow, list_dropped, list_sources
from controltower.web.connection_views import ROLES, STATES, list_connections
from controltower.web.deps import deps, now
from controltower.web.home import freshness_of, journeys_of_source
from controltower.web.htmx import page
from controltower.web.roles import requires

bp = Blueprint("sources", __name__, url_prefix="/sources")

SKEW_WORTH_A_WORD = timedelta(minutes=5)


@bp.get("")
@requires("viewer")
def show() -> Response:
    """Every source, those that were silent longest first."""
    at = now()
    with reading(deps().db) as c:
        rows, dropped, crowded = list_sources(c), list_dropped(c), list_crowded(c)
        connections = list_connections(c, at)
    rows.sort(key=lambda row: row.last_received_at)
    return page(
        "pages/sources/index.html",
        "frag_sources",
        sources=rows,
        dropped=dropped,
        crowded=crowded,
        many_events=MANY_EVENTS,
        freshness={(row.name, row.signal): freshness_of(row.last_received_at, at) for row in rows},
        connections=connections,
        states=STATES,
        roles=ROLES,
        link_to=journeys_of_source,
        is_ahead=_is_ahead,
    )


def _is_ahead(row: SourceRow) -> bool:
    """True when the source's clock says a time that we had not reached: its clock, or its zone, is wrong."""
    return row.last_occurred_at - row.last_received_at > SKEW_WORTH_A_WORD
