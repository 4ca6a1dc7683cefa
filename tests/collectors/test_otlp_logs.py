"""Logs: a record with an event name is an event, the others are counted."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)

from collectors.otlp.held import held_decoders
from collectors.otlp.links import DEFAULT_ATTRIBUTES
from collectors.otlp.logs import decode_logs
from controltower.domain.errors import BadPayload
from controltower.domain.facts import FAILED, OK
from controltower.domain.identifiers import Identifier
from tests.collectors.asgi import post
from tests.collectors.estate import NOW_US, PROTOBUF, an_app, an_exporter
from tests.fakes import FakeIngest

NOW = datetime(2026, 1, 1, tzinfo=UTC)
AT_NS = 1_767_225_600_000_000_123


def pairs(attributes):
    return [{"key": name, "value": value} for name, value in attributes.items()]


def text(value):
    return {"string_value": value}


def a_record(attributes=None, **members):
    record = {"time_unix_nano": AT_NS, "event_name": "order.posted", "attributes": pairs(attributes or {})}
    return {name: value for name, value in (record | members).items() if value is not None}


def a_request(*records, resource=None):
    named = {"service.name": text("erp"), **(resource or {})}
    part: Any = {"resource": {"attributes": pairs(named)}, "scope_logs": [{"log_records": records}]}
    return ExportLogsServiceRequest(resource_logs=[part]).SerializeToString()


def decode(*records, resource=None):
    body = a_request(*records, resource=resource)
    return decode_logs(body, kinds=DEFAULT_ATTRIBUTES, received_us=NOW_US)


def the_event(*arguments, **members):
    return decode(a_record(*arguments, **members)).events[0]


def test_a_named_record_is_an_event():
    event = the_event(
        {"correlation.id": text("c-1"), "order.id": {"int_value": 9007199254740993}},
        trace_id=b"t" * 16,
        span_id=b"s" * 8,
    )

    assert (event.type, event.source, event.system) == ("order.posted", "erp", "erp")
    assert event.occurred_us == AT_NS // 1000
    assert event.identifiers == (Identifier("correlation", "c-1"), Identifier("order", "9007199254740993"))
    assert (event.trace_id, event.outcome) == (b"t" * 16, OK)


def test_the_name_may_be_an_attribute():
    assert the_event({"event.name": text("order.released")}, event_name="").type == "order.released"


def test_a_service_in_a_namespace_is_its_own_source():
    event = decode(a_record(), resource={"service.namespace": text("eu")}).events[0]

    assert (event.source, event.system) == ("eu/erp", "erp")


def test_a_record_without_a_time_happened_when_it_was_seen_or_received():
    assert the_event(time_unix_nano=None, observed_time_unix_nano=5_000).occurred_us == 5
    assert the_event(time_unix_nano=None).occurred_us == NOW_US


def test_a_resent_record_is_the_same_event_and_another_is_not():
    first, again, other = the_event(), the_event(), the_event(time_unix_nano=AT_NS + 1)

    assert first == again
    assert first.digest != other.digest


def test_the_body_may_speak_the_canonical_keys():
    values = [
        {"key": "system", "value": text("wms")},
        {"key": "identifiers", "value": {"kvlist_value": {"values": [{"key": "order", "value": text("1")}]}}},
    ]

    event = the_event({"order.id": text("2")}, body={"kvlist_value": {"values": values}})

    assert event.system == "wms"
    assert event.identifiers == (Identifier("order", "1"),)


@pytest.mark.parametrize(
    ("attributes", "members", "outcome", "code", "message"),
    [
        ({"outcome": text("failed")}, {}, FAILED, "", ""),
        ({}, {"event_name": "order.posted.failed"}, FAILED, "", ""),
        (
            {"error.type": text("SKU_UNMAPPED")},
            {"severity_number": 17, "body": text("no SKU")},
            FAILED,
            "SKU_UNMAPPED",
            "no SKU",
        ),
        ({}, {"severity_number": 13, "body": text("careful")}, OK, "", ""),
    ],
)
def test_a_record_fails_by_its_outcome_type_or_severity(attributes, members, outcome, code, message):
    event = the_event(attributes, **members)

    assert (event.outcome, event.error_code, event.error_message) == (outcome, code, message)


def test_the_payload_is_a_cloudevent_with_all_that_the_record_said():
    event = the_event({"k": {"double_value": 1.5}, "raw": {"bytes_value": b"\xff"}}, body=text("hello"))

    kept = json.loads(event.payload)
    assert (kept["specversion"], kept["type"]) == ("1.0", "order.posted")
    assert kept["data"]["log"]["body"] == "hello"
    assert kept["data"]["log"]["attributes"] == {"k": 1.5, "raw": "/w=="}
    assert kept["data"]["log"]["resource"] == {"service.name": "erp"}


def test_records_without_a_name_are_counted_by_service():
    facts = decode(a_record(event_name=""), a_record(event_name=""), a_record())

    assert facts.dropped == {("logs", "no_event_name", "erp"): 2}
    assert len(facts.events) == 1


def test_a_record_that_is_no_valid_event_is_a_partial_success_and_quarantined():
    ingest = FakeIngest()
    body = a_request(a_record(), a_record(event_name="x" * 2000))

    reply = post(an_app(ingest), "/v1/logs", body, PROTOBUF)

    partial = ExportLogsServiceResponse.FromString(reply.body).partial_success
    assert (partial.rejected_log_records, "type: is longer" in partial.error_message) == (1, True)
    assert len(ingest.events) == 1
    assert (ingest.quarantined[0].edge, ingest.quarantined[0].reason) == ("otlp-logs", "too_long")


def test_a_quarantined_record_can_be_submitted_again_as_the_event_it_was_to_be():
    ingest = FakeIngest()
    post(an_app(ingest), "/v1/logs", a_request(a_record(event_name="x" * 2000)), PROTOBUF)
    held = ingest.quarantined[0]
    decode = held_decoders(an_exporter(ingest))[held.edge]

    batch = decode(held.payload.replace(b"x" * 2000, b"order.posted"), held.content_type, {}, NOW)

    assert [(event.type, event.source) for event in batch.events] == [("order.posted", "erp")]


def test_what_is_no_request_is_refused():
    with pytest.raises(BadPayload):
        decode_logs(b"\xff", kinds={}, received_us=NOW_US)
