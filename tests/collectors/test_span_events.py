"""Spans become business events by mapping; a request in which no needle stands is not looked at."""

import json

import pytest
from hypothesis import given
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collectors.mapping.catalogue import load_built_in
from collectors.mapping.errors import BadMapping
from collectors.mapping.language import parse_mapping
from collectors.mapping.tryout import try_out
from collectors.otlp import span_events
from collectors.otlp.json_codec import message_from_json
from collectors.otlp.links import DEFAULT_ATTRIBUTES, LinkRules
from collectors.otlp.span_documents import decode_spans, span_document
from collectors.otlp.span_events import SpanRules, span_rules
from collectors.otlp.traces import decode_traces
from controltower.domain.errors import BadPayload
from controltower.domain.identifiers import Identifier
from tests.collectors.estate import NOW_US, an_exporter
from tests.collectors.trace_bytes import requests
from tests.fakes import FakeIngest

TRACE, SPAN = "5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174"
END = 1_777_629_000_000_000_000

BY_NAME = parse_mapping(
    r"""
    name = "erp_spans"
    title = "Postings"
    source = "{service}"
    format = "span"
    topic = "{name}"
    data = { identifiers = { order = "{attributes.\"order.id\"}" }, took = "{attributes.took}" }
    [[events]]
    topics = ["erp.post_order"]
    where = { service = ["erp"] }
    when = "status != 'error'"
    type = "order.posted"
    id = "{span_id}"
    time = "{end}"
    [[events]]
    topics = ["erp.post_order"]
    where = { service = ["erp"] }
    when = "status == 'error'"
    type = "order.posted.failed"
    id = "{span_id}"
    time = "{end}"
    data = { error = { message = "{status_message}" } }
    """,
    "erp_spans.toml",
)
BY_NAME_TEXT = """
name = "erp_spans"
title = "Postings"
source = "{service}"
format = "span"
topic = "{name}"
[[events]]
topics = ["erp.post_order"]
type = "order.posted"
id = "{span_id}"
"""
RULES = SpanRules((BY_NAME,))


def attribute(key, value):
    kind = {str: "stringValue", int: "intValue", float: "doubleValue", bool: "boolValue"}[type(value)]
    return {"key": key, "value": {kind: str(value) if kind == "intValue" else value}}


def a_span(name="erp.post_order", *, code=0, message="", span=SPAN, **attributes):
    return {
        "traceId": TRACE,
        "spanId": span,
        "name": name,
        "kind": 3,
        "startTimeUnixNano": str(END - 5),
        "endTimeUnixNano": str(END),
        "status": {"code": code, "message": message},
        "attributes": [attribute(key.replace("__", "."), value) for key, value in attributes.items()],
    }


def a_request(*spans, service="erp"):
    resource = {"attributes": [attribute("service.name", service)]}
    return json.dumps({"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": spans}]}]}).encode()


def as_protobuf(body):
    return message_from_json(body, ExportTraceServiceRequest, "resourceSpans").SerializeToString()


def told(*spans, rules=RULES, service="erp"):
    return rules.tell(as_protobuf(a_request(*spans, service=service)), received_us=NOW_US)


def test_a_span_of_that_service_and_name_is_a_posting():
    (event,) = told(a_span(order__id=9007199254740993, took=1.5)).events
    assert (event.type, event.source, event.id) == ("order.posted", "erp", SPAN)
    assert event.occurred_us == END // 1000
    assert event.identifiers == (Identifier("order", "9007199254740993"),)
    assert json.loads(event.payload)["data"]["took"] == "1.5"
    assert json.loads(event.payload)["original"]["name"] == "erp.post_order"


def test_a_span_with_error_status_is_a_failed_posting():
    (event,) = told(a_span(code=2, message="SKU unmapped")).events
    assert (event.type, event.outcome, event.error_message) == (
        "order.posted.failed",
        "failed",
        "SKU unmapped",
    )


@pytest.mark.parametrize("span", [a_span("other"), a_span("other", note="erp.post_order"), a_span(span="00")])
def test_other_spans_tell_nothing_and_are_not_counted(span):
    outcome = told(span)
    assert (outcome.events, outcome.dropped) == ([], {})


def test_another_service_tells_nothing():
    assert told(a_span(), service="shop").events == []


def test_only_spans_in_which_a_needle_stands_are_decoded(monkeypatch):
    decoded: list[str] = []

    def document_of(span, resource):
        decoded.append(span.name)
        return span_document(span, resource)

    monkeypatch.setattr(span_events, "span_document", document_of)
    told(a_span("one"), a_span(), a_span("two"))
    assert decoded == ["erp.post_order"]
    monkeypatch.setattr(span_events, "TracesData", None)  # looking into it would fail
    assert told(a_span("one"), a_span("two")).events == []


def test_a_span_that_cannot_be_told_is_counted_and_stays_a_span():
    broken = parse_mapping(BY_NAME_TEXT.replace("{span_id}", "{missing}"), "broken.toml")
    outcome = told(a_span(), rules=SpanRules((broken,)))
    assert outcome.dropped == {("spans", "no_id", "erp_spans"): 1}


def test_needles_are_the_topics_or_must_be_said():
    assert parse_mapping(BY_NAME_TEXT, "spans.toml").needles == ("erp.post_order",)
    with pytest.raises(BadMapping, match="needles: expected texts"):
        parse_mapping(BY_NAME_TEXT.replace('topics = ["erp.post_order"]\n', ""), "spans.toml")


def test_a_span_may_say_itself_which_event_it_is():
    rules = span_rules([load_built_in("otel_spans"), load_built_in("shopify")])
    good = a_span("any", business__event="order.released", order__number="1001")
    bad = a_span(
        "any", code=2, span="eee19b7ec3c1b175", business__event="order.posted", error__type="Timeout"
    )
    released, posted = told(good, bad, rules=rules).events
    assert (released.type, released.trace_id.hex(), released.system) == ("order.released", TRACE, "erp")
    assert (posted.type, posted.error_code, posted.error_message) == ("order.posted.failed", "Timeout", "any")


def test_an_export_stores_the_events_with_their_spans():
    ingest = FakeIngest()
    exporter = an_exporter(ingest)
    export = type(exporter)(ingest, exporter.rules, exporter.kinds, exporter.now_us, exporter.limits, RULES)
    batch = export._traces(as_protobuf(a_request(a_span()))).batch
    assert [event.type for event in batch.events] == ["order.posted"]
    assert len(batch.segments) == 1


def test_the_same_spans_again_are_the_same_facts():
    assert told(a_span()).events[0].digest == told(a_span()).events[0].digest


@pytest.mark.parametrize("encode", [lambda body: body, as_protobuf])
def test_a_sample_of_spans_can_be_tried(encode):
    body = encode(a_request(a_span()))
    (tried,) = try_out(
        BY_NAME, body, {}, received_us=NOW_US, decode=lambda name, data, **_: decode_spans(data)
    )
    assert tried.events[0]["type"] == "order.posted"


def test_what_are_no_spans_cannot_be_tried():
    with pytest.raises(BadPayload):
        decode_spans(b"\xff")


@given(requests())
def test_any_request_that_is_taken_can_be_searched(body):
    """Whatever a writer may put on the wire; the needle is one that stands in every second of them."""
    everything = SpanRules(
        (parse_mapping(BY_NAME_TEXT.replace('"erp.post_order"', '"a", "s"'), "spans.toml"),)
    )
    try:
        facts = decode_traces(body, LinkRules(DEFAULT_ATTRIBUTES))
    except BadPayload:
        return
    assert len(everything.tell(body, received_us=NOW_US).events) <= facts.span_count
