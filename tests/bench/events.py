"""CloudEvents of orders on their way to cash: 8 an order, about 650 bytes each, 500 orders open at once."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from tests.bench.load import Prepared, request_head

PATH = "/api/v1/events"
OPEN_ORDERS = 500
_BATCH = "application/cloudevents-batch+json"
_SINGLE = "application/cloudevents+json"
_EVENT = (
    '{"specversion":"1.0","id":"%(id)s","source":"https://%(system)s.northwind.example/%(system)s",'
    '"type":"com.northwind.%(type)s","time":"%(time)s","subject":"order/%(order)s",'
    '"datacontenttype":"application/json","correlationid":"%(correlation)s","data":{'
    '"identifiers":{"order":"%(order)s"%(more)s},"system":"%(system)s","channel":"%(channel)s",'
    '"customer":{"name":"%(customer)s","email":"customer%(number)d@example.org"},'
    '"total":{"amount":"%(amount)s","currency":"EUR"},"status":"%(status)s",'
    '"warehouse":"%(warehouse)s","lines":[%(lines)s]}}'
)
_LINE = '{"sku":"NW-%05d-%s","quantity":%d,"price":"%d.%02d"}'


class Step(NamedTuple):
    """What one system reports on the way of an order."""

    type: str
    system: str
    status: str
    kind: str = ""  # of an identifier that the system adds


STEPS = (
    Step("order.captured", "shop", "captured"),
    Step("order.accepted", "oms", "accepted"),
    Step("order.posted", "erp", "posted", "erp_document"),
    Step("order.released", "oms", "released"),
    Step("shipment.shipped", "wms", "shipped", "tracking"),
    Step("shipment.delivered", "carrier", "delivered", "tracking"),
    Step("invoice.issued", "billing", "invoiced", "invoice"),
    Step("payment.settled", "billing", "settled", "payment"),
)
_NAMES = ("Ada Lindqvist", "Grace Okafor", "Edsger Brandt", "Barbara Silva", "Tony Marchetti", "Hedy Novak")
_CHANNELS = ("web", "app", "marketplace", "store")


@dataclass
class Order:
    """An order on its way."""

    number: int
    name: str
    values: dict[str, object]
    at: datetime
    steps_taken: int = 0


@dataclass
class Orders:
    """Events of many orders, interleaved; the same seed and run tell the same."""

    run: str  # makes the names of this run's orders unique
    rng: random.Random
    begun_at: datetime = field(
        default_factory=lambda: datetime.fromtimestamp(time.time(), UTC) - timedelta(days=9)
    )
    started: int = 0
    open: list[Order] = field(default_factory=list)
    done: list[str] = field(default_factory=list)  # names of the orders whose events were all made

    def events(self) -> Iterator[str]:
        """The next event of any open order, without end."""
        while True:
            while len(self.open) < OPEN_ORDERS:
                self.open.append(self._new_order())
            index = self.rng.randrange(OPEN_ORDERS)
            order = self.open[index]
            yield self._event(order)
            if order.steps_taken == len(STEPS):
                self.done.append(order.name)
                self.open[index] = self.open[-1]
                self.open.pop()

    def _new_order(self) -> Order:
        self.started += 1
        rng = self.rng
        lines = [
            _LINE
            % (rng.randrange(100_000), rng.choice("SMLX"), rng.randrange(1, 4), rng.randrange(9, 200), 95)
            for _ in range(rng.choice((1, 1, 1, 2, 2)))
        ]
        number = self.started
        values: dict[str, object] = {
            "correlation": str(UUID(bytes=rng.randbytes(16))),
            "order": f"{self.run}-{number:07d}",
            "number": number,
            "customer": rng.choice(_NAMES),
            "channel": rng.choice(_CHANNELS),
            "amount": f"{rng.randrange(9, 900)}.{rng.randrange(100):02d}",
            "warehouse": f"DC-{rng.randrange(12):02d}",
            "lines": ",".join(lines),
        }
        # One after the other, as orders begin; nine days ago, so that their last events lie in the past.
        at = self.begun_at + timedelta(milliseconds=50 * self.started + rng.randrange(50))
        return Order(number, f"{self.run}-{number:07d}", values, at)

    def _event(self, order: Order) -> str:
        step = STEPS[order.steps_taken]
        if order.steps_taken:
            order.at += timedelta(minutes=self.rng.randrange(5, 1500), milliseconds=self.rng.randrange(1000))
        order.steps_taken += 1
        more = f',"{step.kind}":"{step.kind[:2].upper()}-{self.run}{order.number:08d}"' if step.kind else ""
        return _EVENT % {
            **order.values,
            "id": str(UUID(bytes=self.rng.randbytes(16))),
            "type": step.type,
            "system": step.system,
            "status": step.status,
            "time": order.at.isoformat(timespec="milliseconds"),
            "more": more,
        }


def batch_requests(address: str, orders: Orders, *, count: int, size: int) -> list[Prepared]:
    """Requests of `size` events each."""
    events = orders.events()
    bodies = ("[" + ",".join(next(events) for _ in range(size)) + "]" for _ in range(count))
    return [_request(address, _BATCH, body.encode(), size) for body in bodies]


def single_requests(address: str, orders: Orders, count: int) -> list[Prepared]:
    """Requests of one event each, in structured mode."""
    events = orders.events()
    return [_request(address, _SINGLE, next(events).encode(), 1) for _ in range(count)]


def _request(address: str, content_type: str, body: bytes, facts: int) -> Prepared:
    return Prepared(request_head(address, PATH, content_type, len(body)) + body, facts)
