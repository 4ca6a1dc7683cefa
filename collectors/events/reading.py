"""From the body of one request to events and faults; quarantined bytes are tried again through it, too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from urllib.parse import unquote_to_bytes

import msgspec

from collectors.cloudevents import (
    JSON_BATCH,
    JSON_EVENT,
    BadEvent,
    data_from_bytes,
    event_from_attributes,
    read_event,
)
from collectors.json_values import BadJson, split_json_array
from collectors.media import MediaType, media_type
from controltower.domain.errors import BadPayload, UnsupportedMedia
from controltower.domain.facts import Event, EventFault

ATTRIBUTE_PREFIX = b"ce-"
_BINARY_MARKS = (b"ce-specversion", b"ce-id", b"ce-type", b"ce-source")
_JSON_LINES = frozenset(
    (
        "application/x-ndjson",
        "application/ndjson",
        "application/jsonl",
        "application/x-jsonlines",
        "application/cloudevents+x-ndjson",
        "application/cloudevents+ndjson",
        "application/cloudevents+jsonl",
    )
)
_TAKEN = f"{JSON_EVENT}, {JSON_BATCH}, application/json, application/x-ndjson, or any type with ce- headers"


class Mode(Enum):
    """How a request carries events."""

    STRUCTURED = "structured"
    BATCH = "batch"
    BINARY = "binary"
    JSON = "json"  # says only that it is JSON: an object is one event, an array a batch
    LINES = "lines"


@dataclass(slots=True)
class Reading:
    """What a request said: its events with their positions, and what could not become an event."""

    events: list[Event] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    faults: list[EventFault] = field(default_factory=list)
    is_whole: bool = False  # the one fault is about the request and not about an item

    def add(self, index: int, event: Event) -> None:
        """Add an event that stood at `index`."""
        self.events.append(event)
        self.positions.append(index)


def mode_of(headers: Mapping[bytes, bytes]) -> Mode:
    """How a request with these headers carries events; raises UnsupportedMedia, naming what is taken."""
    declared = headers.get(b"content-type", b"").decode("latin-1")
    media = media_type(declared)
    mode = _mode_of_type(media.name)
    if mode in (None, Mode.JSON) and any(mark in headers for mark in _BINARY_MARKS):
        return Mode.BINARY
    if mode is None:
        raise UnsupportedMedia(f"Content-Type {declared[:100]!r} is not one of: {_TAKEN}")
    if not media.is_utf8:
        raise UnsupportedMedia(f"JSON is UTF-8, but the charset is {media.charset!r}")
    return mode


def _mode_of_type(name: str) -> Mode | None:
    if name == JSON_EVENT:
        return Mode.STRUCTURED
    if name == "application/json":
        return Mode.JSON
    if name == JSON_BATCH:
        return Mode.BATCH
    return Mode.LINES if name in _JSON_LINES else None


def read_body(
    mode: Mode, headers: Mapping[bytes, bytes], body: bytes, *, received_us: int, max_event: int
) -> Reading:
    """Read a whole body in any mode but LINES; whatever is wrong becomes a fault."""
    if mode is Mode.JSON:
        mode = Mode.BATCH if body.lstrip()[:1] == b"[" else Mode.STRUCTURED
    if mode is Mode.BATCH:
        return _read_batch(body, received_us, max_event)
    reading = Reading()
    if mode is Mode.BINARY:
        read_one(reading, 0, body, received_us, headers)
    else:
        read_one(reading, 0, body, received_us)
    return reading


def read_one(
    reading: Reading, index: int, body: bytes, received_us: int, headers: Mapping[bytes, bytes] | None = None
) -> None:
    """Add what one event in the JSON format (or, with headers, in binary mode) says to `reading`."""
    try:
        if headers is None:
            event = read_event(body, received_us=received_us)
        else:
            event = read_binary(headers, body, received_us=received_us)
    except BadPayload as exc:
        declared = JSON_EVENT if headers is None else headers.get(b"content-type", b"").decode("latin-1")
        reading.faults.append(EventFault(index, exc.reason, str(exc), body, declared))
    else:
        reading.add(index, event)


def _read_batch(body: bytes, received_us: int, max_event: int) -> Reading:
    reading = Reading()
    try:
        items = split_json_array(body)
    except BadJson as exc:
        reading.faults.append(EventFault(0, exc.reason, str(exc), body, JSON_BATCH))
        reading.is_whole = True
        return reading
    for index, item in enumerate(items):
        payload = bytes(item)
        if len(payload) > max_event:
            reading.faults.append(too_large(index, payload, max_event))
        else:
            read_one(reading, index, payload, received_us)
    return reading


def too_large(index: int, payload: bytes, max_event: int) -> EventFault:
    """The fault of an item past the limit; only its beginning is kept."""
    message = f"the event is larger than the limit of {max_event} bytes; its beginning is kept"
    return EventFault(index, "too_large", message, payload[:max_event], JSON_EVENT)


def read_binary(headers: Mapping[bytes, bytes], body: bytes, *, received_us: int) -> Event:
    """Read an event in binary mode: attributes in ``ce-`` headers, the body is its data. Raises BadEvent.

    Kept is the event in the JSON format, with the body inside as it came, so that no attribute is lost.
    """
    attributes = attributes_from_headers(headers)
    declared = headers.get(b"content-type", b"").decode("latin-1")
    media = media_type(declared)
    data = data_from_bytes(body, media)
    envelope: dict[str, object] = dict(attributes)
    if declared:
        envelope["datacontenttype"] = declared
    envelope.update(_enclosed(body, data, media))
    attributes["data"] = data
    return event_from_attributes(attributes, msgspec.json.encode(envelope), received_us=received_us)


def _enclosed(body: bytes, data: object, media: MediaType) -> dict[str, object]:
    if data is None:
        return {}
    if isinstance(data, bytes):
        return {"data_base64": data}
    return {"data": msgspec.Raw(body) if media.is_json else data}


def attributes_from_headers(headers: Mapping[bytes, bytes]) -> dict[str, object]:
    """The CloudEvents attributes in ``ce-`` headers; raises BadEvent when one cannot be decoded.

    The data are of the Content-Type; a ce-datacontenttype, which the specification forbids, is ignored.
    """
    attributes: dict[str, object] = {}
    for name, value in headers.items():
        if name[:3] == ATTRIBUTE_PREFIX and name != b"ce-datacontenttype":
            attributes[name[3:].decode("latin-1")] = _header_value(name, value)
    if not attributes.keys().isdisjoint(("data", "data_base64")):
        raise BadEvent("bad_header", "ce-data: an attribute must not be named data")
    return attributes


def _header_value(name: bytes, value: bytes) -> str:
    """Decode as the HTTP binding says: quotes off, escapes off, then percent-encoded UTF-8."""
    if len(value) > 1 and value[:1] == b'"' and value[-1:] == b'"':
        value = value[1:-1].replace(b"\\\\", b"\0").replace(b"\\", b"").replace(b"\0", b"\\")
    if b"%" in value:
        value = unquote_to_bytes(value)
    try:
        return value.decode()
    except UnicodeDecodeError as exc:
        raise BadEvent("bad_header", f"{name.decode('latin-1')}: not UTF-8: {exc}") from exc
