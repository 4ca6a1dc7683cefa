"""The JSON API: all that the screens offer, for programs; described at /openapi.json."""

from __future__ import annotations

from controltower.web.api import (
    acknowledgements,
    failures,
    figures,
    health,
    journeys,
    maps,
    openapi,
    quarantine,
    queues,
    reconciliations,
    reports,
)

API_BLUEPRINTS = (
    journeys.bp,
    failures.bp,
    figures.bp,
    maps.bp,
    queues.bp,
    quarantine.bp,
    reports.bp,
    reconciliations.bp,
    health.bp,
    openapi.bp,
    acknowledgements.bp,
)
