"""Personal data does not show in payloads, and everything around it stays readable."""

import json
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controltower.domain.masking import (
    MASK,
    is_hidden_field,
    mask_form,
    mask_json,
    mask_text,
    mask_value,
    mask_xml,
    masked_xml,
)

CARD = "4242424242424242"
IBAN = "DE89370400440532013000"
PERSONAL = (
    "jane@example.com",
    CARD,
    "4242 4242 4242 4242",
    IBAN,
    "DE89 3704 0044 0532 0130 00",
    "+49 30 1234567",
)

some_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=20,
)


def with_luhn(digits: str) -> str:
    """A card number of these digits and the one that makes them right."""
    for last in "0123456789":
        number = digits + last
        doubled = [int(one) * 2 - 9 * (int(one) > 4) for one in number[-2::-2]]
        if (sum(doubled) + sum(map(int, number[-1::-2]))) % 10 == 0:
            return number
    raise AssertionError(digits)


cards = st.from_regex(r"[2-6][0-9]{12,17}", fullmatch=True).map(with_luhn)
around = st.text(alphabet="abc .,;:()\n", max_size=20)


@pytest.mark.parametrize("value", PERSONAL)
def test_what_looks_personal_is_masked_wherever_it_stands(value: str):
    assert value not in mask_text(f"Order 1001 of {value} was refused")
    assert value not in mask_json(json.dumps({"note": f"call {value}"}))
    assert value not in mask_xml(f"<note>call {value}</note>")
    assert value not in mask_form(urlencode({"note": value}))


@pytest.mark.parametrize(
    "text",
    [
        "order 1001 of 2026-05-31T10:00:00Z",
        "EAN 4006381333932",
        "4f1c1c9e-1f0e-4a57-9f6e-2d8f9d7a3c11",
        "at 1716200000000000 us",
        "total 129.90 EUR",
        "0.4242424242424242",
    ],
)
def test_what_names_an_order_or_a_product_stays(text: str):
    assert mask_text(text) == text


@pytest.mark.parametrize(
    "name",
    "password apiToken client_secret cvv cardNumber IBAN phone shipping-address firstName customer_name"
    " soap:Street customer birthDate X-API-Key postalCode".split(),
)
def test_fields_are_hidden_by_name_however_it_is_written(name: str):
    assert is_hidden_field(name)
    assert "value" not in mask_json(json.dumps({name: "value"}))
    assert "value" not in mask_json(json.dumps({name: {"deep": ["value"]}})) or name == "customer"
    assert "value" not in mask_form(f"{name}=value")


@pytest.mark.parametrize("name", ["name", "sku", "order", "cardinality", "status", "customer_id", "discard"])
def test_other_fields_are_not(name: str):
    assert not is_hidden_field(name)


def test_a_name_is_personal_where_it_is_a_persons():
    assert mask_json('{"customer": {"name": "Jane Doe", "id": 7}, "item": {"name": "Lamp"}}') == (
        f'{{"customer": {{"name": "{MASK}", "id": 7}}, "item": {{"name": "Lamp"}}}}'
    )


def test_the_layout_and_every_other_digit_stay():
    text = '{\n  "total": 129.90,\n  "id": 12345678901234567890,\n  "password": 12,\n  "ok": true\n}'
    assert mask_json(text) == text.replace('12,\n  "ok"', f'"{MASK}",\n  "ok"')


def test_an_escaped_address_and_json_within_json_are_seen_through():
    assert "jane" not in mask_json('{"note": "jane\\u0040example.com"}')
    inner = json.dumps({"password": "hunter2", "order": "1001"})
    hidden = mask_json(json.dumps({"payload": inner}))
    assert "hunter2" not in hidden and "1001" in hidden


def test_xml_hides_elements_and_attributes_by_name():
    text = (
        '<o id="7"><customer><name>Jane &amp; Joe</name></customer>'
        '<phone n="1">030 12</phone><a cvv="123"/></o>'
    )
    hidden = mask_xml(text)
    assert not any(one in hidden for one in ("Jane", "030 12", "123"))
    assert ET.fromstring(hidden).attrib == {"id": "7"}


def test_a_password_that_looks_like_an_address_is_hidden_whole():
    assert mask_value("password", "p@ssword1") == MASK
    assert mask_value("email", "jane@example.com") == f"j{MASK}@example.com"


def test_what_is_said_about_a_secret_in_words_is_hidden():
    assert mask_text("login failed: password=hunter2, user 7") == f"login failed: password={MASK}, user 7"
    assert mask_text("Authorization: Bearer abcdefgh12345") == f"Authorization: Bearer {MASK}"


@given(number=cards, before=around, after=around)
def test_no_card_number_survives(number: str, before: str, after: str):
    if before[-1:].isalnum() or before.endswith(".") or after[:1].isalnum():
        return
    assert number not in mask_text(f"{before}{number}{after}")


@given(number=cards, before=st.from_regex(r"([0-9]{1,4} ){0,3}", fullmatch=True))
def test_nor_does_it_hide_among_other_numbers(number: str, before: str):
    assert number not in mask_text(f"{before}{number} 17")


@given(value=some_json)
def test_json_stays_json_of_the_same_shape(value: object):
    def shape(one: object) -> object:
        if isinstance(one, dict):
            return [shape(inner) for inner in one.values()]
        return [shape(inner) for inner in one] if isinstance(one, list) else None

    hidden = json.loads(mask_json(json.dumps(value, indent=1)))
    assert shape(hidden) == shape(value)


@given(secret=st.text(alphabet="xyz", min_size=6), value=some_json)
def test_nothing_below_a_personal_field_shows(secret: str, value: object):
    document = {"address": {"lines": [secret, {"more": secret}], "other": value}, "order": "1001"}
    hidden = mask_json(json.dumps(document))
    assert secret not in hidden
    assert json.loads(hidden)["order"] == "1001"


@given(text=st.text() | st.text(alphabet='{}[]",:<>/=&+@ 4a!-'))
def test_anything_can_be_masked(text: str):
    for mask in (mask_text, mask_json, mask_xml, mask_form):
        assert isinstance(mask(text), str)


@given(parts=st.lists(st.sampled_from([*PERSONAL, "password=", "Bearer", "phone", "x", "7"])))
def test_nothing_personal_survives_beside_other_such_things(parts: list[str]):
    hidden = mask_text(", ".join(parts))
    assert not any(one in hidden for one in PERSONAL)


def test_the_beginning_of_a_long_document_does_not_wait_for_its_end():
    def endless() -> Iterator[str]:
        yield from ("<o>", "<phone>", "030 12", "</phone>")
        raise AssertionError("nobody needs more")

    begun = masked_xml(endless())
    assert [next(begun) for _ in range(3)] == ["<o>", "<phone>", MASK]
