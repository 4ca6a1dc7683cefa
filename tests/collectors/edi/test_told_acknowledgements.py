"""What acknowledgements by X12 become: 997 and TA1."""

from controltower.domain.facts import FAILED, OK
from tests.collectors.edi.telling import ORDER, ids, said, told
from tests.collectors.edi.writing import X12, an_x12


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
