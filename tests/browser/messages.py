"""What the systems of a retailer send: CloudEvents and spans."""

import itertools
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

_numbers = itertools.count(1)
_SERVER, _CLIENT = 2, 3
_ERROR = {"code": 2, "message": "SKU LAMP-7 has no mapping"}


def minutes_ago(minutes: float) -> datetime:
    """A moment of the recent past."""
    return datetime.now(UTC) - timedelta(minutes=minutes)


def an_event(
    type: str, order: str, *, source: str = "/shop", at: datetime | None = None, trace: str = "", **data: Any
) -> dict[str, Any]:
    """A CloudEvent about an order; `data` is merged into its data, identifiers into its identifiers."""
    identifiers = {"order": order, **data.pop("identifiers", {})}
    event: dict[str, Any] = {
        "specversion": "1.0",
        "id": f"test-{next(_numbers)}-{secrets.token_hex(4)}",
        "source": source,
        "type": type,
        "time": (at or datetime.now(UTC)).isoformat(),
        "data": {"identifiers": identifiers, **data},
    }
    if trace:
        event["traceparent"] = f"00-{trace}-{secrets.token_hex(8)}-01"
    return event


def a_captured_order(order: str, *, at: datetime | None = None, **data: Any) -> dict[str, Any]:
    """The first event of a sale."""
    whole = {
        "channel": "web",
        "customer": "Jane Doe",
        "total": {"amount": "129.90", "currency": "EUR"},
        **data,
    }
    return an_event("order.captured", order, at=at, **whole)


def a_trace_id() -> str:
    """A trace id that nobody used before."""
    return secrets.token_hex(16)


def a_span(
    name: str,
    trace: str,
    *,
    span: str = "",
    parent: str = "",
    starts_ms: float = 0,
    takes_ms: float = 100,
    failed: bool = False,
    **attributes: str,
) -> dict[str, Any]:
    """A span that started `starts_ms` after the minute before last began."""
    start = int(minutes_ago(2).timestamp()) * 10**9 + int(starts_ms * 10**6)
    return {
        "traceId": trace,
        "spanId": span or secrets.token_hex(8),
        **({"parentSpanId": parent} if parent else {}),
        "name": name,
        "kind": _CLIENT if parent else _SERVER,
        "startTimeUnixNano": str(start),
        "endTimeUnixNano": str(start + int(takes_ms * 10**6)),
        "attributes": [
            {"key": key.replace("_", "."), "value": {"stringValue": v}} for key, v in attributes.items()
        ],
        **({"status": _ERROR} if failed else {}),
    }


def spans_of(services: Mapping[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """One OTLP/JSON request with the spans of several services."""
    return {
        "resourceSpans": [
            {
                "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": service}}]},
                "scopeSpans": [{"scope": {"name": "tests"}, "spans": spans}],
            }
            for service, spans in services.items()
        ]
    }


def readings_of(queue: str, measure: str, values: Sequence[float]) -> dict[str, Any]:
    """One OTLP/JSON request of the Collector's RabbitMQ receiver: a reading a minute, the last one now."""
    points = [
        {
            "asDouble": value,
            "timeUnixNano": str(int(minutes_ago(len(values) - 1 - place).timestamp() * 1e9)),
            "attributes": [{"key": "state", "value": {"stringValue": measure}}],
        }
        for place, value in enumerate(values)
    ]
    metric = {"name": "rabbitmq.message.current", "gauge": {"dataPoints": points}}
    name = {"key": "rabbitmq.queue.name", "value": {"stringValue": queue}}
    return {
        "resourceMetrics": [
            {"resource": {"attributes": [name]}, "scopeMetrics": [{"metrics": [metric]}]},
        ]
    }
