"""The consumer of erp.post, as far as it takes messages again that it once gave up on.

It books an order once, whatever comes how often: an idempotency key that worked has no further effect, and a
booked order is not booked under another key.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from random import Random
from threading import Lock
from typing import Any, NamedTuple

from controltower.demo.causes import UNKNOWN_COUNTRY, Causes
from controltower.demo.dead_letters import REFERENCE, Undelivered, build_letter
from controltower.demo.emissions import Emission, LetterOut
from controltower.demo.estate import draw_orders
from controltower.demo.fulfilment import fulfil
from controltower.demo.orders import CREDIT_HOLD, Order
from controltower.demo.pace import Pace
from controltower.demo.paperwork import bad_country, book, credit_hold, refuse, release, unmapped
from controltower.demo.references import Reference, find_reference
from controltower.demo.script import Script

IDEMPOTENCY_KEY = "idempotency-key"
REPLAY_OF = "x-replay-of"
ATTEMPT = "x-replay-attempt"
_KEPT = ("x-event-type", "x-correlation-id", "traceparent", REFERENCE, IDEMPOTENCY_KEY, REPLAY_OF, ATTEMPT)
_TRIES_FOR = timedelta(seconds=1)


class Answer(NamedTuple):
    """What the sender of a message is told."""

    status: int
    words: str


class Consumer:
    """Takes replayed messages. Any thread may call it."""

    def __init__(
        self, causes: Causes, hand_in: Callable[[Sequence[Emission]], None], clock: Callable[[], datetime]
    ) -> None:
        """`hand_in` gets what the systems will say of it, and when."""
        self._causes = causes
        self._hand_in = hand_in
        self._clock = clock
        self._lock = Lock()
        self._booked: dict[str, str] = {}  # the key that booked an order, by the order's reference
        self._tried: set[tuple[str, str]] = set()  # key and attempt of those that failed

    def take(self, headers: Mapping[str, str], body: bytes) -> Answer:
        """Take a message; `headers` have lower-case names. What becomes of it is heard of soon after."""
        document = _sales_order(body)
        reference = find_reference(headers.get(REFERENCE, ""))
        key = headers.get(IDEMPOTENCY_KEY, "")
        if document is None:
            return Answer(400, "the body is no JSON document with a salesOrder")
        if reference is None:
            return Answer(404, f"{REFERENCE}: names no order of this shop")
        if not key:
            return Answer(400, f"{IDEMPOTENCY_KEY}: is required")
        order = _find_order(reference)
        if order is None or document.get("orderNumber") != order.oms_number:
            return Answer(404, "there is no such order")
        with self._lock:
            return self._take_once(order, document, headers, body)

    def _take_once(
        self, order: Order, document: Mapping[str, Any], headers: Mapping[str, str], body: bytes
    ) -> Answer:
        key, attempt = headers[IDEMPOTENCY_KEY], headers.get(ATTEMPT, "")
        by = self._booked.get(order.reference)
        if by is not None:
            is_same = by == key
            return Answer(200 if is_same else 409, f"{order.erp_document} is booked already")
        if (key, attempt) in self._tried:
            return Answer(200, "this attempt was taken already")
        now = self._clock()
        script = Script(
            Random(f"{order.reference}/{attempt}"), Pace(live=True), self._causes, lambda moment: None
        )
        error = self._error(order, document, now)
        if error is None:
            self._booked[order.reference] = key
            _live_on(script, order, now)
        else:
            self._tried.add((key, attempt))
            _give_up_again(script, order, error, Undelivered(body.decode(), _kept(headers)), now)
        self._hand_in(script.emissions)
        return Answer(202, "taken")

    def _error(self, order: Order, document: Mapping[str, Any], now: datetime) -> dict[str, str] | None:
        """Why the ERP would not book it now. It is the message that counts: somebody may have edited it."""
        sku = self._causes.find_unmapped(_skus(document))
        if sku:
            return unmapped(sku)
        country = _country(document)
        if country == UNKNOWN_COUNTRY and not self._causes.takes_any_country:
            return bad_country(country)
        if order.fate == CREDIT_HOLD and not self._causes.is_credit_released(order.customer.id, now):
            return credit_hold(order)
        return None


def _live_on(script: Script, order: Order, at: datetime) -> None:
    """The ERP books it, and all that comes after."""
    posted_at = at + script.wait("post")
    book(script, order, at, posted_at)
    released_at = release(script, order, posted_at)
    if released_at is not None:
        fulfil(script, order, released_at)


def _give_up_again(
    script: Script, order: Order, error: Mapping[str, str], message: Undelivered, at: datetime
) -> None:
    failed_at = at + _TRIES_FOR
    refuse(script, order, failed_at, error)
    script.emissions.append(LetterOut(failed_at, build_letter(order, message, error, failed_at, tries=1)))


def _find_order(reference: Reference) -> Order | None:
    orders = draw_orders(reference._replace(place=0), reference.generator())
    return orders[reference.place] if reference.place < len(orders) else None


def _kept(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: headers[name] for name in _KEPT if name in headers}


def _sales_order(body: bytes) -> Mapping[str, Any] | None:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    found = document.get("salesOrder") if isinstance(document, dict) else None
    return found if isinstance(found, dict) else None


def _skus(document: Mapping[str, Any]) -> list[str]:
    lines = document.get("lines")
    found = [line.get("sku") for line in lines if isinstance(line, dict)] if isinstance(lines, list) else []
    return [sku for sku in found if isinstance(sku, str)]


def _country(document: Mapping[str, Any]) -> str:
    address = document.get("shipTo")
    country = address.get("country") if isinstance(address, dict) else None
    return country if isinstance(country, str) else UNKNOWN_COUNTRY
