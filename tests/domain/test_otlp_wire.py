"""The second declaration of the trace messages reads and writes the same bytes as opentelemetry-proto."""

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1 import trace_pb2

from controltower.domain import otlp_wire as wire
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
def test_writing_what_was_read_gives_the_same_message(body: bytes):
    written = wire.TracesData.FromString(body).SerializeToString()
    assert known(ExportTraceServiceRequest.FromString(written)) == known(
        ExportTraceServiceRequest.FromString(body)
    )


def known(request: ExportTraceServiceRequest) -> list[object]:
    """What readers of OTLP look at: unknown fields may get another place among the known ones."""
    request.DiscardUnknownFields()
    return list(request.resource_spans)


@given(span_bytes(), st.data())
def test_attributes_are_cut_out_of_a_span(raw: bytes, data: st.DataObject):
    more = [part(9, attribute.SerializeToString()) for attribute in data.draw(attributes)]
    raw = b"".join([raw, *more])
    cut = [KeyValue.FromString(attribute) for attribute in wire.Span.FromString(raw).attributes]
    assert cut == list(trace_pb2.Span.FromString(raw).attributes)


def test_what_is_not_well_formed_outside_of_the_leaves_is_refused():
    with pytest.raises(DecodeError):
        wire.TracesData.FromString(b"\x0a\x05\x12\x09")
