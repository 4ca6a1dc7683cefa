"""The JSON document of a dead letter: what it says, and which mistakes are named."""

import base64

import pytest

from collectors.dead_letters.documents import MAX_ITEM, BadLetter, read_document
from collectors.mapping.catalogue import load_catalogue
from controltower.domain.dead_letters import death_of, id_of
from controltower.domain.identifiers import Identifier
from controltower.domain.messages import Death
from tests.collectors.dead_letters.letters import NOW_US, a_document, encoded, read

HOUR_US = 3_600_000_000


def test_all_that_a_document_says_is_in_the_letter():
    letter = read()

    assert (letter.source, letter.place) == ("api", "erp.post.dead")
    assert (letter.origin_connection, letter.origin_place) == ("middleware", "erp.post")
    assert (letter.type, letter.system, letter.channel) == ("order.posted", "middleware", "web")
    assert letter.identifiers == (
        Identifier("correlation", "c-1001"),
        Identifier("order", "1001"),
        Identifier("sku", "TBL-DIN-OAK"),
        Identifier("sku", "CHR-1"),
        Identifier("email", "ines@example.com"),
        Identifier("customer", "C-7"),
    )
    assert (letter.error_class, letter.error_code) == ("MappingError", "SKU_UNMAPPED")
    assert letter.error_message == "No ERP item is mapped to SKU TBL-DIN-OAK"
    assert letter.error_frame == "middleware/posting.py post"
    assert letter.deaths == (Death("erp.post", "rejected", 3, NOW_US - HOUR_US),)
    assert (letter.occurred_us, letter.failed_us) == (NOW_US - 2 * HOUR_US, NOW_US - HOUR_US)
    assert (letter.amount, letter.currency, letter.customer) == ("849.0", "EUR", "Ines Almeida")
    assert letter.due_us == NOW_US + 36 * HOUR_US
    assert (letter.correlation, letter.trace_id.hex()) == ("c-1001", "a" * 32)
    assert (letter.message.message_id, letter.message.key) == ("m-1001", "1001")


def test_a_body_is_kept_as_it_was_written():
    document = encoded(a_document()).replace(b'"price": 849.0', b'"price" :  849.00')

    letter = read_document(document, {}, now_us=NOW_US)

    assert b'"price" :  849.00' in letter.message.body
    assert letter.message.content_type == "application/json"


@pytest.mark.parametrize(
    ("fields", "body", "content_type"),
    [
        ({"body": "<order/>", "content_type": "application/xml"}, b"<order/>", "application/xml"),
        ({"body": "Grüße"}, "Grüße".encode(), ""),
        ({"body": ""}, b"", ""),
        ({"body": [1, 2]}, b"[1, 2]", "application/json"),
        ({"body": None, "body_base64": base64.b64encode(bytes(range(256))).decode()}, bytes(range(256)), ""),
    ],
)
def test_a_body_is_text_json_or_any_bytes(fields, body, content_type):
    message = read(**fields).message

    assert (message.body, message.content_type) == (body, content_type)


@pytest.mark.parametrize(
    "headers",
    [
        {"x": "1", "n": 2, "yes": True, "many": ["a", "b"], "none": None},
        [["x", "1"], ["n", 2], ["yes", True], ["many", "a"], ["many", "b"], ["none", None]],
    ],
)
def test_headers_are_an_object_or_pairs(headers):
    assert read(headers=headers).message.headers == (
        ("x", "1"),
        ("n", "2"),
        ("yes", "true"),
        ("many", "a"),
        ("many", "b"),
        ("none", ""),
    )


def test_a_body_alone_is_a_letter():
    letter = read_document(b'{"body": "?"}', {}, now_us=NOW_US)

    assert letter.message.body == b"?"
    assert (letter.type, letter.identifiers, letter.origin_connection) == ("", (), "")
    assert letter.failed_us == letter.occurred_us == NOW_US


def test_the_same_document_is_the_same_letter_and_the_same_death():
    first, again = read(message_id=None), read(message_id=None)
    reordered = read_document(
        encoded(dict(reversed(a_document(message_id=None).items()))), {}, now_us=NOW_US + 5
    )

    assert id_of(first) == id_of(again) == id_of(reordered)
    assert death_of(first) == death_of(again) == death_of(reordered)


def test_without_a_message_id_another_document_is_another_letter():
    assert id_of(read(message_id=None)) != id_of(read(message_id=None, body="another"))


def test_a_message_that_died_once_more_is_the_same_letter_with_another_death():
    first, later = read(deaths=None), read(deaths=None, failed_at="2026-01-01T00:00:00Z")

    assert id_of(first) == id_of(later)
    assert death_of(first) != death_of(later)


def test_a_mapping_reads_what_it_knows():
    mappings = load_catalogue()
    document = {
        "body": {
            "id": 820982911946154508,
            "name": "#1001",
            "created_at": "2026-05-31T10:00:00Z",
            "updated_at": "2026-05-31T10:00:00Z",
            "currency": "EUR",
            "total_price": "129.90",
        },
        "headers": {"X-Shopify-Topic": "orders/create", "X-Shopify-Shop-Domain": "northwind.myshopify.com"},
        "mapping": "shopify",
    }

    letter = read_document(encoded(document), mappings, now_us=NOW_US)

    assert letter.type == "order.captured"
    assert Identifier("order_name", "#1001") in letter.identifiers
    assert letter.amount == "129.90"


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"origin": {"connection": "erp"}}, "origin", "missing required field `place`"),
        ({"origin": {"connection": "", "place": "x"}}, "origin.connection", "length >= 1"),
        ({"messageid": "m"}, "", "unknown field `messageid`"),
        ({"message_id": 7}, "message_id", "Expected `str`"),
        ({"deaths": [{"times": 0}]}, "deaths[0].times", ">= 1"),
        ({"deaths": [{"died_at": "yesterday"}]}, "deaths[0].died_at", "RFC 3339"),
        ({"failed_at": "2026-01-01T00:00:00"}, "failed_at", "with a zone"),
        ({"due_at": "9999-01-01T00:00:00Z"}, "due_at", "between 1970 and 2200"),
        ({"total": "1.299,00"}, "total.amount", "plain decimal number"),
        ({"identifiers": {"order": None}}, "identifiers.order", "a text or a list"),
        ({"body": None}, "body", "is required"),
        ({"body_base64": "aGk="}, "body_base64", "not both"),
        ({"body": None, "body_base64": "%%%"}, "body_base64", "not base64"),
        ({"headers": {"x": {"y": 1}}}, "headers[...]", "got `object`"),
        ({"headers": [["x", "1"]] * 501}, "headers", "<= 500"),
        ({"headers": {f"x{n}": "1" for n in range(501)}}, "headers", "at most 500"),
        ({"mapping": "nobodys"}, "mapping", "no mapping 'nobodys'"),
    ],
)
def test_what_is_wrong_is_named(changes, field, words):
    with pytest.raises(BadLetter) as refused:
        read(**changes)

    assert refused.value.field == field
    assert words in str(refused.value)


@pytest.mark.parametrize("payload", [b"", b"[]", b"null", b"{", b'{"body": 1', b"\xff", b"[" * 100_000])
def test_what_is_no_document_is_refused(payload):
    with pytest.raises(BadLetter):
        read_document(payload, {}, now_us=NOW_US)


def test_a_document_has_a_limit():
    with pytest.raises(BadLetter, match="larger than the limit"):
        read(body="x" * MAX_ITEM)
