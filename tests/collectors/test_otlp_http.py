"""OTLP/HTTP: status codes, encodings, partial success, quarantine."""

import gzip
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from collectors.http import Limits
from collectors.otlp.held import held_decoders
from collectors.refusals import Unauthorized
from controltower.domain.errors import BadPayload
from tests.collectors.asgi import post, request
from tests.collectors.estate import PROTOBUF, an_app, an_event, an_exporter
from tests.collectors.otlp_messages import otlp_json
from tests.fakes import FakeIngest

JSON = "application/json"
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def a_trace(*span_ids, trace_id=b"t" * 16):
    spans = [{"trace_id": trace_id, "span_id": span_id, "name": "s"} for span_id in span_ids or (b"s" * 8,)]
    part: Any = {"scope_spans": [{"spans": spans}]}
    return ExportTraceServiceRequest(resource_spans=[part])


GOOD = a_trace().SerializeToString()
GOOD_JSON = json.dumps(otlp_json(a_trace())).encode()


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        (PROTOBUF, GOOD, 200),
        ("application/protobuf", GOOD, 200),
        (PROTOBUF, b"", 200),
        (JSON, GOOD_JSON, 200),
        ("application/json; charset=utf-8", GOOD_JSON, 200),
        (JSON, b"{}", 200),
        (PROTOBUF, b"\xff\xff", 400),
        (PROTOBUF, GOOD_JSON, 400),
        (JSON, GOOD, 400),
        (JSON, b"", 400),
        (JSON, b"[]", 400),
        ("application/json; charset=utf-16", GOOD_JSON, 415),
        ("text/plain", GOOD_JSON, 415),
        ("", GOOD, 415),
        (PROTOBUF, GOOD * 300, 413),
    ],
)
def test_a_body_has_its_status(content_type, body, status):
    app = an_app(FakeIngest(), Limits(body=10_000))

    assert post(app, "/v1/traces", body, content_type).status == status


@pytest.mark.parametrize("path", ["/v1/traces", "/v1/metrics", "/v1/logs"])
def test_every_signal_has_its_address_and_takes_only_posts(path):
    app = an_app(FakeIngest())

    assert post(app, path, b"", PROTOBUF).status == 200
    assert request(app, "GET", path).status == 405


def test_a_reply_to_all_taken_is_empty_in_the_encoding_of_the_request():
    app = an_app(FakeIngest())

    protobuf = post(app, "/v1/traces", GOOD, PROTOBUF)
    as_json = post(app, "/v1/traces", GOOD_JSON, JSON)

    assert (protobuf.body, protobuf.headers["content-type"]) == (b"", PROTOBUF)
    assert (as_json.body, as_json.headers["content-type"]) == (b"{}", JSON)


def test_json_and_protobuf_store_the_same_segment():
    ingest = FakeIngest()
    app = an_app(ingest)

    post(app, "/v1/traces", GOOD, PROTOBUF)
    post(app, "/v1/traces", gzip.compress(GOOD_JSON), JSON, content_encoding="gzip")

    first, second = ingest.segments
    assert first == second


def test_spans_without_a_valid_id_are_a_partial_success():
    app = an_app(FakeIngest())
    message = a_trace(b"s" * 8, b"short", b"")

    protobuf = post(app, "/v1/traces", message.SerializeToString(), PROTOBUF)
    as_json = post(app, "/v1/traces", json.dumps(otlp_json(message)).encode(), JSON)

    partial = ExportTraceServiceResponse.FromString(protobuf.body).partial_success
    assert (protobuf.status, partial.rejected_spans) == (200, 2)
    assert "trace id" in partial.error_message
    assert as_json.json["partialSuccess"] == {"rejectedSpans": "2", "errorMessage": partial.error_message}


def test_a_refusal_is_a_status_in_the_encoding_of_the_request():
    app = an_app(FakeIngest())

    protobuf = post(app, "/v1/traces", b"\xff", PROTOBUF)
    as_json = post(app, "/v1/traces", b"{", JSON)

    status = Status.FromString(protobuf.body)
    assert (status.code, status.message) == (3, "not an ExportTraceServiceRequest in protobuf")
    assert as_json.json["code"] == 3


def test_what_cannot_be_read_is_quarantined_with_what_it_looks_like():
    ingest = FakeIngest()

    reply = post(an_app(ingest), "/v1/traces", json.dumps(an_event()).encode(), JSON)

    held = ingest.quarantined[0]
    assert reply.status == 400
    assert (held.edge, held.reason, held.content_type) == ("otlp-traces", "bad_payload", JSON)
    assert "looks like a CloudEvent" in held.message


def test_quarantined_otlp_can_be_submitted_again():
    decode = held_decoders(an_exporter(FakeIngest()))["otlp-traces"]

    with pytest.raises(BadPayload, match="looks like"):
        decode(b'{"specversion": "1.0"}', JSON, {}, NOW)
    with pytest.raises(BadPayload, match="no valid trace id"):
        decode(a_trace(b"short").SerializeToString(), PROTOBUF, {}, NOW)

    assert len(decode(GOOD_JSON, JSON, {}, NOW).segments) == 1


def test_an_answer_that_helps_to_retry():
    away, busy = FakeIngest(), FakeIngest()
    away.is_unavailable = True
    busy.overloads = -1

    unavailable = post(an_app(away), "/v1/traces", GOOD, PROTOBUF)
    overloaded = post(an_app(busy), "/v1/traces", GOOD, PROTOBUF)

    assert (unavailable.status, Status.FromString(unavailable.body).code) == (503, 14)
    assert (overloaded.status, Status.FromString(overloaded.body).code) == (429, 8)
    assert (unavailable.headers["retry-after"], overloaded.headers["retry-after"]) == ("5", "2")


def test_bad_input_while_the_store_is_away_is_to_be_sent_again():
    away = FakeIngest()
    away.is_unavailable = True

    assert post(an_app(away), "/v1/traces", b"\xff", PROTOBUF).status == 503


def test_an_exporter_without_a_token_is_told_in_its_encoding():
    def refuse(_headers):
        raise Unauthorized("a token is needed")

    reply = post(an_app(FakeIngest(), authorize=refuse), "/v1/traces", GOOD, PROTOBUF)

    assert (reply.status, Status.FromString(reply.body).code) == (401, 16)


def test_a_large_request_is_decoded_off_the_event_loop_with_the_same_result():
    ingest = FakeIngest()

    post(an_app(ingest, Limits(in_thread=1)), "/v1/traces", GOOD, PROTOBUF)

    assert [segment.trace_id for segment in ingest.segments] == [b"t" * 16]
