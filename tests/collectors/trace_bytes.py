"""Trace requests as any writer may put them on the wire, and what decoding them span by span says.

Protobuf lets a writer send fields in any order, a part twice (the two are merged), and fields that the reader
does not know. Requests are therefore put together from bytes here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status, TracesData

from collectors.otlp.links import LinkRules
from collectors.otlp.traces import UNKNOWN_SERVICE
from controltower.domain.facts import SpanSegment
from controltower.domain.identifiers import Identifier
from controltower.domain.otlp_wire import extract

TRACES = [bytes([n]) * 16 for n in (1, 2, 3)]
NO_TRACE_IDS = [b"", bytes(16), b"short", b"s" * 17]
NO_SPAN_IDS = [b"", bytes(8), b"s" * 7]

texts = st.text(st.characters(codec="utf-8"), max_size=8)
uint64 = st.one_of(st.integers(0, 2**64 - 1), st.sampled_from([0, 2**63 - 1, 2**63, 2**64 - 1]))
# As proto.encode() of a field that no version of OTLP knows: a varint, 8 bytes, and some bytes.
unknown_fields = st.sampled_from([b"\xf8\xc2\x03\x07", b"\xf9\xc2\x03" + b"8" * 8, b"\xfa\xc2\x03\x03abc"])
any_values = st.one_of(
    texts.map(lambda v: AnyValue(string_value=v)),
    st.integers(-(2**63), 2**63 - 1).map(lambda v: AnyValue(int_value=v)),
    st.just(AnyValue(bool_value=True)),
    st.just(AnyValue()),
)
attributes = st.lists(st.builds(KeyValue, key=texts, value=any_values), max_size=2)


def part(number: int, value: bytes) -> bytes:
    """A length-delimited field, written as the protobuf documentation describes it."""
    length, size = bytearray(), len(value)
    while True:
        length.append(size & 0x7F | (0x80 if size > 0x7F else 0))
        size >>= 7
        if not size:
            return bytes((number << 3 | 2,)) + bytes(length) + value


@st.composite
def span_bytes(draw: st.DrawFn, carried: st.SearchStrategy[list[KeyValue]] = attributes) -> bytes:
    """One span; mostly of a valid trace and span id."""
    span = Span(
        trace_id=draw(st.sampled_from(TRACES * 3 + NO_TRACE_IDS)),
        span_id=draw(st.sampled_from([b"spanspan", b"SPANSPAN"] * 4 + NO_SPAN_IDS)),
        name=draw(texts),
        start_time_unix_nano=draw(uint64),
        end_time_unix_nano=draw(uint64),
        attributes=draw(carried),
        events=draw(st.lists(st.builds(Span.Event, name=texts, attributes=carried), max_size=1)),
        links=draw(st.lists(st.builds(Span.Link, attributes=carried), max_size=1)),
    )
    pieces = [span.SerializeToString()]
    pieces += [part(15, code.SerializeToString()) for code in draw(st.lists(statuses, max_size=2))]
    pieces += draw(st.lists(unknown_fields, max_size=1))
    pieces += [part(1, trace) for trace in draw(st.lists(st.sampled_from(TRACES), max_size=1))]
    return b"".join(draw(st.permutations(pieces)))


statuses = st.builds(Status, code=st.integers(0, 2), message=texts)
schema_urls = st.lists(texts.map(str.encode), max_size=2)
scopes = st.lists(st.builds(InstrumentationScope, name=texts, version=texts), max_size=2)
services = st.lists(
    st.builds(
        KeyValue,
        key=st.just("service.name"),
        value=st.sampled_from(["shop", "erp", ""]).map(lambda v: AnyValue(string_value=v)),
    ),
    max_size=2,
)
resources = st.lists(
    st.builds(Resource, attributes=st.tuples(services, attributes).map(lambda parts: parts[0] + parts[1])),
    max_size=2,
)


def requests(spans: st.SearchStrategy[bytes] | None = None) -> st.SearchStrategy[bytes]:
    """Whole requests: several resources and scopes, traces interleaved, empty, repeated and unknown parts."""
    scope_spans = _messages(1, scopes, 2, st.lists(span_bytes() if spans is None else spans, max_size=4))
    resource_spans = _messages(1, resources, 2, st.lists(scope_spans, max_size=3))
    pieces = st.tuples(
        st.lists(resource_spans.map(lambda value: part(1, value)), max_size=3),
        st.lists(unknown_fields, max_size=1),
    )
    return pieces.flatmap(lambda lists: st.permutations(lists[0] + lists[1])).map(b"".join)


def _messages(
    head_number: int,
    heads: st.SearchStrategy[list[Resource]] | st.SearchStrategy[list[InstrumentationScope]],
    item_number: int,
    items: st.SearchStrategy[list[bytes]],
) -> st.SearchStrategy[bytes]:
    """ResourceSpans or ScopeSpans: both have a head, items, and the URL of a schema, here in any order."""

    def written(parts: tuple[list[Resource], list[bytes], list[bytes], list[bytes]]) -> list[bytes]:
        head, inner, urls, unknown = parts
        pieces = [part(head_number, message.SerializeToString()) for message in head]
        pieces += [part(item_number, item) for item in inner]
        return [*pieces, *[part(3, url) for url in urls], *unknown]

    drawn = st.tuples(heads, items, schema_urls, st.lists(unknown_fields, max_size=1))
    return drawn.flatmap(lambda parts: st.permutations(written(parts))).map(b"".join)  # type: ignore[arg-type]


# What decoding says


class PlacedSpan(NamedTuple):
    """A span with everything above it, in a form that can be compared."""

    trace_id: bytes
    resource: bytes | None
    resource_schema: str
    scope: bytes | None
    scope_schema: str
    span: bytes


@dataclass
class TraceFigures:
    """What a segment should say of the spans of one trace."""

    spans: int = 0
    errors: int = 0
    start_ns: int = 2**63 - 1
    end_ns: int = 0
    services: Counter[str] = field(default_factory=Counter)
    service_errors: Counter[str] = field(default_factory=Counter)
    links: set[tuple[Identifier, ...]] = field(default_factory=set)


def is_valid(span: Span) -> bool:
    """Whether a span has a trace and a span id."""
    return len(span.trace_id) == 16 and len(span.span_id) == 8 and any(span.trace_id) and any(span.span_id)


def placed(resource_spans: Iterable[ResourceSpans], *, valid: bool = True) -> Counter[PlacedSpan]:
    """The valid spans of decoded messages (or the others), each with its resource and scope."""
    return Counter(
        PlacedSpan(
            span.trace_id,
            _bytes_of(outer.resource) if outer.HasField("resource") else None,
            outer.schema_url,
            _bytes_of(inner.scope) if inner.HasField("scope") else None,
            inner.schema_url,
            _bytes_of(span),
        )
        for outer in resource_spans
        for inner in outer.scope_spans
        for span in inner.spans
        if is_valid(span) is valid
    )


def _bytes_of(message: Resource | InstrumentationScope | Span | ScopeSpans) -> bytes:
    return message.SerializeToString(deterministic=True)


def figures_of(request: ExportTraceServiceRequest, rules: LinkRules) -> dict[bytes, TraceFigures]:
    """What the segments of a request should say."""
    found: dict[bytes, TraceFigures] = {}
    for outer in request.resource_spans:
        named = [a.value.string_value for a in outer.resource.attributes if a.key == "service.name"]
        service = (named or [""])[-1] or UNKNOWN_SERVICE
        for span in (span for inner in outer.scope_spans for span in inner.spans if is_valid(span)):
            trace = found.setdefault(span.trace_id, TraceFigures())
            is_error = span.status.code == Status.STATUS_CODE_ERROR
            trace.spans += 1
            trace.errors += is_error
            trace.start_ns = min(trace.start_ns, span.start_time_unix_nano)
            trace.end_ns = min(max(trace.end_ns, span.end_time_unix_nano), 2**63 - 1)
            trace.services[service] += 1
            trace.service_errors[service] += is_error
            if carried := rules.of_attributes(span.attributes):
                trace.links.add(carried)
    return found


def figures_in(segment: SpanSegment) -> TraceFigures:
    """What a segment says."""
    return TraceFigures(
        segment.span_count,
        segment.error_count,
        segment.start_ns,
        segment.end_ns,
        Counter({name: spans for name, spans, _ in segment.services}),
        Counter({name: errors for name, _, errors in segment.services}),
        set(segment.links),
    )


def content_of(segment: SpanSegment) -> TracesData:
    """The spans of a segment, as they are read out of what is kept of its request."""
    return TracesData.FromString(extract(segment.part, segment.trace_id))
