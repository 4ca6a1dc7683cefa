"""What an order by X12 and its answers become: 850, 855, 860."""

import json

import pytest

from controltower.domain.facts import FAILED, OK
from controltower.domain.times import from_us
from tests.collectors.edi.telling import ORDER, ids, said, told, types
from tests.collectors.edi.writing import X12, an_x12


def test_a_purchase_order_is_an_order_captured():
    (event,) = told(an_x12("850", *ORDER))

    assert event.type == "order.captured"
    assert event.source == "edi/BUYER"
    assert event.system == "BUYER"
    assert event.channel == "edi"
    assert from_us(event.occurred_us).isoformat() == "2026-03-01T10:15:00+00:00"
    assert ids(event) == {"purchase_order": "PO-1", "edi_document": "BUYER>SELLER:PO/42/0001"}
    assert (event.amount, event.currency, event.customer) == ("46.25", "USD", "ACME STORES")
    data = said(event)
    assert data["lines"] == [{"id": "1", "sku": "AB-1", "quantity": "5", "price": "9.25"}]
    assert data["promised"] == "2026-03-10"
    assert data["address"] == "1 HIGH STREET"
    assert data["edi"]["kind"] == "850"
    assert "faults" not in data


def test_the_segments_of_the_set_are_kept_with_its_event():
    (event,) = told(an_x12("850", *ORDER))

    assert "BEG*00*SA*PO-1**20260301~\n" in json.loads(event.payload)["original"]


def test_faults_of_the_envelope_are_shown_on_an_event_that_is_no_failure():
    (event,) = told(X12([("850", list(ORDER))], changes={"SE": "SE*99*0001"}).bytes())

    assert event.type == "order.captured"
    assert event.outcome == OK
    assert said(event)["faults"] == ["SE of set 0001 counts 99 where 11 segments came"]


@pytest.mark.parametrize(
    ("purpose", "expected"), [("00", "order.captured"), ("01", "order.cancelled"), ("05", "order.amended")]
)
def test_the_purpose_of_a_purchase_order(purpose, expected):
    assert types(an_x12("850", f"BEG*{purpose}*SA*PO-1**20260301")) == [expected]


@pytest.mark.parametrize(
    ("answer", "expected", "outcome"),
    [("AC", "order.accepted", OK), ("AD", "order.accepted", OK), ("RJ", "order.rejected", FAILED)],
)
def test_an_acknowledgement_accepts_or_rejects_the_order(answer, expected, outcome):
    (event,) = told(an_x12("855", f"BAK*00*{answer}*PO-1*20260301****SO-9*20260302", function="PR"))

    assert (event.type, event.outcome) == (expected, outcome)
    assert ids(event)["purchase_order"] == "PO-1"
    assert ids(event)["sales_order"] == "SO-9"
    assert from_us(event.occurred_us).date().isoformat() == "2026-03-02"


def test_lines_that_were_not_accepted_are_cancelled():
    accepted, cancelled = told(
        an_x12(
            "855",
            "BAK*00*AC*PO-1*20260301",
            "PO1*1*5*EA***VN*AB-1",
            "ACK*IA*5*EA",
            "PO1*2*3*EA***VN*AB-2",
            "ACK*IR*3*EA",
        )
    )

    assert [line["status"] for line in said(accepted)["lines"]] == ["accepted", "rejected"]
    assert cancelled.type == "line.cancelled"
    assert ids(cancelled)["sku"] == "AB-2"
    assert ids(cancelled)["purchase_order"] == "PO-1"


def test_a_change_amends_the_order_and_says_what():
    amended, cancelled = told(
        an_x12(
            "860",
            "BCH*04*SA*PO-1***20260301*****20260305",
            "N1*BY*ACME STORES",
            "POC*1*QI*8*3*EA*9.25**VN*AB-1",
            "POC*2*DI*1**EA***VN*AB-2",
            function="PC",
        )
    )

    assert amended.type == "order.amended"
    assert said(amended)["by"] == "ACME STORES"
    assert said(amended)["changes"][0] == {
        "field": "quantity increased",
        "line": "1",
        "sku": "AB-1",
        "to": "8",
    }
    assert from_us(amended.occurred_us).date().isoformat() == "2026-03-05"
    assert (cancelled.type, ids(cancelled)["sku"]) == ("line.cancelled", "AB-2")
