"""Spans as documents, so that mappings of the format ``span`` can tell events from them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from collectors.mapping.errors import BadDocument
from collectors.otlp.attributes import plain_map
from collectors.otlp.json_codec import message_from_json

UNKNOWN_SERVICE = "unknown_service"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_STATUS = {Status.STATUS_CODE_UNSET: "unset", Status.STATUS_CODE_OK: "ok", Status.STATUS_CODE_ERROR: "error"}


def decode_spans(data: bytes) -> list[object]:
    """The spans of an OTLP trace request, in JSON or protobuf, as documents; raises BadPayload."""
    if data.lstrip()[:1] == b"{":
        request = message_from_json(data, ExportTraceServiceRequest, "resourceSpans")
    else:
        try:
            request = ExportTraceServiceRequest.FromString(data)
        except DecodeError as exc:
            raise BadDocument("bad_spans", "not an ExportTraceServiceRequest in JSON or protobuf") from exc
    documents: list[object] = []
    for outer in request.resource_spans:
        resource = resource_of(outer.resource)
        for scope in outer.scope_spans:
            documents += [span_document(span, resource) for span in scope.spans]
    return documents


def resource_of(resource: Any) -> dict[str, object]:
    """The attributes of a resource."""
    return _values(plain_map(resource.attributes))


def span_document(span: Span, resource: Mapping[str, object]) -> dict[str, object]:
    """A span as expressions see it; numbers with a fraction are texts, as in every document."""
    return {
        "service": resource.get("service.name") or UNKNOWN_SERVICE,
        "name": span.name,
        "kind": Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_").lower()
        if span.kind in Span.SpanKind.values()
        else "unspecified",
        "status": _STATUS.get(span.status.code, "unset"),
        "status_message": span.status.message,
        "start": _moment(span.start_time_unix_nano),
        "end": _moment(span.end_time_unix_nano),
        "trace_id": span.trace_id.hex(),
        "span_id": span.span_id.hex(),
        "parent_id": span.parent_span_id.hex(),
        "attributes": _values(plain_map(span.attributes)),
        "resource": dict(resource),
        "events": [
            {
                "name": event.name,
                "time": _moment(event.time_unix_nano),
                "attributes": _values(plain_map(event.attributes)),
            }
            for event in span.events
        ],
    }


def _moment(nanoseconds: int) -> str:
    """A time of a span in RFC 3339, "" for none."""
    return (_EPOCH + timedelta(microseconds=nanoseconds // 1000)).isoformat() if nanoseconds else ""


def _values(members: Mapping[str, object]) -> dict[str, object]:
    return {name: _value(value) for name, value in members.items()}


def _value(value: object) -> object:
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, list):
        return [_value(item) for item in value]
    return _values(value) if isinstance(value, dict) else value
