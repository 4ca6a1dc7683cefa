"""Reading one event: what is refused, what is understood, and what makes two events the same."""

import json
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.cloudevents import BadEvent, read_event, read_time_us, system_of, trace_id_of
from collectors.events.reading import read_binary
from collectors.json_values import BadJson
from controltower.domain.facts import FAILED, OK
from controltower.domain.identifiers import Identifier
from controltower.domain.times import to_us
from tests.collectors.estate import NOW_US, an_event, as_json


def read(**changes):
    return read_event(as_json(an_event(**changes)), received_us=NOW_US)


def read_data(**data):
    return read(data=data)


def headers_of(event):
    named = {f"ce-{name}".encode(): str(value).encode() for name, value in event.items() if name != "data"}
    named[b"content-type"] = named.pop(b"ce-datacontenttype", b"")
    return named


def test_an_event_keeps_what_the_source_said():
    payload = as_json(an_event())

    event = read_event(payload, received_us=NOW_US)

    assert (event.source, event.id, event.type) == (
        "https://shop.example/erp",
        "e-1",
        "com.acme.order.posted",
    )
    assert event.occurred_us == 1_767_255_300_000_000
    assert event.identifiers == (Identifier("correlation", "c-1"), Identifier("order", "1001"))
    assert (event.amount, event.currency, event.system) == ("129.9", "EUR", "erp")
    assert (event.payload, event.content_type) == (payload, "application/cloudevents+json")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"specversion": None}, "missing_attribute"),
        ({"specversion": "0.3"}, "unsupported_version"),
        ({"specversion": 1.0}, "bad_attribute"),
        ({"specversion": "2.0"}, "bad_attribute"),
        ({"id": None}, "missing_attribute"),
        ({"id": ""}, "missing_attribute"),
        ({"id": 17}, "bad_attribute"),
        ({"id": "x" * 1025}, "too_long"),
        ({"id": "a\0b"}, "bad_attribute"),
        ({"id": "a\nb"}, "bad_attribute"),
        ({"source": ""}, "missing_attribute"),
        ({"source": {"a": 1}}, "bad_attribute"),
        ({"type": None}, "missing_attribute"),
        ({"time": "2026-01-01T08:15:00"}, "bad_time"),
        ({"time": "yesterday"}, "bad_time"),
        ({"time": "2026-13-01T08:15:00Z"}, "bad_time"),
        ({"time": 1767225600}, "bad_time"),
        ({"time": "0001-01-01T00:00:00Z"}, "bad_time"),
        ({"time": "9999-12-31T23:59:59-05:00"}, "bad_time"),
        ({"data_base64": "eyJhIjoxfQ=="}, "bad_data"),
        ({"data": None, "data_base64": "not base64"}, "bad_data"),
        ({"data": None, "data_base64": "é"}, "bad_data"),
        ({"data": None, "data_base64": 5}, "bad_data"),
        ({"data": None, "data_base64": "bm90IGpzb24="}, "bad_data"),
        ({"datacontenttype": 5}, "bad_attribute"),
    ],
)
def test_an_event_that_breaks_a_rule_is_refused_with_the_rule(changes, reason):
    with pytest.raises(BadEvent) as refused:
        read(**changes)

    assert refused.value.reason == reason


@pytest.mark.parametrize(
    "body", [b"", b"{", b"{} {}", b'{"a":NaN}', b'"\xff"', b"[" * 50_000, b'{"a":' * 50_000]
)
def test_what_is_not_one_json_document_is_refused(body):
    with pytest.raises(BadJson):
        read_event(body, received_us=NOW_US)


@pytest.mark.parametrize("body", [b"[]", b"5", b'"x"', b"null"])
def test_json_that_is_no_object_is_refused(body):
    with pytest.raises(BadEvent):
        read_event(body, received_us=NOW_US)


def test_a_null_attribute_is_unset():
    body = json.dumps(an_event(id="n", time=None) | {"time": None, "subject": None, "data": None}).encode()

    event = read_event(body, received_us=NOW_US)

    assert event.occurred_us == NOW_US
    assert event.digest == read(id="n", time=None, data=None).digest


@pytest.mark.parametrize(
    ("time", "micros"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01t00:00:01z", 1_000_000),
        ("1970-01-01T02:00:00+02:00", 0),
        ("1970-01-01T00:00:00.000001Z", 1),
        ("1970-01-01T00:00:00.123456789Z", 123_457),
        ("2016-12-31T23:59:60Z", 1_483_228_800_000_000),
    ],
)
def test_times_are_rfc_3339(time, micros):
    assert read_time_us(time) == micros


@given(st.datetimes(datetime(1971, 1, 1), datetime(2199, 1, 1), timezones=st.timezones()))  # noqa: DTZ001
def test_every_time_with_a_zone_is_the_same_moment(moment):
    offset = moment.utcoffset()
    if offset is not None and offset.total_seconds() % 60 == 0:
        assert read_time_us(moment.isoformat()) == to_us(moment)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1001", ["1001"]),
        (["a", "b", "a"], ["a", "b"]),
        (9007199254740993, ["9007199254740993"]),
        (123456789012345678901234567890, ["123456789012345678901234567890"]),
        (" padded ", ["padded"]),
        ("nul\0", ["nul\ufffd"]),
        ([], []),
        (None, []),
        (True, []),
        ({"nested": 1}, []),
        ("", []),
    ],
)
def test_identifiers_keep_every_digit(value, expected):
    event = read(correlationid=None, data={"identifiers": {"order": value}})

    assert event.identifiers == tuple(Identifier("order", text) for text in expected)


def test_a_number_with_a_fraction_is_an_identifier_as_it_was_written():
    body = b'{"specversion":"1.0","id":"1","source":"s","type":"t","data":{"identifiers":{"order":1001.10}}}'

    assert read_event(body, received_us=0).identifiers == (Identifier("order", "1001.10"),)


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        ("order/1001", [Identifier("order", "1001")]),
        ("tracking/1Z/999", [Identifier("tracking", "1Z/999")]),
        ("email/j@x.example", [Identifier("email", "j@x.example")]),
        ("blob/1001", []),
        ("order", []),
        ("order/", []),
    ],
)
def test_a_subject_of_a_known_kind_is_an_identifier(subject, expected):
    assert list(read(correlationid=None, subject=subject, data=None).identifiers) == expected


def test_a_customer_may_be_a_name_or_an_object():
    described = read_data(customer={"name": "Jane Doe", "email": "Jane@X.example", "id": 7})

    assert described.customer == "Jane Doe"
    assert described.identifiers[1:] == (Identifier("email", "jane@x.example"), Identifier("customer", "7"))
    assert read_data(customer="Jane Doe").customer == "Jane Doe"


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({}, OK),
        ({"type": "order.posted.failed"}, FAILED),
        ({"type": "order.posted.REJECTED"}, FAILED),
        ({"outcome": "failed"}, FAILED),
        ({"data": {"outcome": "Failed"}}, FAILED),
        ({"data": {"outcome": "error"}}, FAILED),
        ({"outcome": "ok"}, OK),
        ({"type": "order.posted.failed", "outcome": "ok"}, FAILED),
    ],
)
def test_an_event_fails_by_its_outcome_or_by_its_type(changes, outcome):
    assert read(**changes).outcome == outcome


def test_an_error_has_a_code_and_a_message():
    event = read_data(error={"code": "SKU_UNMAPPED", "message": "no SKU"})

    assert (event.error_code, event.error_message) == ("SKU_UNMAPPED", "no SKU")
    assert read_data(error="Insufficient funds").error_message == "Insufficient funds"


@pytest.mark.parametrize(
    ("amount", "expected"),
    [("129.90", "129.90"), ("-5", "-5"), (5, "5"), ("1,234.50", ""), ("EUR 5", ""), ("NaN", ""), ("1.", "")],
)
def test_an_amount_is_a_plain_decimal_number(amount, expected):
    assert read_data(total={"amount": amount, "currency": "EUR"}).amount == expected


@given(
    st.dictionaries(
        st.sampled_from(
            ["identifiers", "system", "customer", "total", "error", "status", "channel", "outcome"]
        ),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
            lambda part: st.lists(part) | st.dictionaries(st.text(), part),
            max_leaves=5,
        ),
    )
)
def test_data_of_any_shape_never_refuse_an_event(data):
    text = json.dumps(an_event(data=data), allow_nan=False, default=str) if _is_json(data) else None
    if text is not None:
        assert read_event(text.encode(), received_us=0).id == "e-1"


def _is_json(data):
    try:
        json.dumps(data, allow_nan=False).encode()
    except ValueError:
        return False
    return "\\ud" not in json.dumps(data)


@pytest.mark.parametrize(
    ("source", "system"),
    [
        ("/mycontext/erp", "erp"),
        ("https://shop.example/erp/", "erp"),
        ("https://shop.example", "shop.example"),
        ("urn:uuid:6e8bc430", "urn:uuid:6e8bc430"),
        ("erp?region=eu#1", "erp"),
        ("/", "/"),
    ],
)
def test_the_system_is_the_last_segment_of_the_source(source, system):
    assert system_of(source) == system


TRACE = "0af7651916cd43dd8448eb211c80319c"


@pytest.mark.parametrize(
    ("traceparent", "expected"),
    [
        (f"00-{TRACE}-b9c7c989f97918e1-01", TRACE),
        (f"00-{'0' * 32}-b9c7c989f97918e1-01", ""),
        (f"{TRACE}-b9c7c989f97918e1-01", ""),
        ("00-xyz-b9c7c989f97918e1-01", ""),
        (5, ""),
        (None, ""),
    ],
)
def test_a_broken_traceparent_is_ignored(traceparent, expected):
    assert trace_id_of(traceparent).hex() == expected


def test_the_same_event_has_one_digest_in_every_form():
    event = an_event(comexampleothervalue=5, isurgent=True) | {"isurgent": True}
    structured = read_event(as_json(event), received_us=1)
    spaced = read_event(json.dumps(dict(reversed(event.items())), indent=2).encode(), received_us=2)
    headers = headers_of(event) | {b"ce-isurgent": b"true"}
    binary = read_binary(headers, json.dumps(event["data"], indent=1).encode(), received_us=3)

    assert structured.digest == spaced.digest == binary.digest


@pytest.mark.parametrize(
    "change",
    [
        {"id": "e-2"},
        {"source": "/other"},
        {"type": "x"},
        {"time": "2026-01-02T00:00:00Z"},
        {"subject": "order/1"},
        {"correlationid": "c-2"},
        {"data": {"a": 1}},
        {"data": None},
        {"extra": "x"},
    ],
)
def test_an_event_that_says_something_else_has_another_digest(change):
    assert read(**change).digest != read().digest


def test_the_receiving_time_is_no_part_of_an_event():
    body = as_json(an_event(time=None))

    assert read_event(body, received_us=1).digest == read_event(body, received_us=2).digest


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text(), part, max_size=3),
    max_leaves=8,
)


@given(data=json_values)
def test_structured_and_binary_agree_on_any_data(data):
    event = an_event() | {"data": data}
    if "\\ud" in json.dumps(event):
        return
    structured = read_event(as_json(event), received_us=1)
    binary = read_binary(headers_of(event), as_json(data), received_us=1)

    assert structured.digest == binary.digest
    assert read_event(binary.payload, received_us=1)._replace(payload=binary.payload) == binary


def test_text_and_bytes_agree_in_structured_and_binary_form():
    text = an_event(datacontenttype="text/xml", data="<msg>Hello, 🌎!</msg>")
    raw = an_event(datacontenttype="application/octet-stream", data=None, data_base64="8J+koQ==")
    sent = {name: value for name, value in raw.items() if name != "data_base64"}

    assert (
        read_binary(headers_of(text), text["data"].encode(), received_us=1).digest
        == read_event(as_json(text), received_us=1).digest
    )
    assert (
        read_binary(headers_of(sent), "🤡".encode(), received_us=1).digest
        == read_event(as_json(raw), received_us=1).digest
    )


def test_json_in_base64_says_what_the_same_json_says():
    encoded = an_event(data=None, data_base64="eyJpZGVudGlmaWVycyI6eyJvcmRlciI6IjEifX0=")

    assert (
        read(data={"identifiers": {"order": "1"}})._replace(payload=b"")
        == read_event(as_json(encoded), received_us=NOW_US)._replace(payload=b"")
    )


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"plain", "plain"),
        (b"Euro%20%E2%82%AC%20%F0%9F%98%80", "Euro € 😀"),
        ("Euro €".encode(), "Euro €"),
        (rb'"quoted \"text\""', 'quoted "text"'),
    ],
)
def test_header_values_are_decoded_as_the_binding_says(value, expected):
    headers = headers_of(an_event()) | {b"ce-id": value}

    assert read_binary(headers, b"{}", received_us=1).id == expected


@pytest.mark.parametrize("header", [{b"ce-id": b"%FF"}, {b"ce-data": b"x"}])
def test_a_header_that_cannot_be_an_attribute_is_refused(header):
    with pytest.raises(BadEvent):
        read_binary(headers_of(an_event()) | header, b"{}", received_us=1)


def test_a_body_cannot_smuggle_attributes_into_a_binary_event():
    with pytest.raises(BadEvent):
        read_binary(headers_of(an_event()), b'1,"id":"other"', received_us=1)
