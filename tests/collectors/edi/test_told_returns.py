"""What returns by X12 become: 180."""

import pytest

from tests.collectors.edi.telling import ids, said, told, types
from tests.collectors.edi.writing import an_x12


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
