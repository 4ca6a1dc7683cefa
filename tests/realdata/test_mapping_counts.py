"""What the shipped mappings make of real payloads, counted once more by plain reading of the same files.

The counts in test_mappings.py were written down; here they are computed from what each vendor says in its own
words, without the mapping language: what an event is called is said once more, how many there are is not.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.realdata.test_mappings import mapped

pytestmark = pytest.mark.realdata
UNMAPPED = "unmapped"

STRIPE = {
    "payment_intent.created": "payment.updated",
    "payment_intent.succeeded": "payment.captured",
    "payment_intent.payment_failed": "payment.captured.failed",
    "charge.captured": "payment.captured",
    "charge.failed": "payment.captured.failed",
    "charge.updated": "payment.updated",
    "checkout.session.completed": "checkout.completed",
    "payout.created": "payout.updated",
    "payout.updated": "payout.updated",
    "payout.paid": "payment.settled",
}
ADYEN = {
    "AUTHORISATION": "payment.authorised",
    "CANCELLATION": "payment.cancelled",
    "CAPTURE": "payment.captured",
    "REFUND": "payment.refunded",
}
COMMERCETOOLS = {
    "CheckoutOrderCreationFailed": "order.captured.failed",
    "CheckoutPaymentAuthorizationFailed": "payment.authorised.failed",
    "CheckoutPaymentCancelAuthorizationFailed": "payment.cancelled.failed",
    "CheckoutPaymentCharged": "payment.captured",
    "CheckoutPaymentRefunded": "payment.refunded",
}
WALMART_LINES = {
    "Acknowledged": "order.accepted",
    "Shipped": "shipment.shipped",
    "Delivered": "shipment.delivered",
    "Cancelled": "line.cancelled",
}
EPCIS = {
    "shipping": "shipment.shipped",
    "departing": "shipment.shipped",
    "transporting": "shipment.in_transit",
    "arriving": "shipment.in_transit",
    "receiving": "shipment.delivered",
    "accepting": "shipment.delivered",
    "inspecting": "return.inspected",
}
EASYPOST = {"pre_transit": "shipment.created", "in_transit": "shipment.in_transit"}
SAP = {"SalesOrder.Created": "order.posted", "BusinessPartner": "customer.updated"}
UBL = {
    "Order": "order.captured",
    "OrderChange": "order.amended",
    "OrderResponseSimple": "order.accepted",
    "ReceiptAdvice": "shipment.delivered",
    "Invoice": "invoice.issued",
    "FreightInvoice": "invoice.issued",
    "InstructionForReturns": "return.authorised",
    "TransportationStatus": "shipment.in_transit",
}


def objects(value: Any) -> Iterator[dict[str, Any]]:
    """Every object in a document, at any depth."""
    if isinstance(value, dict):
        yield value
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for part in parts:
        yield from objects(part)


def stripe(event: Any) -> list[str]:
    """A charge that succeeded is money only if it was captured at once."""
    if event["type"] == "charge.succeeded":
        return ["payment.captured" if event["data"]["object"]["captured"] else "payment.authorised"]
    return [STRIPE.get(event["type"], UNMAPPED)]


def adyen(document: Any) -> list[str]:
    """A notification for each item; other webhooks have none."""
    items = [one["NotificationRequestItem"] for one in document.get("notificationItems", [])]
    return [ADYEN.get(one["eventCode"], UNMAPPED) for one in items] or [UNMAPPED]


def commercetools(message: Any) -> list[str]:
    """Named by its type."""
    return [COMMERCETOOLS.get(message["type"], UNMAPPED)]


def walmart(document: Any) -> list[str]:
    """An order, and what became of each of its lines."""
    orders = [one for one in objects(document) if "purchaseOrderId" in one]
    found: list[str] = []
    for order in orders:
        found += ["order.captured"] if order.get("orderDate") else []
        for line in order["orderLines"]["orderLine"]:
            told = line.get("orderLineStatuses", {}).get("orderLineStatus", [])
            statuses = {one["status"] for one in told}
            found += [kind for status, kind in WALMART_LINES.items() if status in statuses]
            found += ["payment.refunded"] if line.get("refund") else []
    return found or [UNMAPPED]


def easypost(document: Any) -> list[str]:
    """A step for each detail, and one promise."""
    tracker = document.get("result", document)
    steps = [EASYPOST[one["status"]] for one in tracker["tracking_details"]]
    return steps + (["shipment.promised"] if tracker["est_delivery_date"] else [])


def sap(event: Any) -> list[str]:
    """Named by the end of its type."""
    return [next((kind for word, kind in SAP.items() if f".{word}." in f".{event['type']}."), UNMAPPED)]


def amazon(document: Any) -> list[str]:
    """A change of stock for each one that is told of; an order that its buyer changed is amended too."""
    kind = document.get("NotificationType") or document["notificationType"]
    body = document.get("Payload") or document.get("payload") or {}
    match kind:
        case "ITEM_INVENTORY_EVENT_CHANGE":
            return ["inventory.published"] * len(body["itemInventoryEventChanges"])
        case "ORDER_CHANGE":
            change = body["OrderChangeNotification"]
            is_amended = change["OrderChangeType"] == "BuyerRequestedChange"
            status = {"Pending": "order.captured", "Unshipped": "order.accepted"}
            return [status[change["Summary"]["OrderStatus"]], *["order.amended"] * is_amended]
        case "FEED_PROCESSING_FINISHED" | "REPORT_PROCESSING_FINISHED":
            (told,) = (one for one in body.values() if "processingStatus" in one)
            what = kind.partition("_")[0].lower()
            failed = ".failed" if told["processingStatus"] in ("FATAL", "CANCELLED") else ""
            return [f"{what}.processed{failed}"]
        case _:
            return ["inventory.published" if kind == "LISTINGS_ITEM_MFN_QUANTITY_CHANGE" else UNMAPPED]


def epcis(document: Any) -> list[str]:
    """An event of a step counts once for each purchase order that it is of."""
    found: list[str] = []
    for event in objects(document):
        if "eventTime" not in event:
            continue
        step = EPCIS.get(re.split("[/:-]", event.get("bizStep", ""))[-1])
        transactions = event.get("bizTransactionList", [])
        orders = sum(one.get("type", "").endswith("po") for one in transactions)
        is_told = step is not None and event.get("action") != "DELETE"
        found += [step or UNMAPPED] * max(1, orders) if is_told else [UNMAPPED]
    return found or [UNMAPPED]


def read_json(reader: Callable[[Any], list[str]]) -> Callable[[Path], list[str]]:
    return lambda path: reader(json.loads(path.read_bytes()))


def ubl(path: Path) -> list[str]:
    """Named by its root; a receipt counts once for each order that it is of."""
    root = ElementTree.parse(path).getroot()
    name = root.tag.rpartition("}")[2]
    orders = sum(one.tag.endswith("}OrderReference") for one in root)
    return [UBL.get(name, UNMAPPED)] * (max(1, orders) if name == "ReceiptAdvice" else 1)


READERS: dict[tuple[str, str], Callable[[Path], list[str]]] = {
    ("stripe", "stripe/webhook_events/*.json"): read_json(stripe),
    ("adyen", "adyen/notifications/*.json"): read_json(adyen),
    ("amazon_spapi", "amazon_spapi/notifications/*.json"): read_json(amazon),
    ("epcis", "epcis/json/**/*.jsonld"): read_json(epcis),
    ("commercetools", "commercetools/events/*.json"): read_json(commercetools),
    ("walmart", "walmart/openapi_examples/us_mp_orders_*.json"): read_json(walmart),
    ("easypost", "easypost/event-body.json"): read_json(easypost),
    ("easypost", "easypost/docs__responses__trackers__*.json"): read_json(easypost),
    ("sap_s4hana", "sap/cloudevents/*.json"): read_json(sap),
    ("ubl", "ubl/*.xml"): ubl,
}


@pytest.mark.parametrize(("name", "pattern"), READERS)
def test_each_payload_becomes_what_its_vendor_says_in_it(real_data, name, pattern):
    files = sorted(real_data.glob(pattern))
    assert files
    for path in files:
        found = Counter(event.type for event in mapped(name, path))
        assert found == Counter(READERS[name, pattern](path)), path.name
