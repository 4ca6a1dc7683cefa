"""Which identifiers tie facts together, how strongly, and which must not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controltower.domain.identifiers import (
    CORRELATION,
    MAX_KIND_LENGTH,
    MAX_VALUE_LENGTH,
    TRACE,
    Bond,
    Identifier,
    bond_of,
    bond_of_key,
    key_of,
    refusal_of,
    trace_key,
)

kinds = st.sampled_from([CORRELATION, "order", "netsuite.order", "shipment", TRACE, "email", "unheard_of"])
values = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)


@pytest.mark.parametrize(
    ("kind", "bond"),
    [
        (CORRELATION, Bond.ORDER),
        ("order", Bond.ORDER),
        ("rma", Bond.LEG),
        ("tracking", Bond.LEG),
        ("invoice", Bond.LEG),
        (TRACE, Bond.TRACE),
        ("email", Bond.LABEL),
        ("sku", Bond.LABEL),
        ("a kind that nobody declared", Bond.LABEL),
        ("", Bond.LABEL),
    ],
)
def test_a_kind_has_a_bond(kind: str, bond: Bond):
    assert bond_of(kind) is bond


def test_a_dotted_kind_has_the_bond_of_its_last_part_and_values_of_its_own():
    assert bond_of("netsuite.order") is Bond.ORDER
    assert bond_of("order.shipment") is Bond.LEG
    assert key_of(Identifier("netsuite.order", "1")) != key_of(Identifier("order", "1"))


@given(kinds, values)
def test_a_key_is_16_bytes_and_remembers_its_bond(kind: str, value: str):
    key = key_of(Identifier(kind, value))
    assert len(key) == 16
    assert bond_of_key(key) is bond_of(kind)


@given(kinds, values, kinds, values)
def test_keys_are_equal_only_for_equal_identifiers(kind: str, value: str, other_kind: str, other: str):
    first, second = Identifier(kind, value), Identifier(other_kind, other)
    assert (key_of(first) == key_of(second)) == (first == second)


def test_a_value_cannot_be_shifted_into_the_kind():
    assert key_of(Identifier("order", "a\0b")) != key_of(Identifier("order\0a", "b"))


@given(values, values, values)
def test_keys_sort_by_bond_with_correlation_first(one: str, two: str, three: str):
    """So the least key of a journey, its public id, is a correlation id as soon as there is one."""
    ranks = [(CORRELATION, one), ("order", two), ("shipment", three), (TRACE, one), ("email", two)]
    keys = [key_of(Identifier(*pair)) for pair in ranks]
    assert keys == sorted(keys)


def test_keys_are_what_they_always_were():
    """Journey ids are in people's bookmarks and in every row of the store: they must never change."""
    assert key_of(Identifier(CORRELATION, "c-1")).hex() == "108d74c47e8c46ae1d0fad961cea2974"
    assert key_of(Identifier("order", "#1001")).hex() == "208abc4a25820f7143ac8a0ad43a5291"
    assert key_of(Identifier("tracking", "1Z999")).hex() == "40863adf23ba287ecb5b7663805b166f"
    assert trace_key(bytes(15) + b"\1").hex() == "6096fc0b8956239c4c44e2ea684181cd"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("", "empty"),
        ("N/A", "placeholder"),
        ("NULL", "placeholder"),
        ("Unknown", "placeholder"),
        ("-", "placeholder"),
        ("0", "filler"),
        ("00000", "filler"),
        ("9999", "filler"),
        ("---- ", "filler"),
        ("2026-03-01", "date"),
        ("2026-03-01T08:15:00Z", "date"),
        ("2026-03-01 08:15:00.5+01:00", "date"),
        ("3/1/26", "date"),
        ("x" * (MAX_VALUE_LENGTH + 1), "too long"),
    ],
)
def test_what_would_melt_journeys_is_refused(value: str, reason: str):
    assert refusal_of(Identifier("order", value)) == reason


@pytest.mark.parametrize(
    "value", ["1", "1001", "#1001", "10000", "999", "A0", "SO-2026-03-01", "x" * MAX_VALUE_LENGTH, "nan-1"]
)
def test_what_a_system_may_call_an_order_is_not_refused(value: str):
    assert refusal_of(Identifier("order", value)) is None


def test_a_kind_may_be_too_long():
    assert refusal_of(Identifier("k" * MAX_KIND_LENGTH, "1")) is None
    assert refusal_of(Identifier("k" * (MAX_KIND_LENGTH + 1), "1")) == "too long"
