"""What spans tell of flows: read from OTLP as it was stored."""

from opentelemetry.proto.trace.v1.trace_pb2 import Status, TracesData

from controltower.domain.flows import Call
from controltower.domain.spans import UNKNOWN_SERVICE
from controltower.services.flows import read_calls
from controltower.store.span_samples import SpanSample

TRACE, OTHER = b"t" * 16, b"o" * 16


def some_spans(service: str, *, trace: bytes = TRACE, error: bool = False) -> bytes:
    """One span of a service, as a request has it."""
    message = TracesData()
    group = message.resource_spans.add()
    if service:
        group.resource.attributes.add(key="service.name").value.string_value = service
    span = group.scope_spans.add().spans.add()
    span.trace_id, span.span_id, span.parent_span_id = trace, b"12345678", bytes(8)
    span.start_time_unix_nano, span.end_time_unix_nano = 10, 20
    span.status.code = Status.STATUS_CODE_ERROR if error else Status.STATUS_CODE_UNSET
    return message.SerializeToString()


def read(*contents: bytes) -> list[Call]:
    return list(read_calls(SpanSample(frozenset({TRACE}), contents, True, None)))


def test_a_span_is_read_with_its_service():
    assert read(some_spans("shop", error=True)) == [Call(TRACE, b"12345678", b"", "shop", 10, 20, True)]


def test_spans_of_other_traces_in_the_same_bytes_are_passed_over():
    assert read(some_spans("shop", trace=OTHER)) == []


def test_what_was_stored_twice_is_read_once():
    assert len(read(some_spans("shop"), some_spans("shop"))) == 1


def test_bytes_that_are_no_spans_do_no_harm():
    assert [call.service for call in read(b"\xff\xff", some_spans("shop"))] == ["shop"]


def test_a_span_without_a_service_is_called_as_opentelemetry_does():
    assert [call.service for call in read(some_spans(""))] == [UNKNOWN_SERVICE]
