"""The JSON API: all that the screens offer, for programs; described at /openapi.json."""

from __future__ import annotations

from controltower.web.api import figures, health, journeys, openapi, quarantine, reconciliations, reports

API_BLUEPRINTS = (
    journeys.bp,
    figures.bp,
    quarantine.bp,
    reports.bp,
    reconciliations.bp,
    health.bp,
    openapi.bp,
)
