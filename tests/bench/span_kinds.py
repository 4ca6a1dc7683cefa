"""What the spans of one check-out say: names, kinds, and 12 attributes each as libraries write them."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from opentelemetry.proto.trace.v1.trace_pb2 import Span

Value = str | int | Callable[[random.Random], str | int]

_AGENTS = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/141.0.0.0",
    "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0",
    "okhttp/5.1.0",
    "northwind-app/8.2.1 (Android 16; Pixel 9)",
)


class Kind(NamedTuple):
    """One span of the check-out."""

    service: str
    name: str
    kind: Span.SpanKind.ValueType
    parent: int | None  # position of its parent in the check-out
    attributes: Mapping[str, Value]


def _one_of(*choices: str | int) -> Value:
    return lambda rng: rng.choice(choices)


def _number(low: int, high: int) -> Value:
    return lambda rng: rng.randrange(low, high)


def _text(pattern: str, high: int) -> Value:
    return lambda rng: pattern % rng.randrange(high)


def _address(rng: random.Random) -> str:
    return f"10.{rng.randrange(4)}.{rng.randrange(256)}.{rng.randrange(256)}"


def _public_address(rng: random.Random) -> str:
    return ".".join(str(rng.randrange(1, 255)) for _ in range(4))


def _uuid(rng: random.Random) -> str:
    return str(UUID(bytes=rng.randbytes(16)))


_STATUS = _one_of(200, 200, 200, 200, 201, 202, 404)


def _server(method: str, route: str, path: Value, *, is_root: bool = False) -> dict[str, Value]:
    return {
        "http.request.method": method,
        "http.route": route,
        "url.path": path,
        "url.scheme": "https",
        "http.response.status_code": _STATUS,
        "server.address": "shop.northwind.example",
        "client.address": _public_address if is_root else _address,
        "user_agent.original": _one_of(*_AGENTS) if is_root else "northwind-http/3.1",
        "network.protocol.version": _one_of("1.1", "2"),
        "enduser.id": _text("customer-%06d", 400_000),
        "thread.name": _text("worker-%d", 32),
    } | ({} if is_root else {"server.port": 8443})


def _client(method: str, url: Value, peer: str) -> dict[str, Value]:
    return {
        "http.request.method": method,
        "url.full": url,
        "http.response.status_code": _STATUS,
        "server.address": f"{peer}.svc.cluster.local",
        "server.port": 8443,
        "network.peer.address": _address,
        "network.peer.port": _number(30_000, 61_000),
        "network.protocol.version": "1.1",
        "http.request.body.size": _number(200, 9_000),
        "http.response.body.size": _number(60, 4_000),
        "peer.service": peer,
        "thread.id": _number(1, 96),
    }


def _database(operation: str, table: str, text: str) -> dict[str, Value]:
    return {
        "db.system.name": "postgresql",
        "db.namespace": "northwind",
        "db.collection.name": table,
        "db.operation.name": operation,
        "db.query.text": text,
        "server.address": _text("pg-%d.northwind.internal", 4),
        "server.port": 5432,
        "network.peer.address": _address,
        "db.response.returned_rows": _number(0, 60),
        "db.client.connection.pool.name": "main",
        "thread.id": _number(1, 96),
        "code.function.name": f"northwind.repository.{table}.{operation.lower()}",
    }


def _messaging(operation: str, destination: str) -> dict[str, Value]:
    return {
        "messaging.system": "rabbitmq",
        "messaging.operation.type": operation,
        "messaging.operation.name": operation,
        "messaging.destination.name": destination,
        "messaging.rabbitmq.destination.routing_key": _one_of("eu.web", "eu.app", "us.web", "us.app"),
        "messaging.message.id": _uuid,
        "messaging.message.body.size": _number(400, 6_000),
        "messaging.client.id": _text("oms-%d", 16),
        "server.address": _text("rabbit-%d.northwind.internal", 3),
        "server.port": 5671,
        "network.peer.address": _address,
        "enduser.id": _text("customer-%06d", 400_000),
    }


_ORDER_URL = _text("https://oms.svc.cluster.local:8443/orders/%07d", 9_000_000)
_ERP_URL = _text("https://erp.svc.cluster.local:8443/salesorders/%07d/lines", 9_000_000)

CHECKOUT: Sequence[Kind] = (
    Kind(
        "shop",
        "POST /checkout/{cart}",
        Span.SPAN_KIND_SERVER,
        None,
        _server("POST", "/checkout/{cart}", _text("/checkout/%08x", 1 << 32), is_root=True),
    ),
    Kind("shop", "PUT", Span.SPAN_KIND_CLIENT, 0, _client("PUT", _ORDER_URL, "oms")),
    Kind(
        "oms",
        "PUT /orders/{id}",
        Span.SPAN_KIND_SERVER,
        1,
        _server("PUT", "/orders/{id}", _text("/orders/%07d", 9_000_000)),
    ),
    Kind(
        "oms",
        "INSERT orders",
        Span.SPAN_KIND_CLIENT,
        2,
        _database(
            "INSERT", "orders", "INSERT INTO orders (id, customer, total, state) VALUES ($1, $2, $3, $4)"
        ),
    ),
    Kind("oms", "publish orders", Span.SPAN_KIND_PRODUCER, 2, _messaging("send", "orders")),
    Kind("erp", "process orders", Span.SPAN_KIND_CONSUMER, 4, _messaging("process", "orders")),
    Kind(
        "erp",
        "SELECT sku_mapping",
        Span.SPAN_KIND_CLIENT,
        5,
        _database("SELECT", "sku_mapping", "SELECT item, uom FROM sku_mapping WHERE sku = ANY($1)"),
    ),
    Kind("erp", "POST", Span.SPAN_KIND_CLIENT, 5, _client("POST", _ERP_URL, "erp")),
    Kind(
        "billing",
        "POST /invoices",
        Span.SPAN_KIND_SERVER,
        7,
        _server("POST", "/invoices", "/invoices"),
    ),
    Kind(
        "billing",
        "UPDATE invoice",
        Span.SPAN_KIND_CLIENT,
        8,
        _database("UPDATE", "invoice", "UPDATE invoice SET state = $2, issued_at = now() WHERE id = $1"),
    ),
)

ALIKE: Mapping[str, Value] = {
    "http.request.method": _one_of("GET", "GET", "POST", "PUT", "DELETE"),
    "http.route": _one_of(
        "/checkout/{cart}", "/orders/{id}", "/orders/{id}/lines", "/stock/{sku}", "/invoices"
    ),
    "http.response.status_code": _STATUS,
    "url.path": _text("/orders/%07d", 9_000_000),
    "messaging.system": _one_of("rabbitmq", "kafka"),
    "messaging.destination.name": _one_of("orders", "shipments", "invoices", "returns"),
    "db.system.name": "postgresql",
    "db.operation.name": _one_of("SELECT", "SELECT", "INSERT", "UPDATE"),
    "server.address": _text("pg-%d.northwind.internal", 4),
    "network.peer.address": _address,
    "thread.name": _text("worker-%d", 32),
    "enduser.id": _text("customer-%06d", 400_000),
}
"""The same twelve keys on every span, with values that vary: what instrumentation by hand looks like."""

RESOURCES: Mapping[str, Value] = {
    "service.namespace": "northwind",
    "service.version": _text("2025.11.%d", 30),
    "service.instance.id": _uuid,
    "deployment.environment.name": "production",
    "host.name": _text("node-%02d.eu-central", 40),
    "telemetry.sdk.language": "java",
    "telemetry.sdk.name": "opentelemetry",
    "telemetry.sdk.version": "1.56.0",
}
"""Attributes of a resource, besides its service.name."""
