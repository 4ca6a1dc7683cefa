"""The first hops of an order: it is taken, paid for and handed to the middleware."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from controltower.demo.orders import PAYMENT_DECLINED, Order
from controltower.demo.script import Call, Script

_DECLINED = {"code": "CARD_DECLINED", "message": "The issuer declined the card: insufficient funds"}


def take_order(script: Script, order: Order, at: datetime) -> datetime | None:
    """The shop, the till or the marketplace takes the order; when the middleware has it, None when never."""
    if order.channel == "marketplace":
        return take_polled_orders(script, [order], at)[0]
    declined = order.fate == PAYMENT_DECLINED
    traceparent = script.trace(_checkout(order, declined=declined), at)
    _capture(script, order, at, traceparent)
    if declined:
        paid_at = _pay_again(script, order, at)
        if paid_at is None:
            return None
        at = paid_at
    _authorise(script, order, at + timedelta(milliseconds=180), traceparent)
    received_at = at + script.wait("receive")
    script.enqueue("orders.inbound", at, received_at)
    _receive(script, order, received_at, traceparent)
    return received_at


def take_polled_orders(script: Script, orders: Sequence[Order], at: datetime) -> list[datetime | None]:
    """The middleware fetches several marketplace orders at once: one trace that serves them all."""
    for order in orders:
        _capture(script, order, at - timedelta(seconds=script.rng.uniform(2, 25)), "")
    traceparent = script.trace(_poll(orders), at)
    received = []
    for place, order in enumerate(orders):
        received_at = at + timedelta(milliseconds=140 + 30 * place)
        script.enqueue("orders.inbound", at, received_at + timedelta(seconds=1))
        _receive(script, order, received_at, traceparent)
        received.append(received_at)
    return list(received)


def _capture(script: Script, order: Order, at: datetime, traceparent: str) -> None:
    # The marketplace and the tills know nothing of our correlation id; the shop adds it to most orders.
    knows_correlation = order.channel == "web" and script.chance(0.8)
    script.tell(
        order.seller,
        "order.captured",
        at,
        identifiers={**order.seller_ids, "sku": order.skus},
        order=order if knows_correlation else None,
        traceparent=traceparent,
        channel=order.channel,
        customer={"id": order.customer.id, "name": order.customer.name, "email": order.customer.email},
        total=order.total,
        status="open",
        lines=[{"sku": product.sku, "name": product.name, "quantity": n} for product, n in order.lines],
        ship_to={"country": order.customer.country},
    )


def _pay_again(script: Script, order: Order, at: datetime) -> datetime | None:
    script.tell(
        order.seller,
        "payment.authorised.failed",
        at + timedelta(milliseconds=200),
        identifiers=order.seller_ids,
        order=order,
        status="payment_declined",
        error=_DECLINED,
    )
    return at + script.wait("repair") if order.repaired else None


def _authorise(script: Script, order: Order, at: datetime, traceparent: str) -> None:
    script.tell(
        order.seller,
        "payment.authorised",
        at,
        identifiers=order.seller_ids,
        order=order,
        traceparent=traceparent,
        status="paid",
    )
    script.tell("billing", "tax.calculated", at, identifiers={}, order=order, traceparent=traceparent)


def _receive(script: Script, order: Order, at: datetime, traceparent: str) -> None:
    """The middleware is the first to know both the seller's names of the order and the correlation id."""
    script.tell(
        "middleware",
        "order.received",
        at,
        identifiers=order.seller_ids,
        order=order,
        traceparent=traceparent,
    )
    if script.chance(0.06):
        # As a log record would be: nothing but the trace says whose it is.
        script.tell("middleware", "connector.slow", at, identifiers={}, traceparent=traceparent, ms=2400)


def correlated(order: Order, more: Mapping[str, str | int] | None = None) -> dict[str, str | int]:
    """Span attributes that carry the correlation id of the order, and `more`."""
    return {"correlation.id": order.correlation, **(more or {})}


def _checkout(order: Order, *, declined: bool) -> Call:
    name = "POST /checkout" if order.channel == "web" else "POST /sales"
    status = 402 if declined else 201
    payment = Call(
        order.seller,
        "authorise card",
        "client",
        ms=140,
        attributes={"peer.service": "acquirer", "payment.amount_cents": order.cents},
        error=("CardDeclined", _DECLINED["message"]) if declined else None,
    )
    return Call(
        order.seller,
        name,
        "server",
        ms=45,
        attributes={"order.name": order.name, "http.response.status_code": status},
        error=("CardDeclined", "checkout stopped") if declined else None,
        calls=[payment] if declined else [payment, _publish(order)],
    )


def _publish(order: Order) -> Call:
    queue: dict[str, Any] = {
        "messaging.system": "rabbitmq",
        "messaging.destination.name": "orders.inbound",
        "messaging.message.conversation_id": order.correlation,
    }
    mapping = Call("middleware", "map order", ms=12, attributes=correlated(order))
    consumer = Call(
        "middleware",
        "orders.inbound process",
        "consumer",
        ms=9,
        after_ms=220,
        attributes=queue,
        calls=[mapping],
    )
    return Call(order.seller, "orders.inbound publish", "producer", ms=3, attributes=queue, calls=[consumer])


def _poll(orders: Sequence[Order]) -> Call:
    fetch = Call(
        "middleware",
        "GET /orders",
        "client",
        ms=40,
        attributes={"http.request.method": "GET", "http.response.status_code": 200},
        calls=[Call("marketplace", "GET /orders", "server", ms=60, attributes={"orders.count": len(orders)})],
    )
    imports = [
        Call("middleware", "import order", ms=18, attributes=correlated(order, {"order.id": order.name}))
        for order in orders
    ]
    return Call("middleware", "poll marketplace orders", ms=15, calls=[fetch, *imports])
