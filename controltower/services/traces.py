"""Traces out of the store: stored OTLP bytes become spans, each span once."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from google.protobuf.message import DecodeError
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span as SpanMessage
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from controltower.domain.spans import (
    UNKNOWN_SERVICE,
    Span,
    SpanEvent,
    SpanKind,
    SpanLink,
    SpanStatus,
    Value,
)
from controltower.store import traces as store
from controltower.store.engine import Database, reading

_KINDS: tuple[SpanKind, ...] = ("unspecified", "internal", "server", "client", "producer", "consumer")
_STATUSES: tuple[SpanStatus, ...] = ("unset", "ok", "error")
_SERVICE_NAME = "service.name"


class Decoded(NamedTuple):
    """The spans of a trace, and how many of its stored parts could not be read."""

    spans: list[Span]
    unreadable: int


def read_trace(db: Database, trace_id: bytes) -> list[Span]:
    """The spans of a trace, each once; empty when the trace is unknown."""
    with reading(db) as c:
        segments = store.trace_segments(c, trace_id)
    return decode_segments(segments).spans


def list_traces(
    db: Database, *, before: store.Cursor | None = None, limit: int = 50, service: str = ""
) -> store.TracePage:
    """A page of traces, newest received first, of all services or of those in which `service` has a span."""
    named = _named(service) if service else b""
    with reading(db) as c:
        return store.list_traces(c, before=before, limit=limit, containing=named)


def decode_segments(segments: Iterable[bytes]) -> Decoded:
    """Spans from stored TracesData, by span id; of those that share an id the least in content is kept.

    The order and repetition of segments does not matter, and nothing in them makes this raise.
    """
    kept: dict[bytes, tuple[bytes, Span]] = {}
    nameless: dict[bytes, Span] = {}
    unreadable = 0
    for segment in segments:
        try:
            message = TracesData.FromString(segment)
        except DecodeError:
            unreadable += 1
            continue
        for content, span in _spans(message):
            if not span.span_id:
                nameless[content] = span
            elif span.span_id not in kept or content < kept[span.span_id][0]:
                kept[span.span_id] = (content, span)
    spans = [kept[span_id][1] for span_id in sorted(kept)]
    return Decoded(spans + [nameless[content] for content in sorted(nameless)], unreadable)


def _named(service: str) -> bytes:
    """How a resource names its service in the bytes of TracesData."""
    pair = KeyValue(key=_SERVICE_NAME, value=AnyValue(string_value=service))
    return pair.SerializeToString()


def _spans(message: TracesData) -> Iterator[tuple[bytes, Span]]:
    for group in message.resource_spans:
        resource = _attributes(group.resource.attributes)
        named = resource.get(_SERVICE_NAME)
        service = named if isinstance(named, str) and named else UNKNOWN_SERVICE
        for scope in group.scope_spans:
            for span in scope.spans:
                content = span.SerializeToString(deterministic=True) + b"\0" + service.encode()
                yield content, _span(span, service, scope.scope, resource)


def _span(span: SpanMessage, service: str, scope: InstrumentationScope, resource: dict[str, Value]) -> Span:
    return Span(
        trace_id=span.trace_id,
        span_id=span.span_id,
        parent_id=span.parent_span_id if any(span.parent_span_id) else b"",
        name=span.name,
        kind=_KINDS[span.kind] if 0 <= span.kind < len(_KINDS) else "unspecified",
        service=service,
        scope=scope.name,
        start_ns=span.start_time_unix_nano,
        end_ns=span.end_time_unix_nano,
        status=_STATUSES[span.status.code] if 0 <= span.status.code < len(_STATUSES) else "unset",
        status_message=span.status.message,
        attributes=_attributes(span.attributes),
        events=tuple(SpanEvent(e.name, e.time_unix_nano, _attributes(e.attributes)) for e in span.events),
        links=tuple(SpanLink(li.trace_id, li.span_id, _attributes(li.attributes)) for li in span.links),
        resource=resource,
    )


def _attributes(pairs: Iterable[KeyValue]) -> dict[str, Value]:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: AnyValue) -> Value:
    """Arrays and maps keep their shape; bytes become base64, as OTLP/JSON writes them."""
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    if kind == "array_value":
        return [_value(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return _attributes(value.kvlist_value.values)
    if kind == "bytes_value":
        return b64encode(value.bytes_value).decode()
    plain: str | bool | int | float = getattr(value, kind)
    return plain
