"""What invoices and inventory advices by X12 become: 810, 846."""

from controltower.domain.times import from_us
from tests.collectors.edi.telling import ids, said, told, types
from tests.collectors.edi.writing import an_x12


def test_an_invoice_is_issued_with_its_total():
    (event,) = told(
        an_x12(
            "810",
            "BIG*20260305*INV-1*20260301*PO-1",
            "CUR*SE*EUR",
            "IT1*1*5*EA*9.25",
            "TDS*4625",
            function="IN",
        )
    )

    assert event.type == "invoice.issued"
    assert (event.amount, event.currency) == ("46.25", "EUR")
    assert ids(event)["invoice"] == "INV-1"
    assert ids(event)["purchase_order"] == "PO-1"


def test_the_total_of_an_invoice_of_two_orders_is_of_neither():
    events = told(
        an_x12("810", "BIG*20260305*INV-1", "IT1*1*5", "REF*PO*PO-1", "IT1*2*5", "REF*PO*PO-2", "TDS*4625")
    )

    assert [ids(event)["purchase_order"] for event in events] == ["PO-1", "PO-2"]
    assert {event.amount for event in events} == {""}
    assert {said(event)["invoice_total"] for event in events} == {"46.25"}


def test_a_credit_memo_is_no_invoice():
    assert types(an_x12("810", "BIG*20260305*INV-1**PO-1***CR", "TDS*100")) == ["invoice.credited"]


def test_an_inventory_advice_is_published_with_every_line():
    (event,) = told(
        an_x12(
            "846",
            "BIA*00*SI*STOCK-1*20260301",
            "DTM*007*20260301*0600*GM",
            "N1*WH*LEEDS DC*92*DC1",
            "LIN*1*SK*AAA",
            "QTY*33*15",
            "LIN*2*SK*BBB",
            "QTY*33*0",
            "QTY*29*40",
            function="IB",
        )
    )

    assert event.type == "inventory.published"
    assert ids(event)["sku"] == ["AAA", "BBB"]
    assert [line["quantity"] for line in said(event)["lines"]] == ["15", "0"]
    assert said(event)["lines"][1]["quantities"][1] == {"kind": "29", "quantity": "40"}
    assert said(event)["location"] == "LEEDS DC"
    assert from_us(event.occurred_us).hour == 6
