"""The application under test, with a fake way in, and examples to send it."""

from __future__ import annotations

import json
from typing import Any

from collectors.events.http import events_routes
from collectors.http import Authorize, IngestApp, Limits
from collectors.otlp.export import Exporter
from collectors.otlp.http import otlp_routes
from collectors.otlp.links import DEFAULT_ATTRIBUTES, LinkRules
from tests.fakes import FakeIngest

NOW_US = 1_767_225_600_000_000  # 2026-01-01T00:00:00Z

EVENTS = "/api/v1/events"
STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
LINES = "application/x-ndjson"
PROTOBUF = "application/x-protobuf"


def open_to_all(_headers: object) -> None:
    """An authorize hook that lets everyone in."""


def an_exporter(ingest: FakeIngest, limits: Limits | None = None) -> Exporter:
    """An OTLP exporter with the default rules."""
    rules = LinkRules(DEFAULT_ATTRIBUTES)
    return Exporter(ingest, rules, DEFAULT_ATTRIBUTES, lambda: NOW_US, limits or Limits())


def an_app(
    ingest: FakeIngest, limits: Limits | None = None, authorize: Authorize = open_to_all, **options: Any
) -> IngestApp:
    """Events and OTLP, as the tower serves them."""
    limits = limits or Limits()
    routes = {
        **events_routes(ingest, lambda: NOW_US, limits),
        **otlp_routes(an_exporter(ingest, limits)),
    }
    return IngestApp(routes, authorize=authorize, limits=limits, **options)


def an_event(**changes: Any) -> dict[str, Any]:
    """A complete event; a change to None takes the attribute out."""
    event = {
        "specversion": "1.0",
        "id": "e-1",
        "source": "https://shop.example/erp",
        "type": "com.acme.order.posted",
        "time": "2026-01-01T08:15:00Z",
        "correlationid": "c-1",
        "datacontenttype": "application/json",
        "data": {"identifiers": {"order": "1001"}, "total": {"amount": 129.90, "currency": "EUR"}},
    }
    return {name: value for name, value in (event | changes).items() if value is not None}


def as_json(value: object) -> bytes:
    """A value as a request body."""
    return json.dumps(value).encode()
