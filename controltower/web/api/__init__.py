"""The JSON API: all that the screens offer, for programs; described at /openapi.json."""

from __future__ import annotations

from controltower.web.api import (
    acknowledgements,
    audit,
    dead_letters,
    failures,
    figures,
    health,
    journeys,
    maps,
    openapi,
    quarantine,
    queues,
    reconciliations,
    redirects,
    replays,
    reports,
)

API_BLUEPRINTS = (
    journeys.bp,
    failures.bp,
    dead_letters.bp,
    figures.bp,
    maps.bp,
    queues.bp,
    quarantine.bp,
    replays.bp,
    redirects.bp,
    audit.bp,
    reports.bp,
    reconciliations.bp,
    health.bp,
    openapi.bp,
    acknowledgements.bp,
)
