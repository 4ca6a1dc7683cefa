"""Real payloads of every vendor, through the mappings that ship; none of them is refused."""

import base64
import json
from collections import Counter
from functools import cache

import pytest

from collectors.hooks.schemes import SCHEME_BY_NAME, Sent
from collectors.mapping.catalogue import load_built_in
from collectors.mapping.declared import VerifyTable
from collectors.mapping.payloads import map_payload

pytestmark = pytest.mark.realdata

mapping_of = cache(load_built_in)

# Files of the collection -> the types of the events that they become, and how many of each.
EXPECTED: dict[tuple[str, str], dict[str, int]] = {
    ("stripe", "stripe/webhook_events/*.json"): {
        "checkout.completed": 1,
        "payment.captured": 3,
        "payment.captured.failed": 2,
        "payment.settled": 1,
        "payment.updated": 2,
        "payout.updated": 2,
        "unmapped": 2,
    },
    ("adyen", "adyen/notifications/*.json"): {
        "payment.authorised": 2,
        "payment.cancelled": 1,
        "payment.captured": 1,
        "payment.refunded": 1,
        "unmapped": 6,
    },
    ("adyen", "adyen/balance_platform_webhooks/*.json"): {
        "unmapped": 11,
    },
    ("adobe_commerce", "adobe_commerce/starter_kit/order_commerce_*.json"): {
        "order.captured": 2,
    },
    ("adobe_commerce", "adobe_commerce/events/debugging_01.json"): {
        "inventory.published": 1,
        "product.updated": 1,
    },
    ("amazon_spapi", "amazon_spapi/notifications/*.json"): {
        "feed.processed": 1,
        "inventory.published": 3,
        "order.accepted": 1,
        "order.amended": 1,
        "report.processed.failed": 1,
        "unmapped": 6,
    },
    ("walmart", "walmart/openapi_examples/us_mp_orders_*.json"): {
        "line.cancelled": 7,
        "order.accepted": 1,
        "order.captured": 26,
        "payment.refunded": 2,
        "shipment.shipped": 6,
        "unmapped": 3,
    },
    ("commercetools", "commercetools/events/*.json"): {
        "order.captured.failed": 1,
        "payment.authorised.failed": 1,
        "payment.cancelled.failed": 1,
        "payment.captured": 1,
        "payment.refunded": 1,
        "unmapped": 3,
    },
    ("easypost", "easypost/event-body.json"): {
        "shipment.created": 1,
        "shipment.in_transit": 6,
        "shipment.promised": 1,
    },
    ("easypost", "easypost/docs__responses__trackers__*.json"): {
        "shipment.created": 2,
        "shipment.promised": 1,
    },
    ("taxjar", "taxjar/*.json"): {
        "tax.calculated": 1,
        "tax.recorded": 1,
        "unmapped": 1,
    },
    ("netsuite_soap", "netsuite/soap_fixtures/*/*.xml"): {
        "customer.updated.failed": 3,
        "invoice.issued": 2,
        "invoice.issued.failed": 2,
        "record.added.failed": 1,
        "record.updated": 1,
        "record.updated.failed": 2,
        "unmapped": 10,
    },
    ("dynamics365", "dynamics365/*.json"): {
        "unmapped": 1,
    },
    ("sap_s4hana", "sap/cloudevents/*.json"): {
        "customer.updated": 3,
        "order.posted": 1,
        "unmapped": 5,
    },
    ("salesforce", "salesforce/*.json"): {
        "unmapped": 2,
    },
    ("poslog", "pos/ncr_acs/*.xml"): {
        "order.captured": 1,
        "order.delivered": 1,
        "payment.captured": 1,
    },
    ("epcis", "epcis/json/**/*.jsonld"): {
        "return.inspected": 1,
        "shipment.delivered": 10,
        "shipment.in_transit": 1,
        "shipment.shipped": 5,
        "unmapped": 12,
    },
    ("ubl", "ubl/*.xml"): {
        "invoice.issued": 5,
        "order.accepted": 1,
        "order.amended": 1,
        "order.captured": 2,
        "return.authorised": 1,
        "shipment.delivered": 1,
        "shipment.in_transit": 1,
        "unmapped": 3,
    },
}
# The topic is in a header, which the collection does not have.
SHOPIFY = {
    "CheckoutsCreate": ("checkouts/create", "checkout.updated"),
    "Fulfillment": ("fulfillments/create", "shipment.created shipment.tracked"),
    "FulfillmentOrdersCancellationRequestRejected": (
        "fulfillment_orders/cancellation_request_rejected",
        "fulfillment_order.cancellation_accepted.failed",
    ),
    "FulfillmentOrdersCancelled": ("fulfillment_orders/cancelled", "fulfillment_order.cancelled"),
    "FulfillmentOrdersFulfillmentRequestRejected": (
        "fulfillment_orders/fulfillment_request_rejected",
        "fulfillment_order.accepted.failed",
    ),
    "FulfillmentOrdersFulfillmentServiceFailedToComplete": (
        "fulfillment_orders/fulfillment_service_failed_to_complete",
        "fulfillment_order.completed.failed",
    ),
    "FulfillmentOrdersLineItemsPreparedForLocalDelivery": (
        "fulfillment_orders/line_items_prepared_for_local_delivery",
        "fulfillment_order.prepared",
    ),
    "FulfillmentOrdersMoved": ("fulfillment_orders/moved", "fulfillment_order.moved"),
    "FulfillmentOrdersOrderRoutingComplete": (
        "fulfillment_orders/order_routing_complete",
        "fulfillment_order.routed",
    ),
    "FulfillmentOrdersPlacedOnHold": ("fulfillment_orders/placed_on_hold", "fulfillment_order.held"),
    "FulfillmentOrdersScheduledFulfillmentOrderReady": (
        "fulfillment_orders/scheduled_fulfillment_order_ready",
        "fulfillment_order.ready",
    ),
    "InventoryItemDeleted": ("inventory_items/delete", "unmapped"),
    "InventoryLevel": ("inventory_levels/update", "inventory.published"),
    "CheckoutsDelete": ("checkouts/delete", "unmapped"),
    "DraftOrdersDelete": ("draft_orders/delete", "unmapped"),
    "OrderTransactionsCreate": ("order_transactions/create", "payment.authorised"),
}
ORDER_TOPICS = {
    "orders/create": "order.captured",
    "orders/updated": "order.updated",
    "orders/cancelled": "order.cancelled",
    "orders/fulfilled": "order.shipped",
    "orders/partially_fulfilled": "order.partially_shipped",
    "orders/paid": "payment.captured",
}


def mapped(name, path, headers=None):
    outcome = map_payload(
        mapping_of(name), path.read_bytes(), headers or {}, received_us=1_777_800_000_000_000
    )
    assert outcome.faults == []
    return outcome.events


@pytest.mark.parametrize(("name", "pattern"), EXPECTED)
def test_payloads_become_the_events_that_were_read_off_them(real_data, name, pattern):
    files = sorted(real_data.glob(pattern))
    assert files
    types = Counter(event.type for path in files for event in mapped(name, path))
    assert dict(types) == EXPECTED[name, pattern]


def test_no_payload_of_shopify_is_left_out(real_data):
    found = {path.stem for path in (real_data / "shopify/webhook_payloads").glob("*.json")}
    assert found == {*SHOPIFY, "Order"}


@pytest.mark.parametrize("name", SHOPIFY)
def test_shopify(real_data, name):
    topic, types = SHOPIFY[name]
    path = real_data / f"shopify/webhook_payloads/{name}.json"
    events = mapped("shopify", path, {"x-shopify-topic": topic})
    assert [event.type for event in events] == types.split()


@pytest.mark.parametrize("topic", ORDER_TOPICS)
def test_one_order_of_shopify_by_topic(real_data, topic):
    path = real_data / "shopify/webhook_payloads/Order.json"
    document = json.loads(path.read_text())
    (event,) = mapped("shopify", path, {"x-shopify-topic": topic})
    assert event.type == ORDER_TOPICS[topic]
    assert ("shopify.order", str(document["id"])) in event.identifiers
    assert ("order_name", "#9999") in event.identifiers


def test_money_in_minor_units_keeps_its_worth(real_data):
    (refund,) = mapped("adyen", real_data / "adyen/notifications/refund-true.json")
    assert json.loads(refund.payload)["data"]["refund"] == {"amount": "15.00", "currency": "EUR"}
    (charge,) = mapped("stripe", real_data / "stripe/webhook_events/charge.failed.json")
    assert (charge.amount, charge.currency, charge.error_message) == (
        "20.00",
        "USD",
        "Your card was declined.",
    )


def test_a_store_sale_has_its_total_and_its_items_with_every_zero(real_data):
    sale, paid, _ = mapped("poslog", real_data / "pos/ncr_acs/SMALL.xml")
    assert (sale.amount, paid.amount) == ("1.07", "1.07")
    assert json.loads(sale.payload)["data"]["lines"] == [
        {"id": "1", "sku": "00000000067591", "quantity": "0.42"}
    ]


def hmac_vectors(real_data):
    return json.loads((real_data / "hmac_vectors/vectors.json").read_text())["vectors"]


def test_hmac_vectors(real_data):
    for vector in hmac_vectors(real_data):
        scheme = vector["vendor"]
        headers, body = signed_request(real_data, vector)
        secret = vector.get("key_hex") or vector["secret"]
        reason = SCHEME_BY_NAME[scheme](VerifyTable(scheme), secret, Sent(headers, body, 1_777_629_000))
        assert (reason == "") == vector["valid"], vector


def signed_request(real_data, vector):
    """The headers and the body that a vector describes."""
    if vector["vendor"] == "adyen":
        item = json.loads((real_data / vector["body_file"]).read_text())
        assert item["additionalData"]["hmacSignature"] == vector["signature"]
        return {}, json.dumps({"notificationItems": [{"NotificationRequestItem": item}]}).encode()
    if vector["vendor"] == "easypost":
        body = (real_data / vector["body_file"]).read_bytes().removesuffix(b"\n")
        return {"x-hmac-signature": vector["signature"]}, body
    signature = vector["signature"]
    headers = {} if signature is None else {"x-shopify-hmac-sha256": signature}
    return headers, vector["body"].encode()


def test_the_vectors_tell_valid_from_invalid(real_data):
    vectors = hmac_vectors(real_data)
    assert {vector["valid"] for vector in vectors} == {True, False}
    assert base64.b64decode(vectors[0]["signature"])
