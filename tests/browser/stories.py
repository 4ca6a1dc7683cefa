"""Orders as retailers really have them: split, collected in a store, brought back elsewhere, disputed."""

from typing import Any

from tests.browser.messages import a_captured_order, an_event, minutes_ago

_DAY = 24 * 60


def a_split_order(order: str) -> list[dict[str, Any]]:
    """Three parcels - one delivered, one that failed, one picked - and a line that was cancelled."""

    def told(type: str, parcel: int, days: float, **data: Any) -> dict[str, Any]:
        source = "/carrier" if type.startswith("shipment.delivered") else "/wms"
        identifiers = {"shipment": f"{order}-F{parcel}", **data.pop("identifiers", {})}
        return an_event(
            type, order, source=source, at=minutes_ago(days * _DAY), identifiers=identifiers, **data
        )

    return [
        a_captured_order(order, at=minutes_ago(3 * _DAY), quantity=4),
        an_event("order.accepted", order, source="/oms", at=minutes_ago(3 * _DAY - 4)),
        an_event("order.posted", order, source="/erp", at=minutes_ago(3 * _DAY - 9)),
        an_event("order.released", order, source="/oms", at=minutes_ago(3 * _DAY - 20)),
        an_event(
            "line.cancelled",
            order,
            source="/oms",
            at=minutes_ago(2.9 * _DAY),
            identifiers={"line": f"{order}-L4"},
            by="M. Ortiz",
            reason="out of stock at every node",
        ),
        told("shipment.picked", 1, 2.6),
        told("shipment.shipped", 1, 2.4, identifiers={"tracking": "1Z0094"}),
        told("shipment.delivered", 1, 0.5),
        told("shipment.picked", 2, 2.5),
        told(
            "shipment.shipped.failed",
            2,
            0.1,
            error={"code": "ADDRESS_INVALID", "message": "No house number in Lange Gasse, 1080 Wien"},
        ),
        told("shipment.picked", 3, 0.2),
    ]


def a_store_pickup(order: str) -> list[dict[str, Any]]:
    """Bought on the web, reserved from the shelf, ready since half an hour."""
    return [
        a_captured_order(order, at=minutes_ago(190)),
        an_event("pickup.requested", order, source="/oms", at=minutes_ago(188)),
        an_event(
            "pickup.reserved",
            order,
            source="/store-0412",
            at=minutes_ago(160),
            address="Store 0412, Mariahilfer Strasse",
        ),
        an_event("pickup.ready", order, source="/store-0412", at=minutes_ago(30)),
    ]


def a_return_in_store(order: str) -> list[dict[str, Any]]:
    """Bought on the web, delivered; one of two pieces brought to a store and paid back; settled."""
    rma = {"return": f"{order}-R1"}
    return [
        a_captured_order(order, at=minutes_ago(12 * _DAY), quantity=2),
        an_event("order.accepted", order, source="/oms", at=minutes_ago(12 * _DAY - 3)),
        an_event("order.posted", order, source="/erp", at=minutes_ago(12 * _DAY - 8)),
        an_event("order.released", order, source="/oms", at=minutes_ago(12 * _DAY - 30)),
        an_event(
            "shipment.shipped",
            order,
            source="/wms",
            at=minutes_ago(11 * _DAY),
            identifiers={"shipment": f"{order}-F1"},
        ),
        an_event(
            "shipment.delivered",
            order,
            source="/carrier",
            at=minutes_ago(9 * _DAY),
            identifiers={"shipment": f"{order}-F1"},
        ),
        an_event("invoice.issued", order, source="/erp", at=minutes_ago(9 * _DAY - 60), total="129.90"),
        an_event(
            "return.requested",
            order,
            source="/store-0412",
            at=minutes_ago(2 * _DAY),
            identifiers=rma,
            reason="too small",
        ),
        an_event(
            "return.received", order, source="/store-0412", at=minutes_ago(2 * _DAY - 4), identifiers=rma
        ),
        an_event(
            "payment.refunded",
            order,
            source="/payments",
            at=minutes_ago(_DAY),
            identifiers=rma,
            refund={"amount": "64.95", "currency": "EUR"},
        ),
        an_event(
            "payment.settled",
            order,
            source="/payments",
            at=minutes_ago(_DAY - 60),
            total="62.35",
            fees="2.60",
        ),
    ]


def a_disputed_order(order: str) -> list[dict[str, Any]]:
    """The ERP knows another total and another number of pieces than the shop sold."""
    return [
        a_captured_order(order, at=minutes_ago(50), quantity=2, address="Lange Gasse 4, 1080 Wien"),
        an_event(
            "order.accepted",
            order,
            source="/oms",
            at=minutes_ago(47),
            total={"amount": "129.90", "currency": "EUR"},
            quantity=2,
        ),
        an_event(
            "order.posted",
            order,
            source="/erp",
            at=minutes_ago(40),
            total={"amount": "119.90", "currency": "EUR"},
            quantity=3,
            address="Lange Gasse 4, 1080 Wien",
        ),
    ]
