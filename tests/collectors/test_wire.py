"""The second declaration of the trace messages reads and writes the same bytes as opentelemetry-proto."""

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1 import trace_pb2

from collectors.otlp import wire
from tests.collectors.trace_bytes import attributes, part, requests, span_bytes


@given(requests())
def test_spans_are_cut_out_where_the_full_declaration_finds_them(body: bytes):
    full, cut = ExportTraceServiceRequest.FromString(body), wire.TracesData.FromString(body)
    assert len(full.resource_spans) == len(cut.resource_spans)
    for resource, cut_resource in zip(full.resource_spans, cut.resource_spans, strict=True):
        assert len(resource.scope_spans) == len(cut_resource.scope_spans)
        for scope, cut_scope in zip(resource.scope_spans, cut_resource.scope_spans, strict=True):
            assert [trace_pb2.Span.FromString(raw) for raw in cut_scope.spans] == list(scope.spans)


@given(requests())
def test_joining_the_parts_again_gives_the_same_message(body: bytes):
    cut = wire.TracesData.FromString(body)
    joined = b"".join(wire.field(0x0A, joined_resource(resource)) for resource in cut.resource_spans)
    assert known(ExportTraceServiceRequest.FromString(joined)) == known(
        ExportTraceServiceRequest.FromString(body)
    )


def joined_resource(cut: wire.TracesData) -> bytes:
    scopes = [
        [wire.field(0x0A, raw) for raw in scope.scope]
        + [wire.field(0x12, raw) for raw in scope.spans]
        + [wire.field(0x1A, raw) for raw in scope.schema_url]
        for scope in cut.scope_spans
    ]
    parts = [wire.field(0x0A, raw) for raw in cut.resource]
    parts += [wire.field(0x12, b"".join(scope)) for scope in scopes]
    return b"".join([*parts, *[wire.field(0x1A, raw) for raw in cut.schema_url]])


def known(request: ExportTraceServiceRequest) -> ExportTraceServiceRequest:
    """Without fields that OTLP does not have; only those inside of spans are kept."""
    request.DiscardUnknownFields()
    return request


@given(span_bytes(), st.data())
def test_attributes_are_cut_out_of_a_span(raw: bytes, data: st.DataObject):
    more = [part(9, attribute.SerializeToString()) for attribute in data.draw(attributes)]
    raw = b"".join([raw, *more])
    cut = [KeyValue.FromString(attribute) for attribute in wire.Span.FromString(raw).attributes]
    assert cut == list(trace_pb2.Span.FromString(raw).attributes)


@pytest.mark.parametrize("size", [0, 1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152, 5_000_000])
def test_a_field_of_any_length_is_written_as_protobuf_writes_it(size: int):
    value = bytes(size)
    written = trace_pb2.ScopeSpans(schema_url=value.decode()).SerializeToString()
    assert wire.field(0x1A, value) == (written or b"\x1a\x00")


def test_what_is_not_well_formed_outside_of_the_leaves_is_refused():
    with pytest.raises(DecodeError):
        wire.TracesData.FromString(b"\x0a\x05\x12\x09")
