"""OTLP in JSON says what the same request says in protobuf, also when it is written a little wrong."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collectors.otlp.json_codec import message_from_json
from controltower.domain.errors import BadPayload
from tests.collectors.otlp_messages import any_request, otlp_json

TRACE_ID = "5b8efff798038103d269b633813fc60c"
SPAN_ID = "eee19b7ec3c1b174"


def traces(document):
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return message_from_json(body, ExportTraceServiceRequest, "resourceSpans")


def a_request(**span):
    return {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}


def the_span(**members):
    return traces(a_request(**members)).resource_spans[0].scope_spans[0].spans[0]


@given(message=any_request)
def test_json_and_protobuf_say_the_same(message):
    body = json.dumps(otlp_json(message)).encode()

    assert message_from_json(body, type(message), "root") == message


@given(
    message=any_request,
    hex_ids=st.booleans(),
    names=st.booleans(),
    numbers=st.booleans(),
    defaults=st.booleans(),
)
def test_common_mistakes_change_nothing(message, hex_ids, names, numbers, defaults):
    document = otlp_json(
        message,
        hex_ids=hex_ids and not names,
        preserving_proto_field_name=names,
        use_integers_for_enums=numbers,
        always_print_fields_with_no_presence=defaults,
    )

    assert message_from_json(json.dumps(document).encode(), type(message), "root") == message


@pytest.mark.parametrize(
    ("member", "value", "expected"),
    [
        ("traceId", TRACE_ID, bytes.fromhex(TRACE_ID)),
        ("traceId", TRACE_ID.upper(), bytes.fromhex(TRACE_ID)),
        ("trace_id", TRACE_ID, bytes.fromhex(TRACE_ID)),
        ("traceId", "W47/95gDgQPSabYzgT/GDA==", bytes.fromhex(TRACE_ID)),
        ("traceId", "W47_95gDgQPSabYzgT_GDA", bytes.fromhex(TRACE_ID)),
        ("traceId", "", b""),
        ("traceId", "abcd", b"\xab\xcd"),
        ("traceId", None, b""),
        ("spanId", SPAN_ID, bytes.fromhex(SPAN_ID)),
        ("spanId", "7uGbfsPBsXQ=", bytes.fromhex(SPAN_ID)),
        ("spanId", "7uGbfsPBsXQ", bytes.fromhex(SPAN_ID)),
        ("kind", 2, 2),
        ("kind", "2", 2),
        ("kind", "SPAN_KIND_SERVER", 2),
        ("kind", 77, 77),
        ("startTimeUnixNano", "1544712660000000000", 1544712660000000000),
        ("startTimeUnixNano", 1544712660000000000, 1544712660000000000),
        ("startTimeUnixNano", 1.5e18, 1500000000000000000),
        ("droppedAttributesCount", "3", 3),
        ("name", 5, "5"),
    ],
)
def test_a_value_may_be_written_in_any_way_that_means_one_thing(member, value, expected):
    name = {"traceId": "trace_id", "spanId": "span_id", "startTimeUnixNano": "start_time_unix_nano"}
    field = name.get(member, "dropped_attributes_count" if member.startswith("dropped") else member)

    assert getattr(the_span(**{member: value}), field) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"doubleValue": "1.5"}, 1.5),
        ({"doubleValue": 3}, 3.0),
        ({"doubleValue": "Infinity"}, float("inf")),
        ({"doubleValue": "-Infinity"}, float("-inf")),
        ({"intValue": "-9223372036854775808"}, -(2**63)),
        ({"intValue": 9007199254740993}, 9007199254740993),
        ({"boolValue": "true"}, True),
        ({"bytesValue": "-_8="}, b"\xfb\xff"),
        ({"stringValue": 7}, "7"),
    ],
)
def test_an_attribute_value_may_be_written_in_any_way_that_means_one_thing(value, expected):
    attribute = the_span(attributes=[{"key": "k", "value": value}]).attributes[0].value

    assert getattr(attribute, attribute.WhichOneof("value")) == expected


def test_a_bare_nan_is_understood():
    body = json.dumps(a_request(attributes=[{"key": "k", "value": {"doubleValue": float("nan")}}])).encode()

    value = traces(body).resource_spans[0].scope_spans[0].spans[0].attributes[0].value

    assert value.double_value != value.double_value


def test_unknown_members_are_ignored():
    document = a_request(name="n", nonsense={"a": 1})
    document["resourceSpans"][0]["unheardOf"] = [1]

    assert traces(document) == traces(a_request(name="n"))


@pytest.mark.parametrize(
    ("span", "where"),
    [
        ({"traceId": "z" * 32}, r"resourceSpans\[0\].scopeSpans\[0\].spans\[0\].traceId: expected 32 hex"),
        ({"traceId": 5}, "traceId: expected 32 hex digits"),
        ({"kind": "SERVERISH"}, "kind: expected a number or one of SPAN_KIND_UNSPECIFIED"),
        ({"kind": True}, "kind: expected"),
        ({"startTimeUnixNano": "noon"}, "startTimeUnixNano: expected a number"),
        ({"startTimeUnixNano": -1}, "startTimeUnixNano"),
        ({"startTimeUnixNano": 2**64}, "startTimeUnixNano"),
        ({"startTimeUnixNano": 1.5}, "startTimeUnixNano: expected a whole number"),
        ({"attributes": {"a": 1}}, "attributes: expected an array"),
        ({"attributes": ["a"]}, r"attributes\[0\]: expected an object"),
        ({"attributes": [{"key": "k", "value": "bare"}]}, r"value: expected an object, found 'bare'"),
        ({"status": 2}, "status: expected an object"),
        ({"name": ["x"]}, "name: expected a text"),
    ],
)
def test_a_mistake_is_named_with_its_place(span, where):
    with pytest.raises(BadPayload, match=where):
        traces(a_request(**span))


@pytest.mark.parametrize(
    ("document", "looks_like"),
    [
        ([], "empty array"),
        (5, "bare value"),
        (None, "null"),
        ({"data": [{"spans": [{"traceID": "a"}]}]}, "Jaeger UI JSON"),
        ({"traceID": "a", "spans": [{"traceID": "a"}]}, "Jaeger UI JSON"),
        ([{"traceId": "a", "id": "b", "timestamp": 1}], "Zipkin JSON v2"),
        ([{"span_id": "a", "resources": {}}], "SigNoz"),
        ([{"resourceSpans": []}], "post each by itself"),
        ({"resourceLogs": []}, "OTLP logs.*/v1/logs"),
        ({"specversion": "1.0"}, "CloudEvent.*/api/v1/events"),
        ({"batches": []}, "Tempo"),
        ({"name": "x", "context": {}, "parent_id": None}, "console exporter"),
        ({"foo": 1, "bar": 2}, "this has bar, foo"),
    ],
)
def test_a_document_that_is_no_otlp_is_told_what_it_looks_like(document, looks_like):
    with pytest.raises(BadPayload, match=f"expected OTLP JSON, an object with resourceSpans; .*{looks_like}"):
        traces(document)


def _nested(depth):
    value: dict[str, Any] = {"intValue": 1}
    for _ in range(depth):
        value = {"arrayValue": {"values": [value]}}
    return a_request(attributes=[{"key": "k", "value": value}])


def test_values_may_be_nested_but_not_without_end():
    assert traces(_nested(10))
    for depth in (60, 200):
        with pytest.raises(BadPayload, match="nested"):
            traces(_nested(depth))


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 100_000, b'{"a":' * 100_000, b"\xff", b"[NaN" * 50_000])
def test_what_is_not_json_is_refused(body):
    with pytest.raises(BadPayload):
        traces(body)


@pytest.mark.parametrize(
    "kind", [ExportTraceServiceRequest, ExportMetricsServiceRequest, ExportLogsServiceRequest]
)
def test_an_empty_object_is_an_empty_request(kind):
    assert message_from_json(b"{}", kind, "root") == kind()
