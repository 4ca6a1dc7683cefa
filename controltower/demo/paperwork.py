"""The middle hops: the OMS accepts the order, the ERP books it, the OMS releases it to be picked."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from controltower.demo.causes import UNKNOWN_COUNTRY
from controltower.demo.dead_letters import QUEUE, build_letter, build_message, error_class_of
from controltower.demo.emissions import LetterOut
from controltower.demo.orders import (
    CANCELLED,
    CREDIT_HOLD,
    ERP_SCHEMA,
    ERP_TIMEOUT,
    POST_LOST,
    RELEASE_LOST,
    SKU_UNMAPPED,
    Order,
)
from controltower.demo.sale import correlated
from controltower.demo.script import Call, Script


def process_order(script: Script, order: Order, at: datetime) -> datetime | None:
    """From the middleware to the release; when the order was released, None when it never is."""
    accepted_at = _accept(script, order, at)
    if order.fate == CANCELLED:
        _cancel(script, order, accepted_at + script.wait("cancel"))
        return None
    if order.fate == POST_LOST:  # no one says so: only time tells
        return None
    posted_at = _post(script, order, accepted_at)
    if posted_at is None:
        return None
    return release(script, order, posted_at)


def _accept(script: Script, order: Order, at: datetime) -> datetime:
    accepted_at = at + script.wait("accept")
    insert = Call("oms", "INSERT orders", "client", ms=6, attributes={"db.system.name": "postgresql"})
    reserve = Call("oms", "reserve stock", ms=22, attributes={"order.lines": len(order.lines)})
    server = Call(
        "oms",
        "POST /orders",
        "server",
        ms=14,
        attributes=correlated(
            order, {"oms.order_number": order.oms_number, "http.response.status_code": 201}
        ),
        calls=[insert, reserve],
    )
    client = Call("middleware", "POST /orders", "client", ms=5, calls=[server])
    traceparent = script.trace(client, accepted_at)
    script.tell(
        "oms",
        "order.accepted",
        accepted_at,
        identifiers={"order_number": order.oms_number, **order.seller_ids},
        order=order,
        traceparent=traceparent,
        status="accepted",
    )
    return accepted_at


def _cancel(script: Script, order: Order, at: datetime) -> None:
    script.tell(
        "oms",
        "order.cancelled",
        at,
        identifiers={"order_number": order.oms_number},
        order=order,
        status="cancelled",
        reason=script.rng.choice(("customer changed their mind", "fraud review", "ordered twice")),
    )


def _post(script: Script, order: Order, at: datetime) -> datetime | None:
    """Book the order in the ERP, after a repair when it refuses; None when it is never repaired."""
    posted_at = at + script.wait("post")
    error = _refusal(order, script)
    if error:
        script.enqueue(QUEUE, at, posted_at)
        repaired_at = _fail_and_repair(script, order, posted_at, error)
        if repaired_at is None:
            return None
        at, posted_at = repaired_at, repaired_at + script.wait("retry")
    book(script, order, at, posted_at)
    return posted_at


def book(script: Script, order: Order, at: datetime, posted_at: datetime) -> None:
    """The ERP books the order at `posted_at`, which waited for it since `at`."""
    script.enqueue(QUEUE, at, posted_at)
    traceparent = script.trace(_posting(order, None), posted_at)
    script.tell(
        "erp",
        "order.posted",
        posted_at,
        identifiers={"erp_document": order.erp_document, "order_number": order.oms_number},
        order=order if script.chance(0.7) else None,
        traceparent=traceparent,
        subject=f"erp_document/{order.erp_document}",
        status="booked",
    )


def _fail_and_repair(script: Script, order: Order, at: datetime, error: Mapping[str, str]) -> datetime | None:
    traceparent = refuse(script, order, at, error)
    if order.fate == ERP_TIMEOUT and order.repaired:  # passes by itself
        return at
    tries = 1
    if order.fate in (ERP_SCHEMA, ERP_TIMEOUT):  # machines try again what only people can mend
        at, tries = at + script.wait("retry"), 2
        traceparent = refuse(script, order, at, error)
    if not order.repaired:
        letter = build_letter(order, build_message(order, traceparent), error, at, tries=tries)
        script.emissions.append(LetterOut(at, letter))
        return None
    at += script.wait("repair")
    _explain_repair(script, order, at, error["code"])
    return at


def refuse(script: Script, order: Order, at: datetime, error: Mapping[str, str]) -> str:
    """Report that the order was not booked; the traceparent of the try."""
    # A business rule is the ERP's own word; everything else fails in the middleware, on the way there.
    system, verb = ("erp", "rejected") if error["code"] == "CREDIT_HOLD" else ("middleware", "failed")
    traceparent = script.trace(_posting(order, error), at)
    script.tell(
        system,
        f"order.posted.{verb}",
        at,
        identifiers={"order_number": order.oms_number},
        order=order,
        traceparent=traceparent,
        error=error,
        status="on_hold",
    )
    return traceparent


def _explain_repair(script: Script, order: Order, at: datetime, code: str) -> None:
    done = {
        "CREDIT_HOLD": ("erp", "credit.released"),
        "SKU_UNMAPPED": ("middleware", "sku.mapped"),
        "SCHEMA_INVALID": ("middleware", "order.corrected"),
    }
    system, event_type = done[code]
    script.tell(system, event_type, at, identifiers={"order_number": order.oms_number}, order=order)


def _refusal(order: Order, script: Script) -> dict[str, str] | None:
    if order.fate == CREDIT_HOLD:
        return credit_hold(order)
    if order.fate == ERP_SCHEMA:
        was_widened = script.causes.takes_any_country and not order.repaired
        return None if was_widened else bad_country(UNKNOWN_COUNTRY)
    if order.fate == SKU_UNMAPPED:
        # Of the articles that everybody else buys a mapping was lost, and is put back soon.
        sku = script.rng.choice(order.skus) if order.repaired else script.causes.find_unmapped(order.skus)
        return unmapped(sku) if sku else None
    if order.fate == ERP_TIMEOUT:
        return {"code": "ERP_TIMEOUT", "message": "The ERP did not answer within 30 s"}
    return None


def credit_hold(order: Order) -> dict[str, str]:
    """The ERP books nothing for a customer who owes too much."""
    words = f"Customer {order.customer.id} is over the credit limit; finance must release it"
    return {"code": "CREDIT_HOLD", "message": words}


def bad_country(country: str) -> dict[str, str]:
    """The schema of the ERP does not have what the shop sends."""
    words = f"salesOrder.shipTo.country: expected an ISO 3166 code, found {country!r}"
    return {"code": "SCHEMA_INVALID", "message": words}


def unmapped(sku: str) -> dict[str, str]:
    """The ERP does not know an article."""
    return {"code": "SKU_UNMAPPED", "message": f"No ERP item is mapped to SKU {sku}"}


def _posting(order: Order, error: Mapping[str, str] | None) -> Call:
    raised = (error_class_of(error["code"]), error["message"]) if error else None
    mapped = Call("middleware", "map to sales order", ms=11, attributes={"order.lines": len(order.lines)})
    erp = Call(
        "erp",
        "POST /salesorders",
        "server",
        ms=90,
        attributes={"http.response.status_code": 422 if error else 201, "erp.document": order.erp_document},
        error=raised,
        calls=[Call("erp", "check credit", ms=30), Call("erp", "number document", ms=8)],
    )
    call = Call(
        "middleware",
        "POST /salesorders",
        "client",
        ms=12,
        attributes={"peer.service": "erp", "http.request.method": "POST"},
        error=raised,
        calls=[erp] if error is None or error["code"] == "CREDIT_HOLD" else [],
    )
    return Call(
        "middleware",
        "erp.post process",
        "consumer",
        ms=8,
        attributes=correlated(order, {"messaging.destination.name": "erp.post"}),
        error=raised,
        calls=[mapped, call],
    )


def release(script: Script, order: Order, at: datetime) -> datetime | None:
    """The OMS lets the warehouse have it; when, None when nobody heard of that."""
    released_at = at + script.wait("release")
    traceparent = script.trace(_releasing(order), released_at)
    script.tell(
        "oms",
        "order.released",
        released_at,
        identifiers={"order_number": order.oms_number},
        order=order,
        traceparent=traceparent,
        status="released",
    )
    if order.fate == RELEASE_LOST:  # nor does anybody say this
        return None
    script.enqueue("wms.release", released_at, released_at + script.wait("request"))
    return released_at


def _releasing(order: Order) -> Call:
    plans = [
        Call(
            shipment.warehouse,
            "wms.release process",
            "consumer",
            ms=25,
            after_ms=300,
            attributes={"shipment.id": shipment.number},
            calls=[Call(shipment.warehouse, "plan wave", ms=35)],
        )
        for shipment in order.shipments
    ]
    publish = Call(
        "oms",
        "wms.release publish",
        "producer",
        ms=3,
        attributes={
            "messaging.system": "rabbitmq",
            "messaging.destination.name": "wms.release",
            "messaging.message.conversation_id": order.correlation,
        },
        calls=plans,
    )
    return Call("oms", "release order", ms=16, attributes=correlated(order), calls=[publish])
