"""What documents by EDIFACT become: ORDERS, ORDRSP, ORDCHG, DESADV, INVOIC, RECADV."""

import pytest

from controltower.domain.facts import FAILED, OK
from controltower.domain.times import from_us
from tests.collectors.edi.telling import ids, said, told
from tests.collectors.edi.writing import edifact


def test_an_order_by_edifact_is_an_order_captured():
    (event,) = told(
        edifact(
            "ORDERS",
            "BGM+220+PO?+1+9",
            "DTM+137:20260301:102",
            "DTM+2:20260310:102",
            "NAD+BY+4000001000005::9++A?+A Kälte GmbH+Teststraße 1+Berlin++10115+DE",
            "NAD+DP+4000001000012::9++Filiale 7+Weg 2+Berlin++10117+DE",
            "CUX+2:EUR:9",
            "LIN+1++4000862141404:EN",
            "PIA+1+AB-1:SA",
            "QTY+21:5",
            "PRI+AAA:9.25",
            "UNS+S",
            "MOA+79:46.25",
        )
    )

    assert event.type == "order.captured"
    assert event.source == "edi/4000001000005"
    assert ids(event) == {"purchase_order": "PO+1"}
    assert (event.amount, event.currency, event.customer) == ("46.25", "EUR", "A+A Kälte GmbH")
    assert said(event)["lines"] == [{"id": "1", "sku": "AB-1", "quantity": "5", "price": "9.25"}]
    assert said(event)["address"] == "Weg 2, Berlin, 10117, DE"
    assert said(event)["promised"] == "2026-03-10"
    assert from_us(event.occurred_us).isoformat() == "2026-03-01T10:15:00+00:00"


@pytest.mark.parametrize(
    ("function", "expected", "outcome"),
    [("29", "order.accepted", OK), ("27", "order.rejected", FAILED), ("4", "order.accepted", OK)],
)
def test_an_order_response(function, expected, outcome):
    (event,) = told(edifact("ORDRSP", f"BGM+231+RSP-1+{function}", "RFF+ON:PO-1", "RFF+VN:SO-1", "UNS+S"))

    assert (event.type, event.outcome) == (expected, outcome)
    assert ids(event) == {"purchase_order": "PO-1", "sales_order": "SO-1"}


def test_lines_that_the_supplier_does_not_accept_are_cancelled():
    accepted, cancelled = told(
        edifact(
            "ORDRSP", "BGM+231+RSP-1+4", "RFF+ON:PO-1", "LIN+1+5+A:SA", "LIN+2+7+B:SA", "QTY+21:3", "UNS+S"
        )
    )

    assert accepted.type == "order.accepted"
    assert (cancelled.type, ids(cancelled)["sku"]) == ("line.cancelled", "B")
    assert ids(cancelled)["purchase_order"] == "PO-1"


def test_a_change_by_edifact():
    (event,) = told(edifact("ORDCHG", "BGM+230+CHG-1+4", "RFF+ON:PO-1", "LIN+1+3+A:SA", "QTY+21:3", "UNS+S"))

    assert event.type == "order.amended"
    assert ids(event) == {"purchase_order": "PO-1"}
    assert said(event)["changes"] == [{"field": "line changed", "line": "1", "sku": "A", "to": "3"}]


def test_a_despatch_is_a_shipment_of_each_order_in_it():
    first, second = told(
        edifact(
            "DESADV",
            "BGM+351+DES-1+9",
            "DTM+11:202603021430:203",
            "RFF+CN:CONS-1",
            "CPS+1",
            "PAC+1",
            "PCI+33E",
            "GIN+BJ+340123450000000001",
            "LIN+1++A:SA",
            "QTY+12:2",
            "RFF+ON:PO-1",
            "LIN+2++B:SA",
            "QTY+12:7",
            "RFF+ON:PO-2",
        )
    )

    assert ids(first) == {
        "purchase_order": "PO-1",
        "shipment": "DES-1",
        "tracking": "CONS-1",
        "package": "340123450000000001",
    }
    assert ids(second)["purchase_order"] == "PO-2"
    assert said(second)["lines"] == [{"id": "2", "sku": "B", "quantity": "7", "status": "shipped"}]
    assert from_us(first.occurred_us).isoformat() == "2026-03-02T14:30:00+00:00"


@pytest.mark.parametrize(("name", "expected"), [("380", "invoice.issued"), ("381", "invoice.credited")])
def test_an_invoice_by_edifact(name, expected):
    (event,) = told(
        edifact(
            "INVOIC",
            f"BGM+{name}+INV-1+9",
            "RFF+ON:PO-1",
            "CUX+2:EUR:4",
            "LIN+1++A:SA",
            "QTY+47:2",
            "UNS+S",
            "MOA+77:1.960,29".replace(".", ""),
        )
    )

    assert event.type == expected
    assert (event.amount, event.currency) == ("1960.29", "EUR")
    assert ids(event) == {"purchase_order": "PO-1", "invoice": "INV-1"}


def test_a_receiving_advice_confirms_the_delivery():
    (event,) = told(
        edifact(
            "RECADV",
            "BGM+632+REC-1+9",
            "DTM+50:20260304:102",
            "RFF+ON:PO-1",
            "RFF+AAK:DES-1",
            "CPS+1",
            "LIN+1++A:SA",
            "QTY+194:9",
            "QTY+195:1",
        )
    )

    assert event.type == "shipment.delivered"
    assert ids(event) == {"purchase_order": "PO-1", "shipment": "DES-1", "receipt": "REC-1"}
    assert said(event)["lines"] == [
        {"id": "1", "sku": "A", "quantity": "9", "status": "received", "refused": "1"}
    ]
    assert from_us(event.occurred_us).date().isoformat() == "2026-03-04"
