"""What each kind of document becomes: the events of the mappings ``x12`` and ``edifact``."""

import json

import pytest

from collectors.edi.reading import held_decoder, read_edi
from collectors.mapping.catalogue import load_built_in
from collectors.mapping.language import parse_mapping
from controltower.domain.errors import BadPayload
from controltower.domain.facts import FAILED, OK
from controltower.domain.times import from_us
from tests.collectors.edi.writing import X12, an_x12, edifact
from tests.collectors.estate import NOW_US

MAPPINGS = {name: load_built_in(name) for name in ("x12", "edifact")}


def told(data, *, received_us=NOW_US):
    """The events of a file of which nothing is held."""
    reading = read_edi(data, MAPPINGS, received_us=received_us)
    assert reading.held == []
    return reading.events


def types(data):
    """The types of the events of a file."""
    return [event.type for event in told(data)]


def ids(event):
    """Identifiers by their kind; several of one kind as a list."""
    found: dict[str, list[str]] = {}
    for identifier in event.identifiers:
        found.setdefault(identifier.kind, []).append(identifier.value)
    return {kind: values if len(values) > 1 else values[0] for kind, values in found.items()}


def said(event):
    """The data of an event."""
    return json.loads(event.payload)["data"]


ORDER = (
    "BEG*00*SA*PO-1**20260301",
    "CUR*BY*USD",
    "DTM*002*20260310",
    "N1*BY*ACME STORES*92*0012",
    "N1*ST*SHOP 12",
    "N3*1 HIGH STREET",
    "PO1*1*5*EA*9.25*TE*VN*AB-1",
    "CTT*1",
    "AMT*TT*46.25",
)


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


def test_a_functional_acknowledgement_names_each_set_as_its_sender_did():
    order, *_ = told(an_x12("850", *ORDER))
    accepted, rejected = told(
        an_x12(
            "997",
            "AK1*PO*42",
            "AK2*850*0001",
            "AK5*A",
            "AK2*850*0002",
            "AK3*REF*3**8",
            "AK4*1**7*BM",
            "AK5*R*5",
            "AK9*P*2*2*1",
            function="FA",
            sender="SELLER",
            receiver="BUYER",
        )
    )

    assert ids(accepted)["edi_document"] == ids(order)["edi_document"]
    assert (accepted.type, accepted.outcome) == ("acknowledgement.accepted", OK)
    assert (rejected.type, rejected.outcome) == ("acknowledgement.rejected", FAILED)
    assert ids(rejected)["edi_document"] == "BUYER>SELLER:PO/42/0002"
    assert said(rejected)["acknowledged"] == {
        "kind": "850",
        "control": "0002",
        "group": "42",
        "function": "PO",
    }
    (note,) = said(rejected)["notes"]
    assert (note["segment"], note["position"]) == ("REF", "3")
    assert note["elements"][0]["value"] == "BM"
    assert rejected.error_message == "850 0002 was rejected: segment REF at 3"


def test_a_rejected_group_is_a_failure():
    (event,) = told(an_x12("997", "AK1*PO*42", "AK9*R*3*3*0"))

    assert (event.type, event.outcome) == ("acknowledgement.rejected", FAILED)


def test_an_interchange_acknowledgement_is_told():
    data = X12([]).text().replace("GS*", "TA1*000000009*260301*1015*R*005~\nGS*").encode()

    (event,) = told(data)

    assert (event.type, event.outcome, event.status) == ("acknowledgement.rejected", FAILED, "R")


@pytest.mark.parametrize(
    ("purpose", "expected"),
    [
        ("13", "return.requested"),
        ("11", "return.authorised"),
        ("44", "return.rejected"),
        ("00", "return.requested"),
    ],
)
def test_a_return(purpose, expected):
    (event,) = told(
        an_x12(
            "180",
            f"BGN*{purpose}*R-1*20260301*1323",
            "PRF*PO-1",
            "N9*RZ*RMA-1",
            "BLI*VN*AB-1*1*EA",
            "RDR*CR*DR",
        )
    )

    assert event.type == expected
    assert ids(event)["rma"] == "RMA-1"
    assert ids(event)["return"] == "R-1"
    assert said(event)["lines"] == [{"sku": "AB-1", "quantity": "1", "status": "CR"}]


def test_an_authorisation_of_the_supplier_that_calls_itself_original_has_an_rma():
    assert types(an_x12("180", "BGN*00*R-1*20260301", "N9*RZ*RMA-1", "BLI*VN*AB-1")) == ["return.requested"]


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


def test_a_kind_that_no_rule_names_is_unmapped_and_counted():
    reading = read_edi(an_x12("824", "BGN*00*X"), MAPPINGS, received_us=NOW_US)

    assert [event.type for event in reading.events] == ["unmapped"]
    assert reading.unmapped == {"edi/BUYER 824": 1}
    assert reading.batch(1).dropped == {("edi", "unmapped", "edi/BUYER 824"): 1}


def test_the_same_file_again_tells_the_same_events():
    file = an_x12("850", *ORDER) + b"ST*997*0001~AK1*PO*42~AK9*A*1*1*1~SE*4*0001~"

    first = told(file, received_us=NOW_US)
    later = told(file, received_us=NOW_US + 3_600_000_000)

    assert [event.type for event in first] == ["order.captured", "acknowledgement.accepted"]
    assert [(e.source, e.id, e.digest) for e in first] == [(e.source, e.id, e.digest) for e in later]


def test_a_set_without_any_date_happened_when_it_was_received():
    (event,) = told(b"ST*997*0001~AK1*PO*42~AK9*A*1*1*1~SE*4*0001~")

    assert event.occurred_us == NOW_US


def test_two_bare_sets_of_one_number_are_two_events():
    first, second = told(b"ST*997*1~AK1*PO*42~AK9*A*1~SE*4*1~ST*997*1~AK1*PO*43~AK9*A*1~SE*4*1~")

    assert first.id != second.id


def test_a_set_that_cannot_be_told_is_held_alone_and_can_be_put_right():
    mapping = parse_mapping(
        """
        name = "x12"
        title = "Strict"
        source = "edi/{sender}"
        format = "x12"
        zone = "UTC"
        [[events]]
        type = "order.captured"
        id = "{BEG[0].BEG03}"
        time = "{happened}"
        """,
        "strict.toml",
    )
    data = X12([("850", [ORDER[0]]), ("850", ["BEG*00*SA***20260301"])]).bytes()

    reading = read_edi(data, {"x12": mapping}, received_us=NOW_US, origin="monday.edi")

    assert len(reading.events) == 1
    (held,) = reading.held
    assert (held.edge, held.reason, held.content_type) == ("edi", "no_id", "application/edi-x12")
    assert held.message.startswith("monday.edi: 850 2026-03-01/000000017/42/0002: ")
    again = held_decoder({"x12": mapping})
    with pytest.raises(BadPayload):
        again(held.payload, held.content_type, {}, from_us(NOW_US))
    batch = again(held.payload.replace(b"SA***", b"SA*PO-2**"), held.content_type, {}, from_us(NOW_US))
    assert [event.id for event in batch.events] == ["PO-2"]
