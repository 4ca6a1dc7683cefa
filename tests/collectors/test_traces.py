"""Segments hold every span of a request as it came, and say of it what decoding it says."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, TracesData

from collectors.otlp.links import DEFAULT_ATTRIBUTES, LinkRules
from collectors.otlp.traces import TraceFacts, decode_traces
from controltower.domain.errors import BadPayload
from tests.collectors.trace_bytes import (
    TRACES,
    content_of,
    figures_in,
    figures_of,
    is_valid,
    part,
    placed,
    requests,
)

RULES = LinkRules(DEFAULT_ATTRIBUTES)


def check(body: bytes) -> None:
    """Decoding a body span by span and cutting it into segments come to the same."""
    try:
        request = ExportTraceServiceRequest.FromString(body)
    except DecodeError:
        with pytest.raises(BadPayload):
            decode_traces(body, RULES)
        return
    facts = decode_traces(body, RULES)
    contents = [content_of(segment) for segment in facts.segments]
    assert placed(outer for content in contents for outer in content.resource_spans) == placed(
        request.resource_spans
    )
    for segment, content in zip(facts.segments, contents, strict=True):
        held = [
            span for outer in content.resource_spans for inner in outer.scope_spans for span in inner.spans
        ]
        assert {span.trace_id for span in held} == {segment.trace_id}
    assert {s.trace_id: figures_in(s) for s in facts.segments} == figures_of(request, RULES)
    assert len({segment.trace_id for segment in facts.segments}) == len(facts.segments)
    check_refused(facts, request)


def check_refused(facts: TraceFacts, request: ExportTraceServiceRequest) -> None:
    spans = [s for outer in request.resource_spans for inner in outer.scope_spans for s in inner.spans]
    valid = [span for span in spans if is_valid(span)]
    assert (facts.span_count, facts.rejected) == (len(valid), len(spans) - len(valid))
    assert bool(facts.message) == bool(facts.refused) == bool(facts.rejected)
    refused = TracesData.FromString(facts.refused).resource_spans
    assert placed(refused, valid=False) == placed(request.resource_spans, valid=False)
    assert placed(refused) == Counter()


@given(requests())
def test_the_spans_of_all_segments_are_the_spans_of_the_request(body: bytes):
    check(body)


@given(requests(), st.data())
def test_any_bytes_are_either_read_right_or_refused(body: bytes, data: st.DataObject):
    for _ in range(data.draw(st.integers(1, 4))):
        body = mutated(body, data)
    check(body)


def mutated(body: bytes, data: st.DataObject) -> bytes:
    """`body` with something lost, put in, overwritten or doubled."""
    start = data.draw(st.integers(0, len(body)))
    end = data.draw(st.integers(start, min(len(body), start + 20)))
    middle = data.draw(
        st.one_of(
            st.just(b""), st.binary(max_size=4), st.just(body[start:end] * 2), st.just(b"\xff\xff\xff\xff")
        )
    )
    return body[:start] + middle + body[end:]


@given(st.binary(max_size=60))
def test_random_bytes_are_either_read_right_or_refused(body: bytes):
    check(body)


@given(requests(), st.lists(requests(), max_size=3))
def test_the_same_request_again_gives_the_same_segments(body: bytes, others: list[bytes]):
    first = decode_traces(body, RULES)
    for other in others:
        decode_traces(other, RULES)
    assert decode_traces(body, RULES) == first
    # Also in another thread, where nothing was decoded before.
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(decode_traces, body, RULES).result() == first


def test_an_empty_request_holds_nothing():
    assert decode_traces(b"", RULES) == TraceFacts([], 0, 0, "", b"")


def test_a_truncated_request_is_refused_as_a_whole():
    body = a_request(Span(trace_id=TRACES[0], span_id=b"spanspan", name="x" * 300))
    for length in range(1, len(body)):
        with pytest.raises(BadPayload):
            decode_traces(body[:length], RULES)


def test_spans_without_ids_are_counted_and_the_others_are_kept():
    good = Span(trace_id=TRACES[0], span_id=b"spanspan")
    facts = decode_traces(a_request(good, Span(trace_id=TRACES[0]), Span(span_id=b"spanspan")), RULES)
    assert (facts.span_count, facts.rejected) == (1, 2)
    assert facts.message.startswith("2 spans")


def test_text_that_is_not_utf8_is_refused():
    span = Span(trace_id=TRACES[0], span_id=b"spanspan").SerializeToString() + part(5, b"\xff")
    with pytest.raises(BadPayload):
        decode_traces(part(1, part(2, part(2, span))), RULES)


def a_request(*spans: Span) -> bytes:
    return part(1, part(2, b"".join(part(2, span.SerializeToString()) for span in spans)))
