"""The middleware gives up on a message for the ERP: what it hands over, and why."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from controltower.demo.causes import UNKNOWN_COUNTRY
from controltower.demo.emissions import TYPE_PREFIX, rfc3339
from controltower.demo.orders import ERP_SCHEMA, Order

QUEUE = "erp.post"
DEAD_QUEUE = "erp.post.dead"
CONNECTION = "middleware"
TYPE = f"{TYPE_PREFIX}order.posted"
REFERENCE = "x-order-reference"
_PROMISED_WITHIN = timedelta(hours=48)


class _Site(NamedTuple):
    """Where in the middleware's code an error comes from."""

    error_class: str
    file: str
    line: int
    function: str


_SITES = {
    "SKU_UNMAPPED": _Site("MappingError", "mapping/items.py", 41, "item_of"),
    "SCHEMA_INVALID": _Site("SchemaError", "mapping/sales_order.py", 73, "validate"),
    "CREDIT_HOLD": _Site("BusinessRuleError", "erp/client.py", 118, "raise_for_rule"),
    "ERP_TIMEOUT": _Site("TimeoutError", "erp/client.py", 64, "post"),
}


class Undelivered(NamedTuple):
    """A message as it travels in the middleware."""

    body: str
    headers: Mapping[str, str]


def error_class_of(code: str) -> str:
    """The exception that the middleware raises for an error."""
    return _SITES[code].error_class


def build_message(order: Order, traceparent: str) -> Undelivered:
    """The sales order that the ERP was to book."""
    country = UNKNOWN_COUNTRY if order.fate == ERP_SCHEMA else order.customer.country
    body = {
        "salesOrder": {
            "orderNumber": order.oms_number,
            "customerOrder": order.name,
            "soldTo": {"id": order.customer.id, "name": order.customer.name, "email": order.customer.email},
            "shipTo": {"country": country},
            "lines": [
                {
                    "line": place,
                    "sku": product.sku,
                    "description": product.name,
                    "quantity": quantity,
                    "unitPrice": f"{product.cents / 100:.2f}",
                }
                for place, (product, quantity) in enumerate(order.lines, start=1)
            ],
            "total": order.total,
        }
    }
    headers = {
        "x-event-type": TYPE,
        "x-correlation-id": order.correlation,
        "traceparent": traceparent,
        REFERENCE: order.reference,
    }
    return Undelivered(json.dumps(body, indent=2), headers)


def build_letter(
    order: Order, message: Undelivered, error: Mapping[str, str], at: datetime, *, tries: int
) -> dict[str, Any]:
    """The document by which the middleware hands a message over that it gave up on after some tries."""
    return {
        "message_id": f"{QUEUE}/{order.oms_number}",
        "body": message.body,
        "content_type": "application/json",
        "headers": dict(message.headers),
        "key": order.name,
        "type": TYPE,
        "system": CONNECTION,
        "identifiers": {"order_number": order.oms_number, **order.seller_ids},
        "correlation_id": order.correlation,
        "origin": {"connection": CONNECTION, "place": QUEUE},
        "place": DEAD_QUEUE,
        "error": {**error, "class": error_class_of(error["code"]), "stack": _stack(error)},
        "deaths": [{"place": QUEUE, "reason": "rejected", "times": tries, "died_at": rfc3339(at)}],
        "failed_at": rfc3339(at),
        "total": order.total,
        "due_at": rfc3339(at + _PROMISED_WITHIN),
        "customer": {"name": order.customer.name},
        "channel": order.channel,
    }


def _stack(error: Mapping[str, str]) -> str:
    site = _SITES[error["code"]]
    return "\n".join(
        (
            "Traceback (most recent call last):",
            '  File "/srv/middleware/northwind/consumers/erp_post.py", line 88, in handle',
            "    self.erp.post(to_sales_order(message))",
            f'  File "/srv/middleware/northwind/{site.file}", line {site.line}, in {site.function}',
            f"    raise {site.error_class}(reason)",
            f"{site.error_class}: {error['message']}",
        )
    )
