"""OTLP logs into events: a record with an event name is a business event, the others are counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, NamedTuple

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import SeverityNumber

from collectors.cloudevents import JSON_EVENT, event_from_attributes
from collectors.json_values import canonical_json
from collectors.otlp.attributes import plain, plain_map
from controltower.domain.errors import BadPayload
from controltower.domain.facts import FAILED, Event, EventFault
from controltower.domain.identifiers import CORRELATION

UNKNOWN_SERVICE = "unknown_service"
MAX_NAMES = 100  # of services whose records are counted, per request
OTHER = "(other)"
_ERROR = SeverityNumber.SEVERITY_NUMBER_ERROR
_DATA_KEYS = ("identifiers", "system", "channel", "customer", "total", "status", "outcome", "error")


class LogFacts(NamedTuple):
    """What a logs request held."""

    events: list[Event]
    dropped: Counter[tuple[str, str, str]]  # records, by ("logs", reason, service)
    faults: list[EventFault]  # records with an event name that are no valid event


class _Resource(NamedTuple):
    service: str
    source: str
    attributes: dict[str, object]


def decode_logs(body: bytes, *, kinds: Mapping[str, str], received_us: int) -> LogFacts:
    """Read an ExportLogsServiceRequest; `kinds` says which attributes carry which kind of identifier.

    Raises BadPayload when the bytes are no such request.
    """
    try:
        request = ExportLogsServiceRequest.FromString(body)
    except DecodeError as exc:
        raise BadPayload("not an ExportLogsServiceRequest in protobuf") from exc
    events: list[Event] = []
    dropped: Counter[tuple[str, str, str]] = Counter()
    faults: list[EventFault] = []
    for resource_logs in request.resource_logs:
        resource = _resource_of(resource_logs.resource)
        for scope_logs in resource_logs.scope_logs:
            for record in scope_logs.log_records:
                envelope = _envelope_of(record, resource, kinds)
                if envelope is None:
                    _drop(dropped, resource.service)
                    continue
                time_ns = record.time_unix_nano or record.observed_time_unix_nano
                payload = canonical_json(envelope)
                try:
                    event = event_from_attributes(
                        envelope, payload, received_us=received_us, occurred_us=time_ns // 1000 or received_us
                    )
                except BadPayload as exc:
                    faults.append(EventFault(len(faults), exc.reason, str(exc), payload, JSON_EVENT))
                else:
                    events.append(event)
    return LogFacts(events, dropped, faults)


def _resource_of(resource: Any) -> _Resource:
    attributes = plain_map(resource.attributes)
    service = str(attributes.get("service.name") or UNKNOWN_SERVICE)
    namespace = attributes.get("service.namespace")
    return _Resource(service, f"{namespace}/{service}" if namespace else service, attributes)


def _drop(dropped: Counter[tuple[str, str, str]], service: str) -> None:
    key = ("logs", "no_event_name", service[:120])
    if key not in dropped and len(dropped) >= MAX_NAMES:
        key = ("logs", "no_event_name", OTHER)
    dropped[key] += 1


def _envelope_of(record: Any, resource: _Resource, kinds: Mapping[str, str]) -> dict[str, object] | None:
    """A record as a CloudEvent in the JSON format, None when it names no event."""
    attributes = plain_map(record.attributes)
    name = record.event_name or attributes.pop("event.name", None)
    if not name or not isinstance(name, str):
        return None
    envelope: dict[str, object] = {
        "specversion": "1.0",
        "id": _id_of(record, resource),
        "source": resource.source,
        "type": name,
    }
    correlation = _correlation(attributes, kinds)
    if correlation:
        envelope["correlationid"] = correlation
    if len(record.trace_id) == 16:
        span_id = record.span_id.hex() if len(record.span_id) == 8 else "0" * 16
        envelope["traceparent"] = f"00-{record.trace_id.hex()}-{span_id}-{record.flags & 0xFF:02x}"
    envelope["data"] = _data_of(record, attributes, resource, kinds)
    return envelope


def _id_of(record: Any, resource: _Resource) -> str:
    """An id by content: a log record has none, and a resent one must be the same event."""
    content = resource.source.encode() + b"\0" + record.SerializeToString(deterministic=True)
    return blake2b(content, digest_size=16).hexdigest()


def _correlation(attributes: Mapping[str, object], kinds: Mapping[str, str]) -> str:
    """The first correlation attribute in the order of `kinds`."""
    for name, kind in kinds.items():
        value = attributes.get(name)
        if kind == CORRELATION and isinstance(value, (str, int)) and value != "":
            return str(value)
    return ""


def _data_of(
    record: Any, attributes: dict[str, object], resource: _Resource, kinds: Mapping[str, str]
) -> dict[str, object]:
    """The data of the event: what the record says in the canonical keys, and all of it as it came."""
    body = plain(record.body)
    said = body if isinstance(body, dict) else {}
    data: dict[str, object] = {key: said[key] for key in _DATA_KEYS if key in said}
    data.setdefault("system", resource.service)
    for key in ("outcome", "channel", "status"):
        if key in attributes:
            data.setdefault(key, attributes[key])
    identifiers = {
        kind: attributes[name]
        for name, kind in reversed(tuple(kinds.items()))
        if name in attributes and kind != CORRELATION
    }
    if identifiers:
        declared = data.get("identifiers")
        data["identifiers"] = identifiers | (declared if isinstance(declared, dict) else {})
    if record.severity_number >= _ERROR:
        data.setdefault("outcome", FAILED)
        data.setdefault("error", _error_of(attributes, body))
    data["log"] = {
        "severity": record.severity_text,
        "body": body,
        "attributes": attributes,
        "resource": resource.attributes,
    }
    return data


def _error_of(attributes: Mapping[str, object], body: object) -> dict[str, object]:
    return {
        "code": attributes.get("error.type") or attributes.get("exception.type"),
        "message": attributes.get("exception.message") or (body if isinstance(body, str) else None),
    }
