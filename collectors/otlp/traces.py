"""OTLP trace requests into trace segments: the spans of one trace in one request.

opentelemetry-proto decodes the request once, which proves that every byte of it is well-formed; what a
segment says of its spans is read from there, and the bytes of the spans are cut out as they came
(domain.otlp_wire). A request is kept as the bytes it is. Only one that is large, or of which spans are
refused, is put together anew, sorted by trace.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from hashlib import sha1
from itertools import groupby, repeat
from operator import attrgetter, itemgetter
from typing import Any, NamedTuple

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from collectors.otlp.links import LinkRules
from controltower.domain.errors import BadPayload
from controltower.domain.facts import SpanSegment
from controltower.domain.otlp_wire import Envelope, TracesData

KEPT_WHOLE = 1024 * 1024  # bytes of a request; reading one trace means unpacking all that is kept with it
PART = 256 * 1024  # bytes of the parts that a larger one is sorted into

_TRACE_ID_LENGTHS = {16}
_SPAN_ID_LENGTHS = {8}
_NO_TRACE = bytes(16)
_NO_SPAN = bytes(8)
_DIGEST_BYTES = 8  # enough to tell the parts of one trace apart
_ERROR = Status.STATUS_CODE_ERROR
_MAX_BIGINT = (1 << 63) - 1
UNKNOWN_SERVICE = "unknown_service"

# One call into protobuf for a span, instead of one for each field.
_read_span = attrgetter("trace_id", "span_id", "start_time_unix_nano", "end_time_unix_nano", "status.code")


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
    reader = _Reader()
    for resource, cut_resource in zip(request.resource_spans, cut.resource_spans, strict=True):
        service = _service_of(resource)
        for scope, cut_scope in zip(resource.scope_spans, cut_resource.scope_spans, strict=True):
            reader.take(service, Envelope(cut_resource, cut_scope), scope.spans, cut_scope.spans)
    traces = reader.by_trace()
    if reader.rejected or len(body) > KEPT_WHOLE:
        parts = _sorted_by_trace(traces)
    else:
        parts = [body] * len(traces)
    names = rules.present_in(body)
    rejected = reader.rejected
    return TraceFacts(
        [_segment(spans, part, rules, names) for spans, part in zip(traces, parts, strict=True)],
        sum(map(len, traces)),
        rejected,
        f"{rejected} spans have no valid trace id (16 bytes) and span id (8 bytes)" if rejected else "",
        b"".join(reader.refused),
    )


def _service_of(resource_spans: Any) -> str:
    service = ""
    for attribute in resource_spans.resource.attributes:
        if attribute.key == "service.name":
            service = attribute.value.string_value
    return service or UNKNOWN_SERVICE


class _Reader:
    """Takes spans apart as far as is needed to sort them by trace."""

    def __init__(self) -> None:
        self.refused: list[bytes] = []
        self.rejected = 0
        self._spans: list[_Span] = []

    def take(self, service: str, envelope: Envelope, spans: Any, cut_spans: Any) -> None:
        """Take the spans of one ScopeSpans, as decoded and as cut."""
        rows = list(map(_read_span, spans))
        raws: list[bytes] = cut_spans[:]
        if not _have_ids(rows):
            refused = [raw for row, raw in zip(rows, raws, strict=True) if not _have_ids([row])]
            self.rejected += len(refused)
            self.refused.append(envelope.wrap(refused))
            raws = [raw for row, raw in zip(rows, raws, strict=True) if _have_ids([row])]
            rows = [row for row in rows if _have_ids([row])]
        if rows:
            fields = zip(*rows, strict=True)
            self._spans.extend(zip(*fields, raws, repeat(service), repeat(envelope)))  # noqa: B905

    def by_trace(self) -> list[list[_Span]]:
        """The spans of each trace, as they came."""
        self._spans.sort(key=_trace_id_of)
        return [list(spans) for _, spans in groupby(self._spans, _trace_id_of)]


# trace id, span id, start, end, status code, its bytes, its service, what stands around it
_Span = tuple[bytes, bytes, int, int, int, bytes, str, Envelope]
_trace_id_of = itemgetter(0)


def _segment(spans: Sequence[_Span], part: bytes, rules: LinkRules, names: list[bytes]) -> SpanSegment:
    (trace_id, *_), _, starts, ends, codes, raws, services, _ = zip(*spans, strict=True)
    raw = b"".join(raws)
    errors: Mapping[str, int] = {}
    if _ERROR in codes:
        errors = Counter([service for service, code in zip(services, codes, strict=True) if code == _ERROR])
    return SpanSegment(
        trace_id,
        sha1(raw, usedforsecurity=False).digest()[:_DIGEST_BYTES],
        len(spans),
        sum(errors.values()),
        min(*starts, _MAX_BIGINT),
        min(max(ends), _MAX_BIGINT),
        rules.of_segment(raw, raws, names) if names else (),
        tuple([(service, count, errors.get(service, 0)) for service, count in Counter(services).items()]),
        part,
    )


def _have_ids(rows: Sequence[tuple[Any, ...]]) -> bool:
    """Whether all of these spans have a trace and a span id."""
    trace_ids = {row[0] for row in rows}
    span_ids = {row[1] for row in rows}
    return (
        set(map(len, trace_ids)) <= _TRACE_ID_LENGTHS
        and set(map(len, span_ids)) <= _SPAN_ID_LENGTHS
        and _NO_TRACE not in trace_ids
        and _NO_SPAN not in span_ids
    )


def _sorted_by_trace(traces: Sequence[Sequence[_Span]]) -> list[bytes]:
    """For each trace, a TracesData that it shares with its neighbours."""
    parts: list[bytes] = []
    pending: list[bytes] = []
    size = 0
    for spans in traces:
        pending.append(_encode(spans))
        size += len(pending[-1])
        if size >= PART:
            parts += [b"".join(pending)] * len(pending)
            pending, size = [], 0
    return parts + [b"".join(pending)] * len(pending)


def _encode(spans: Sequence[_Span]) -> bytes:
    runs = groupby(spans, itemgetter(7))
    return b"".join([envelope.wrap([span[5] for span in run]) for envelope, run in runs])
