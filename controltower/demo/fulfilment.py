"""The last hops: goods are picked and shipped, parcels travel, invoices are sent and paid.

The 3PL and the carrier never heard of the order: they know shipments and tracking numbers. Billing knows
ERP documents and invoices.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from controltower.demo.orders import DELIVERY_FAILED, SETTLEMENT_MISMATCH, Order, Shipment
from controltower.demo.sale import correlated
from controltower.demo.script import Call, Script


def fulfil(script: Script, order: Order, at: datetime) -> None:
    """Ship every part of the released order; bill it when the first part has left."""
    shipped = [_ship(script, order, shipment, at) for shipment in order.shipments]
    left = [moment for moment in shipped if moment is not None]
    if left:
        _bill(script, order, min(left))


def _ship(script: Script, order: Order, shipment: Shipment, at: datetime) -> datetime | None:
    """When the shipment left the house; None when nobody reports that it did."""
    requested_at = at + script.wait("request")
    script.tell(
        "oms",
        "shipment.requested",
        requested_at,
        identifiers={"order_number": order.oms_number, "shipment": shipment.number},
        order=order,
    )
    picked_at = requested_at + script.wait("pick")
    packed_at = picked_at + script.wait("pack")
    shipped_at = packed_at + script.wait("ship")
    outage = script.outage_at(shipment.warehouse, shipped_at)
    if outage is not None and script.chance(0.5):
        return None  # it never catches up with what it kept quiet about
    # The others it reports when it is back, with the times at which they really happened.
    held_until = outage.ends_at + timedelta(seconds=script.rng.uniform(1, 30)) if outage else None
    _report_warehouse(script, order, shipment, (picked_at, packed_at, shipped_at), held_until)
    if shipment.told_by_carrier:
        _travel(script, order, shipment, shipped_at)
    return shipped_at


def _report_warehouse(
    script: Script,
    order: Order,
    shipment: Shipment,
    times: tuple[datetime, datetime, datetime],
    held_until: datetime | None,
) -> None:
    own = {"shipment": shipment.number}
    at_home = shipment.warehouse == "wms"
    knows = order if at_home else None
    picked_at, packed_at, shipped_at = times
    for event_type, moment in (("shipment.picked", picked_at), ("shipment.packed", packed_at)):
        script.tell(shipment.warehouse, event_type, moment, identifiers=own, order=knows, sent_at=held_until)
    traceparent = script.trace(_handing_over(order, shipment, knows_order=at_home), shipped_at)
    script.tell(
        shipment.warehouse,
        "shipment.shipped",
        shipped_at,
        identifiers={**own, "tracking": shipment.tracking},
        order=knows,
        traceparent=traceparent if at_home else "",
        subject=f"shipment/{shipment.number}",
        sent_at=held_until,
        status="shipped",
        carrier=shipment.carrier,
    )


def _handing_over(order: Order, shipment: Shipment, *, knows_order: bool) -> Call:
    attributes: dict[str, str | int] = {"shipment.id": shipment.number}
    label = Call(
        "carrier",
        "POST /labels",
        "server",
        ms=70,
        attributes={"tracking.number": shipment.tracking, "http.response.status_code": 201},
    )
    return Call(
        shipment.warehouse,
        "hand over shipment",
        ms=20,
        attributes=correlated(order, attributes) if knows_order else attributes,
        calls=[Call(shipment.warehouse, "POST /labels", "client", ms=9, calls=[label])],
    )


def _travel(script: Script, order: Order, shipment: Shipment, at: datetime) -> None:
    known = {"tracking": shipment.tracking}
    at += script.wait("scan")
    script.tell("carrier", "shipment.accepted_by_carrier", at, identifiers=known, hub="Origin")
    at += script.wait("transit")
    script.tell("carrier", "shipment.in_transit", at, identifiers=known, status="in_transit", hub="Region")
    at += script.wait("deliver")
    if order.fate == DELIVERY_FAILED:
        script.tell(
            "carrier",
            "shipment.delivered.failed",
            at,
            identifiers=known,
            status="delivery_failed",
            error={"code": "ADDRESS_NOT_FOUND", "message": "The driver did not find the house number"},
        )
        if not order.repaired:
            return
        at += script.wait("repair") + script.wait("deliver")
    script.tell("carrier", "shipment.delivered", at, identifiers=known, status="delivered")


def _bill(script: Script, order: Order, at: datetime) -> None:
    issued_at = at + script.wait("invoice")
    render = Call("billing", "render invoice", ms=60)
    known = {"erp.document": order.erp_document}
    book = Call("erp", "GET /salesorders", "server", ms=40, attributes=known)
    fetch = Call("billing", "GET /salesorders", "client", ms=8, calls=[book])
    traceparent = script.trace(Call("billing", "issue invoice", ms=15, calls=[fetch, render]), issued_at)
    script.tell(
        "billing",
        "invoice.issued",
        issued_at,
        identifiers={"erp_document": order.erp_document, "invoice": order.invoice},
        traceparent=traceparent,
        total=order.total,
        status="invoiced",
    )
    settled_at = issued_at + script.wait("settle")
    paid = {"invoice": order.invoice, "settlement": order.settlement}
    if order.fate == SETTLEMENT_MISMATCH:
        script.tell(
            "billing",
            "payment.settled.failed",
            settled_at,
            identifiers=paid,
            status="mismatch",
            error={"code": "AMOUNT_MISMATCH", "message": "The payout is 4.00 EUR short of the invoice"},
        )
        if not order.repaired:
            return
        settled_at += script.wait("repair")
    script.tell("billing", "payment.settled", settled_at, identifiers=paid, status="settled")
