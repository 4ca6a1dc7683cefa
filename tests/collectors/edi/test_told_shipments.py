"""What shipments by X12 become: ship notices, warehouse orders and advices, statuses (856, 940, 945, 214)."""

import pytest

from controltower.domain.times import from_us
from tests.collectors.edi.telling import ids, said, told
from tests.collectors.edi.writing import an_x12


def test_a_ship_notice_is_a_shipment_of_each_order_in_it():
    first, second = told(
        an_x12(
            "856",
            "BSN*00*SHIP-1*20260302*0800",
            "HL*1**S",
            "REF*CN*PRO-1",
            "DTM*011*20260302*1430",
            "HL*2*1*O",
            "PRF*PO-1",
            "HL*3*2*P",
            "MAN*GM*SSCC-1**CP*1Z-1",
            "HL*4*3*I",
            "LIN*1*SK*AAA",
            "SN1*1*2*EA",
            "HL*5*1*O",
            "PRF*PO-2",
            function="SH",
        )
    )

    assert (first.type, second.type) == ("shipment.shipped", "shipment.shipped")
    assert ids(first) == {
        "purchase_order": "PO-1",
        "shipment": "SHIP-1",
        "tracking": ["1Z-1", "PRO-1"],
        "package": "SSCC-1",
        "edi_document": "BUYER>SELLER:SH/42/0001",
    }
    assert said(first)["lines"] == [{"id": "1", "sku": "AAA", "quantity": "2", "status": "shipped"}]
    assert ids(second)["purchase_order"] == "PO-2"
    assert "package" not in ids(second)
    assert first.id != second.id
    assert from_us(first.occurred_us).isoformat() == "2026-03-02T14:30:00+00:00"


@pytest.mark.parametrize(
    ("status", "expected"),
    [("N", "order.released"), ("F", "order.cancelled"), ("R", "order.amended"), ("B", "order.released")],
)
def test_a_warehouse_order_is_released(status, expected):
    (event,) = told(
        an_x12("940", f"W05*{status}*SO-1*PO-1", "LX*1", "W01*12*CA**VN*AB-1", "N9*LI*1", function="OW")
    )

    assert event.type == expected
    assert ids(event)["order_number"] == "SO-1"
    assert ids(event)["purchase_order"] == "PO-1"
    assert said(event)["lines"][0] == {"id": "1", "sku": "AB-1", "quantity": "12", "status": "released"}


def test_a_warehouse_advice_is_a_shipment():
    (event,) = told(
        an_x12(
            "945",
            "W06*F*SO-1*20260303*BOL-1**PO-1",
            "N1*WH*LEEDS DC",
            "W27*M*UPSN*UPS",
            "LX*1",
            "MAN*GM*SSCC-1",
            "W12*CC*12*11*1*EA**VN*AB-1",
            "W03*11",
            function="SW",
        )
    )

    assert event.type == "shipment.shipped"
    assert ids(event)["shipment"] == "BOL-1"
    assert ids(event)["package"] == "SSCC-1"
    assert said(event)["lines"] == [
        {"id": "AB-1", "sku": "AB-1", "quantity": "11", "ordered": "12", "status": "CC"}
    ]
    assert said(event)["node"] == "LEEDS DC"
    assert from_us(event.occurred_us).date().isoformat() == "2026-03-03"


def test_each_status_of_a_carrier_is_an_event():
    events = told(
        an_x12(
            "214",
            "B10*PRO-1*SHIP-1*UPSN",
            "L11*PO-1*PO",
            "LX*1",
            "AT7*AF*NS***20260302*1600*ES",
            "MS1*LEEDS*YK*GB",
            "AT7***AB*NA*20260304*0900*ES",
            "AT7*AG*NS***20260304*1200*ES",
            "AT7*AH*NS***20260304*1300*ES",
            "AT7*D1*NS***20260304*1500*ES",
            "AT7*??*NS***20260304*1500*ES",
            function="QM",
        )
    )

    assert [event.type.removeprefix("shipment.") for event in events] == [
        "in_transit",
        "tracked",
        "tracked",
        "delivery_failed",
        "delivered",
        "tracked",
    ]
    departed, appointment, estimate = events[:3]
    assert from_us(departed.occurred_us).isoformat() == "2026-03-02T21:00:00+00:00"
    assert said(departed)["place"] == "LEEDS, YK, GB"
    assert from_us(appointment.occurred_us).date().isoformat() == "2026-03-01"
    assert said(appointment)["promised"] == "2026-03-04T09:00:00-05:00"
    assert said(estimate)["promised"] == "2026-03-04T12:00:00-05:00"
    assert ids(departed) == {
        "shipment": "SHIP-1",
        "tracking": "PRO-1",
        "purchase_order": "PO-1",
        "edi_document": "BUYER>SELLER:QM/42/0001",
    }


def test_a_status_of_a_load_of_several_orders_melts_none():
    (event,) = told(
        an_x12("214", "B10*PRO-1*SHIP-1", "L11*PO-1*PO", "L11*PO-2*PO", "LX*1", "AT7*X6*NS***20260302*1600")
    )

    assert "purchase_order" not in ids(event)
