"""The JSON API: all that the screens offer, for programs; described at /openapi.json."""

from __future__ import annotations

from controltower.web.api import failures, figures, health, journeys, openapi, quarantine

API_BLUEPRINTS = (journeys.bp, failures.bp, figures.bp, quarantine.bp, health.bp, openapi.bp)
