"""Failures of one kind have one fingerprint, whatever order they are about."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controltower.domain.fingerprints import MAX_PATTERN, fingerprint_of, pattern_of


@pytest.mark.parametrize(
    ("message", "pattern"),
    [
        ("SKU NW-4711 is not mapped", "sku # is not mapped"),
        ("sku  nw-99 is NOT mapped", "sku # is not mapped"),
        ("order 3fa85f64-5717-4562-b3fc-2c963f66afa6 rejected", "order # rejected"),
        ("no item 'blue shirt' at node DC-7", "no item # at node #"),
        ("POST https://erp.example/api/v2/orders timed out after 30s", "post # timed out after #"),
        ("cannot reach jane.doe@example.com", "cannot reach #"),
        ("No item is mapped to SKU CUS-LIN-SND", "no item is mapped to sku #"),
        ("SKU_UNMAPPED in the ERP, pre-order or pick-up", "sku_unmapped in the erp, pre-order or pick-up"),
        ("no stock", "no stock"),
        ("", ""),
    ],
)
def test_what_varies_is_left_out(message: str, pattern: str):
    assert pattern_of(message) == pattern


@given(st.text(max_size=2000))
def test_any_message_has_a_short_pattern_and_a_fingerprint(message: str):
    assert len(pattern_of(message)) <= MAX_PATTERN
    assert len(fingerprint_of("erp", "E1", message)) == 16


@given(st.integers(0, 10**12), st.integers(0, 10**12))
def test_numbers_make_no_difference(one: int, other: int):
    assert fingerprint_of("erp", "E", f"document {one} is locked") == fingerprint_of(
        "ERP", "e", f"Document {other} is locked"
    )


def test_system_and_code_do_make_one():
    prints = {
        fingerprint_of(s, c, m) for s in ("erp", "wms") for c in ("1", "2") for m in ("no stock", "no item")
    }
    assert len(prints) == 8
