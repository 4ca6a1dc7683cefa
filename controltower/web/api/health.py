"""For machines that watch the tower: is it alive, is it ready, and its figures."""

from __future__ import annotations

from flask import Blueprint, Response

from controltower.store.engine import reading
from controltower.store.sources import list_sources
from controltower.web.api.described import describes
from controltower.web.deps import deps
from controltower.web.roles import public

bp = Blueprint("api_health", __name__)

_METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@bp.get("/healthz")
@public
@describes(None, media="text/plain")
def alive() -> Response:
    """The process is alive; asks nothing of the store."""
    return Response("alive\n", mimetype="text/plain")


@bp.get("/readyz")
@public
@describes(None, media="text/plain")
def ready() -> Response:
    """The store answers; 503 when it does not."""
    with reading(deps().db) as c:
        list_sources(c, signal="none")
    return Response("ready\n", mimetype="text/plain")


@bp.get("/metrics")
@public
@describes(None, media="text/plain")
def metrics() -> Response:
    """The figures of this process in the Prometheus text format; they name no person and no order."""
    return Response(deps().metrics(), content_type=_METRICS_TYPE)
