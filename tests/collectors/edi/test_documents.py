"""Documents: what stands below what, and what the decoder works out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.edi.decoding import Decoded, decode
from collectors.edi.loops import MAX_DEPTH
from collectors.edi.values import decimal_text, implied_cents, iso_date_time, iso_of_dtm
from tests.collectors.edi.writing import an_x12, edifact


def document(data):
    """The only document of a file."""
    (part,) = decode(data)
    assert isinstance(part, Decoded), part
    return part.document


def test_an_order_line_keeps_what_stands_below_it():
    order = document(
        an_x12(
            "850",
            "BEG*00*SA*4711**20260301",
            "REF*DP*038",
            "N1*ST*SHOP 12*92*0012",
            "N3*1 HIGH STREET",
            "N4*LEEDS**LS1*GB",
            "PO1*1*5*EA*9.25*TE*UP*012345678905*VN*AB-1",
            "PID*F****BLUE WIDGET",
            "REF*LI*10",
            "N1*LW*JANE DOE",
            "PO1*2*1*EA*3**SK*00042",
            "CTT*2",
            "AMT*TT*49.25",
        )
    )

    first, second = order["PO1"]
    assert first["PID"][0]["PID05"] == "BLUE WIDGET"
    assert first["REF"] == [{"REF01": "LI", "REF02": "10"}]
    assert first["N1"][0]["N102"] == "JANE DOE"
    assert first["ids"] == {"UP": "012345678905", "VN": "AB-1"}
    assert (first["sku"], second["sku"]) == ("AB-1", "00042")
    assert order["REF"] == [{"REF01": "DP", "REF02": "038"}]
    assert order["CTT"][0]["AMT"][0]["amount"] == "49.25"
    assert order["parties"] == {
        "ST": {"name": "SHOP 12", "id": "0012", "address": "1 HIGH STREET, LEEDS, LS1, GB"}
    }
    assert order["happened"] == "2026-03-01T10:15:00"


def hierarchy(*levels):
    """A ship notice of HL segments and what stands below them."""
    return document(an_x12("856", "BSN*00*SHIP-1*20260302*0800", *levels, function="SH"))


PALLETS = (
    ("HL*1**S", "REF*CN*PRO-1"),
    ("HL*2*1*O", "PRF*PO-1"),
    ("HL*3*2*T", "MAN*GM*TARE-1"),
    ("HL*4*3*P", "MAN*GM*PACK-1**CP*1Z-1"),
    ("HL*5*4*I", "LIN*1*SK*AAA", "SN1*1*2*EA"),
    ("HL*6*1*O", "PRF*PO-2"),
    ("HL*7*6*P", "MAN*GM*PACK-2"),
    ("HL*8*7*I", "LIN*1*SK*BBB", "SN1*1*7*EA"),
)


def outline(node):
    """Levels below a node, as nested lists of their numbers."""
    return [[child["HL01"], *outline(child)] for child in node.get("HL", [])]


def test_hierarchical_levels_are_nested():
    notice = hierarchy(*(line for lines in PALLETS for line in lines))

    assert outline(notice) == [["1", ["2", ["3", ["4", ["5"]]]], ["6", ["7", ["8"]]]]]
    assert "faults" not in notice


def test_levels_that_name_no_parent_go_below_the_nearest_higher_level():
    nameless = (line for lines in PALLETS for line in lines)
    notice = hierarchy(
        *(
            "*".join([*line.split("*")[:2], "", line.split("*")[3]]) if line[:2] == "HL" else line
            for line in nameless
        )
    )

    assert outline(notice) == [["1", ["2", ["3", ["4", ["5"]]]], ["6", ["7", ["8"]]]]]


def test_a_parent_that_is_not_there_is_told_and_loses_nothing():
    notice = hierarchy("HL*1**S", "HL*2*1*O", "PRF*PO-1", "HL*3*77*I", "LIN**SK*AAA")

    assert outline(notice) == [["1", ["2", ["3"]]]]
    assert notice["faults"] == ["HL 3 names a parent that is not before it: 77"]


def test_a_hierarchy_has_a_greatest_depth():
    levels = [f"HL*{number}*{number - 1 or ''}*X" for number in range(1, 101)]

    notice = hierarchy(*levels)

    assert depth(notice) <= MAX_DEPTH
    assert count(notice) == 100
    assert any("deeper" in fault for fault in notice["faults"])


def depth(node):
    return max((1 + depth(child) for child in node.get("HL", [])), default=0)


def count(node):
    return sum(1 + count(child) for child in node.get("HL", []))


@given(
    parents=st.lists(st.integers(0, 12), max_size=12), levels=st.lists(st.sampled_from("SOTPIX"), max_size=12)
)
def test_no_level_of_any_hierarchy_is_lost(parents, levels):
    lines = [
        f"HL*{number}*{parent or ''}*{level}"
        for number, (parent, level) in enumerate(zip(parents, levels, strict=False), 1)
    ]

    assert count(hierarchy("HL*0**S", *lines)) == len(lines) + 1


def test_each_order_of_a_shipment_has_its_own_packages_and_items():
    notice = hierarchy(*(line for lines in PALLETS for line in lines))

    first, second = notice["orders"]
    assert (first["number"], first["packages"], first["trackings"]) == (
        "PO-1",
        ["TARE-1", "PACK-1"],
        ["1Z-1"],
    )
    assert (second["number"], second["packages"]) == ("PO-2", ["PACK-2"])
    assert [item["LIN"][0]["sku"] for item in first["items"]] == ["AAA"]
    assert [item["LIN"][0]["sku"] for item in second["items"]] == ["BBB"]


def test_a_shipment_without_order_levels_is_of_the_orders_that_its_items_name():
    notice = hierarchy("HL*1**S", "HL*2*1*I", "LIN**BP*A", "PRF*PO-1", "HL*3*1*I", "LIN**BP*B", "PRF*PO-2")

    assert [order["number"] for order in notice["orders"]] == ["PO-1", "PO-2"]


def test_a_shipment_that_names_no_order_is_told_all_the_same():
    (order,) = hierarchy("HL*1**S", "HL*2*1*I", "LIN**BP*A")["orders"]

    assert "number" not in order
    assert len(order["items"]) == 1


@pytest.mark.parametrize(
    ("segments", "numbers"),
    [
        (["BIG*20260301*INV-1**PO-1", "REF*PO*OTHER"], ["PO-1"]),
        (["BIG*20260301*INV-1", "REF*PO*PO-1", "REF*PO*PO-1"], ["PO-1"]),
        (["BIG*20260301*INV-1", "IT1*1*1", "REF*PO*PO-1", "IT1*2*1", "REF*PO*PO-2"], ["PO-1", "PO-2"]),
        (["BIG*20260301*INV-1"], [None]),
    ],
)
def test_the_orders_of_an_invoice(segments, numbers):
    invoice = document(an_x12("810", *segments, function="IN"))

    assert [order.get("number") for order in invoice["orders"]] == numbers


def test_a_despatch_advice_nests_its_packing_and_tells_its_orders():
    advice = document(
        edifact(
            "DESADV",
            "BGM+351+DES-1+9",
            "DTM+11:202603021430:203",
            "CPS+1",
            "PAC+2",
            "CPS+2+1",
            "PAC+1++201",
            "PCI+33E",
            "GIN+BJ+340123450000000001",
            "LIN+1++4000862141404:EN",
            "PIA+1+SELLER-1:SA",
            "QTY+12:40",
            "RFF+ON:PO-1",
            "CPS+3+1",
            "PAC+1++201",
            "PCI+33E",
            "GIN+BJ+340123450000000002+340123450000000003",
            "LIN+2++4000862141405:EN",
            "QTY+12:4,5",
            "RFF+ON:PO-2",
        )
    )

    first, second = advice["orders"]
    assert (first["number"], first["packages"]) == ("PO-1", ["340123450000000001"])
    assert (second["number"], second["packages"]) == ("PO-2", ["340123450000000002", "340123450000000003"])
    assert first["items"][0]["sku"] == "SELLER-1"
    assert second["items"][0]["QTY"][0]["quantity"] == "4.5"
    assert [level["CPS01_1"] for level in advice["CPS"][0]["CPS"]] == ["2", "3"]
    assert advice["happened"] == "2026-03-02T14:30:00"


def test_totals_of_edifact_stand_behind_the_lines():
    order = document(edifact("INVOIC", "BGM+380+INV-1+9", "LIN+1", "MOA+203:5", "UNS+S", "MOA+77:1960,29"))

    assert order["MOA"] == [{"MOA01_1": "77", "MOA01_2": "1960,29", "amount": "1960.29"}]
    assert order["LIN"][0]["MOA"][0]["amount"] == "5"


@pytest.mark.parametrize(
    ("date", "time", "zone", "expected"),
    [
        ("20260301", "", "", "2026-03-01"),
        ("260301", "1015", "", "2026-03-01T10:15:00"),
        ("991231", "235959", "", "1999-12-31T23:59:59"),
        ("20260301", "10153099", "", "2026-03-01T10:15:30"),
        ("20260301", "2400", "", "2026-03-01T00:00:00"),
        ("20260301", "1015", "GM", "2026-03-01T10:15:00+00:00"),
        ("20260301", "1015", "ES", "2026-03-01T10:15:00-05:00"),
        ("20260715", "1015", "ET", "2026-07-15T10:15:00-04:00"),
        ("20260301", "1015", "LT", "2026-03-01T10:15:00"),
        ("20260301", "99", "", "2026-03-01"),
        ("20260230", "", "", ""),
        ("PO DATE", "", "", ""),
        ("٢٠٢٦٠٣٠١", "", "", ""),
        ("", "1015", "", ""),
    ],
)
def test_x12_dates(date, time, zone, expected):
    assert iso_date_time(date, time, zone) == expected


@pytest.mark.parametrize(
    ("value", "form", "expected"),
    [
        ("20260301", "102", "2026-03-01"),
        ("260301", "101", "2026-03-01"),
        ("202603011015", "203", "2026-03-01T10:15:00"),
        ("20260301101530", "204", "2026-03-01T10:15:30"),
        ("2603011015", "201", "2026-03-01T10:15:00"),
        ("202603011015GMT", "303", "2026-03-01T10:15:00+00:00"),
        ("202603011015Z+0100", "205", "2026-03-01T10:15:00+01:00"),
        ("20260301-20260331", "718", "2026-03-01"),
        ("2026030120260331", "718", "2026-03-01"),
        ("199910060000", "102", "1999-10-06T00:00:00"),
        ("20260301", "", "2026-03-01"),
        ("soon", "102", ""),
        ("1", "805", ""),
    ],
)
def test_edifact_dates(value, form, expected):
    assert iso_of_dtm(value, form) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5", "5"),
        ("5,50", "5.50"),
        ("-.5", "-0.5"),
        ("+3", "3"),
        ("007", "007"),
        ("1.2.3", ""),
        ("EA", ""),
        (".", ""),
        ("", ""),
    ],
)
def test_decimal_numbers(text, expected):
    assert decimal_text(text) == expected


@given(cents=st.integers(-(10**15), 10**15))
def test_totals_with_implied_decimals_keep_every_cent(cents):
    whole, _, fraction = implied_cents(str(cents)).partition(".")

    assert int(whole + fraction) == cents
    assert len(fraction) == 2
