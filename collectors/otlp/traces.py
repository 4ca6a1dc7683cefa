"""OTLP trace requests into trace segments: the spans of one trace in one request.

opentelemetry-proto decodes the request once, which proves that every byte of it is well-formed; the bytes of
the spans are then cut out as they came (collectors.otlp.wire), and grouped by trace. A segment
holds a complete `TracesData` message, resource and scope included.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from hashlib import sha1
from typing import Any, NamedTuple

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from collectors.otlp.links import LinkRules
from collectors.otlp.wire import (
    RESOURCE,
    RESOURCE_SPANS,
    SCHEMA_URL,
    SCOPE,
    SCOPE_SPANS,
    SPAN,
    TracesData,
    field,
    prefix,
)
from controltower.domain.errors import BadPayload
from controltower.domain.facts import SpanSegment

_TRACE_ID_BYTES = 16
_SPAN_ID_BYTES = 8
_DIGEST_BYTES = 8  # enough to tell the parts of one trace apart
_NO_TRACE = bytes(_TRACE_ID_BYTES)
_NO_SPAN = bytes(_SPAN_ID_BYTES)
_ERROR = Status.STATUS_CODE_ERROR
_MAX_BIGINT = (1 << 63) - 1
UNKNOWN_SERVICE = "unknown_service"


class TraceFacts(NamedTuple):
    """What a trace request held."""

    segments: list[SpanSegment]
    span_count: int  # accepted
    rejected: int  # spans whose trace or span id is not one
    message: str  # why, for partial_success; "" when nothing was rejected
    refused: bytes  # the rejected spans as a TracesData; empty when nothing was rejected


def decode_traces(body: bytes, rules: LinkRules) -> TraceFacts:
    """Cut an ExportTraceServiceRequest into segments.

    Raises BadPayload when the bytes are not a well-formed request.
    """
    try:
        request = ExportTraceServiceRequest.FromString(body)
        cut = TracesData.FromString(body)
    except DecodeError as exc:
        raise BadPayload("not an ExportTraceServiceRequest in protobuf") from exc
    names = rules.present_in(body)
    traces: dict[bytes, _Trace] = {}
    refused: list[bytes] = []
    rejected = 0
    for resource, cut_resource in zip(request.resource_spans, cut.resource_spans, strict=True):
        group = _ResourceGroup(resource, cut_resource)
        for scope, cut_scope in zip(resource.scope_spans, cut_resource.scope_spans, strict=True):
            part = _ScopeGroup(group, cut_scope)
            without_ids = _collect(scope, part, cut_scope.spans, traces)
            if without_ids:
                rejected += len(without_ids)
                refused.append(part.encode(without_ids))
    segments = [trace.segment(rules, names) for trace in traces.values() if trace.parts]
    return TraceFacts(
        segments,
        sum(segment.span_count for segment in segments),
        rejected,
        f"{rejected} spans have no valid trace id (16 bytes) and span id (8 bytes)" if rejected else "",
        b"".join(refused),
    )


class _ResourceGroup:
    """The parts of a ResourceSpans that every segment cut from it repeats."""

    __slots__ = ("head", "service", "tail")

    def __init__(self, resource: Any, cut: Any) -> None:
        self.head = b"".join([field(RESOURCE, part) for part in cut.resource])
        self.tail = b"".join([field(SCHEMA_URL, part) for part in cut.schema_url])
        self.service = UNKNOWN_SERVICE
        for attribute in resource.resource.attributes:
            if attribute.key == "service.name":
                self.service = attribute.value.string_value or UNKNOWN_SERVICE


class _ScopeGroup:
    """The parts of a ScopeSpans that every segment cut from it repeats."""

    __slots__ = ("group", "head", "service", "tail")

    def __init__(self, group: _ResourceGroup, cut: Any) -> None:
        self.group = group
        self.service = group.service
        self.head = b"".join([field(SCOPE, part) for part in cut.scope])
        self.tail = b"".join([field(SCHEMA_URL, part) for part in cut.schema_url])

    def encode(self, spans: list[bytes]) -> bytes:
        """A TracesData of these spans alone."""
        pieces = [self.head]
        for span in spans:
            pieces.append(prefix(SPAN, len(span)))
            pieces.append(span)
        pieces.append(self.tail)
        scope_spans = field(SCOPE_SPANS, b"".join(pieces))
        return field(RESOURCE_SPANS, self.group.head + scope_spans + self.group.tail)


class _Trace:
    """The spans of one trace, while the request is read."""

    __slots__ = ("end_ns", "errors", "id", "parts", "start_ns")

    def __init__(self, trace_id: bytes) -> None:
        self.id = trace_id
        self.parts: list[tuple[_ScopeGroup, list[bytes]]] = []
        self.errors: Counter[str] = Counter()
        self.start_ns = 1 << 63
        self.end_ns = 0

    def segment(self, rules: LinkRules, names: list[bytes]) -> SpanSegment:
        raw = b"".join([scope.encode(spans) for scope, spans in self.parts])
        links: tuple[Any, ...] = ()
        if names:
            links = rules.of_segment(raw, [span for _, spans in self.parts for span in spans], names)
        counts: dict[str, int] = {}
        for scope, spans in self.parts:
            counts[scope.service] = counts.get(scope.service, 0) + len(spans)
        errors = self.errors
        return SpanSegment(
            trace_id=self.id,
            digest=sha1(raw, usedforsecurity=False).digest()[:_DIGEST_BYTES],
            span_count=sum(counts.values()),
            error_count=sum(errors.values()),
            start_ns=min(self.start_ns, _MAX_BIGINT),
            end_ns=min(self.end_ns, _MAX_BIGINT),
            links=links,
            services=tuple([(service, count, errors[service]) for service, count in counts.items()]),
            raw=raw,
        )


def _collect(
    scope: Any, group: _ScopeGroup, cut_spans: Iterable[bytes], traces: dict[bytes, _Trace]
) -> list[bytes]:
    """Sort the spans of one ScopeSpans into their traces; returns those that have no valid ids."""
    here: dict[bytes, tuple[_Trace, list[bytes]]] = {}
    without_ids: list[bytes] = []
    for span, raw in zip(scope.spans, cut_spans, strict=True):
        trace_id, span_id = span.trace_id, span.span_id
        if len(span_id) != _SPAN_ID_BYTES or span_id == _NO_SPAN:
            without_ids.append(raw)
            continue
        entry = here.get(trace_id)
        if entry is None:
            if len(trace_id) != _TRACE_ID_BYTES or trace_id == _NO_TRACE:
                without_ids.append(raw)
                continue
            trace = traces.get(trace_id)
            if trace is None:
                trace = traces[trace_id] = _Trace(trace_id)
            entry = here[trace_id] = (trace, [])
            trace.parts.append((group, entry[1]))
        trace, spans = entry
        spans.append(raw)
        if span.HasField("status") and span.status.code == _ERROR:
            trace.errors[group.service] += 1
        start_ns, end_ns = span.start_time_unix_nano, span.end_time_unix_nano
        if start_ns < trace.start_ns:
            trace.start_ns = start_ns
        if end_ns > trace.end_ns:
            trace.end_ns = end_ns
    return without_ids
