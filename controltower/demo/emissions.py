"""What the simulated systems give off: events, spans and changes of queue depth, each due at a moment."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

DOMAIN = "northwind-living.example"
TYPE_PREFIX = "com.northwind-living."


class EventOut(NamedTuple):
    """A CloudEvent to post at `at`; its own `time` may be earlier, as it is when a system reports late."""

    at: datetime
    document: Mapping[str, Any]


class SpanPlan(NamedTuple):
    """A span to start and end through the SDK of its system."""

    system: str
    trace_id: int
    span_id: int
    parent_id: int  # 0 for a root
    name: str
    kind: str  # internal, server, client, producer or consumer
    started_at: datetime
    ended_at: datetime
    attributes: Mapping[str, str | int]
    error: tuple[str, str] | None = None  # exception type and message


class TraceOut(NamedTuple):
    """Spans that end together at `at`."""

    at: datetime
    spans: tuple[SpanPlan, ...]


class DepthOut(NamedTuple):
    """A queue grows or shrinks at `at`."""

    at: datetime
    queue: str
    change: int


class LetterOut(NamedTuple):
    """A message that a system gives up on at `at`: the document by which it is handed over."""

    at: datetime
    document: Mapping[str, Any]


Emission = EventOut | TraceOut | DepthOut | LetterOut


def rfc3339(moment: datetime) -> str:
    """The moment in UTC with milliseconds, as most systems write it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def build_event(
    system: str,
    event_type: str,
    occurred_at: datetime,
    event_id: str,
    *,
    data: Mapping[str, Any],
    correlation: str = "",
    traceparent: str = "",
    subject: str = "",
) -> dict[str, Any]:
    """A CloudEvents 1.0 document; attributes without a value are left out."""
    document = {
        "specversion": "1.0",
        "id": event_id,
        "source": f"//{DOMAIN}/{system}",
        "type": TYPE_PREFIX + event_type,
        "time": rfc3339(occurred_at),
        "subject": subject,
        "correlationid": correlation,
        "traceparent": traceparent,
        "datacontenttype": "application/json" if data else "",
        "data": dict(data),
    }
    return {name: value for name, value in document.items() if value}
