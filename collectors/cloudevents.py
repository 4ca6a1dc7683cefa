"""CloudEvents 1.0: from the attributes of an event to the fact that the tower keeps.

`event_from_attributes` is the one reader; events over HTTP, log records and imports all go through it, so
that the same event has the same digest whichever way it came. The contract: docs/reference/events.md.
"""

from __future__ import annotations

import binascii
import re
from datetime import datetime, timedelta
from functools import lru_cache
from hashlib import blake2b
from typing import Annotated

import msgspec

from collectors.business import read_business
from collectors.json_values import BadJson, canonical_json, decode_json
from collectors.media import MediaType, media_type
from controltower.domain.errors import BadPayload
from controltower.domain.facts import Event
from controltower.domain.times import to_us

SPEC_VERSION = "1.0"
JSON_EVENT = "application/cloudevents+json"
JSON_BATCH = "application/cloudevents-batch+json"
MAX_ATTRIBUTE = 1024

_LATEST_US = 7_258_118_400_000_000  # 2200-01-01
_CONTROL = re.compile("[\0-\x1f\x7f-\x9f]")
_ZERO_TRACE = bytes(16)
_Rfc3339 = Annotated[datetime, msgspec.Meta(tz=True)]

Attributes = dict[str, object]


class BadEvent(BadPayload):
    """The bytes are no valid CloudEvent; `reason` says which rule they break, the message where."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def read_event(payload: bytes, *, received_us: int, content_type: str = JSON_EVENT) -> Event:
    """Read one event in the JSON format; raises BadEvent, or BadJson when it is none."""
    attributes = decode_json(payload)
    if type(attributes) is not dict:
        raise BadEvent("not_an_object", f"expected a JSON object, found {_kind_of(attributes)}")
    return event_from_attributes(attributes, payload, received_us=received_us, content_type=content_type)


def event_from_attributes(
    attributes: Attributes,
    payload: bytes,
    *,
    received_us: int,
    content_type: str = JSON_EVENT,
    occurred_us: int | None = None,
) -> Event:
    """The event that `attributes` - as in the JSON format, with ``data`` or ``data_base64`` - describe.

    `attributes` is used up. An event without a time happened when it was received. Raises BadEvent, or
    BadJson when its data are nested too deep.
    """
    if None in attributes.values():
        attributes = {name: value for name, value in attributes.items() if value is not None}
    _check_version(attributes.pop("specversion", None))
    source = _required(attributes, "source")
    event_id = _required(attributes, "id")
    event_type = _required(attributes, "type")
    data = _take_data(attributes)
    if occurred_us is None:
        time = attributes.get("time")
        occurred_us = received_us if time is None else read_time_us(time)
    business = read_business(attributes, data, event_type)
    return Event(
        source,
        event_id,
        event_type,
        occurred_us,
        _digest(attributes, data),
        business.identifiers,
        trace_id_of(attributes.get("traceparent")),
        business.system or system_of(source),
        business.outcome,
        business.error_code,
        business.error_message,
        business.channel,
        business.amount,
        business.currency,
        business.customer,
        business.status,
        content_type,
        payload,
        business.note,
        business.claims,
    )


def _check_version(version: object) -> None:
    if version == SPEC_VERSION and type(version) is str:
        return
    if version is None:
        raise BadEvent("missing_attribute", "specversion: is required; is this a CloudEvent?")
    if version in ("0.1", "0.2", "0.3"):
        raise BadEvent("unsupported_version", f"specversion: {version} is not taken; send CloudEvents 1.0")
    raise BadEvent("bad_attribute", f"specversion: expected the text 1.0, found {_kind_of(version)}")


def _required(attributes: Attributes, name: str) -> str:
    value = attributes.get(name)
    if type(value) is not str:
        if value is None:
            raise BadEvent("missing_attribute", f"{name}: is required")
        raise BadEvent("bad_attribute", f"{name}: expected a text, found {_kind_of(value)}")
    if not value:
        raise BadEvent("missing_attribute", f"{name}: must not be empty")
    if len(value) > MAX_ATTRIBUTE:
        raise BadEvent("too_long", f"{name}: is longer than {MAX_ATTRIBUTE} characters")
    if not value.isprintable() and _CONTROL.search(value):
        raise BadEvent("bad_attribute", f"{name}: holds a control character")
    return value


def read_time_us(time: object) -> int:
    """An RFC 3339 time with a zone as microseconds since the epoch; raises BadEvent."""
    if type(time) is not str:
        raise BadEvent("bad_time", f"time: expected a text, found {_kind_of(time)}")
    leap = timedelta()
    if time[17:19] == "60":  # a leap second, which datetime does not know
        time, leap = time[:17] + "59" + time[19:], timedelta(seconds=1)
    try:
        occurred_at = msgspec.convert(time, _Rfc3339) + leap
    except (msgspec.ValidationError, OverflowError) as exc:
        message = f"time: expected RFC 3339 with a zone, such as 2026-03-01T08:15:00Z, found {time[:64]!r}"
        raise BadEvent("bad_time", message) from exc
    occurred_us = to_us(occurred_at)
    if not 0 <= occurred_us < _LATEST_US:
        raise BadEvent("bad_time", f"time: {time[:64]} is not a time between 1970 and 2200")
    return occurred_us


def _take_data(attributes: Attributes) -> object:
    """The data of the event: a JSON value, a text, or bytes that are neither.

    Takes everything out of `attributes` that only says how the data travelled.
    """
    declared = attributes.pop("datacontenttype", "")
    if type(declared) is not str:
        raise BadEvent("bad_attribute", f"datacontenttype: expected a text, found {_kind_of(declared)}")
    data = attributes.pop("data", None)
    if "data_base64" not in attributes:
        return data
    encoded = attributes.pop("data_base64")
    if data is not None:
        raise BadEvent("bad_data", "an event has either data or data_base64, not both")
    if type(encoded) is not str:
        raise BadEvent("bad_data", f"data_base64: expected a text, found {_kind_of(encoded)}")
    try:
        return data_from_bytes(binascii.a2b_base64(encoded, strict_mode=True), media_type(declared))
    except ValueError as exc:  # UnicodeEncodeError and binascii.Error are both
        raise BadEvent("bad_data", f"data_base64: not base64: {exc}") from exc


def data_from_bytes(data: bytes, media: MediaType) -> object:
    """What bytes of a content type say; raises BadEvent when they are not of that type."""
    if not data:
        return None
    if media.is_json:
        try:
            return decode_json(data)
        except BadJson as exc:
            raise BadEvent("bad_data", f"data: declared as {media.name or 'JSON'}, but {exc}") from exc
    if media.is_text and media.is_utf8:
        try:
            return data.decode()
        except UnicodeDecodeError as exc:
            raise BadEvent("bad_data", f"data: declared as text in UTF-8, but {exc}") from exc
    return data


def _digest(attributes: Attributes, data: object) -> bytes:
    """16 bytes over what the event says: equal for its structured, batched and binary form.

    specversion and datacontenttype say how it travelled and have been taken out; numbers and truth values of
    attributes count as the text that the binary form makes of them.
    """
    for name, value in attributes.items():
        if type(value) is not str:
            attributes[name] = _header_text(value)
    return blake2b(canonical_json((attributes, data)), digest_size=16).digest()


def _header_text(value: object) -> object:
    if value is True:
        return "true"
    if value is False:
        return "false"
    return str(value) if type(value) is int else value


def trace_id_of(traceparent: object) -> bytes:
    """The trace id of a W3C traceparent, empty when it is not one: that is no reason to lose the event."""
    if type(traceparent) is not str:
        return b""
    parts = traceparent.strip().split("-")
    if len(parts) < 4 or len(parts[0]) != 2 or len(parts[1]) != 32 or len(parts[2]) != 16:
        return b""
    try:
        trace_id = bytes.fromhex(parts[1])
    except ValueError:
        return b""
    return trace_id if len(trace_id) == 16 and trace_id != _ZERO_TRACE else b""


@lru_cache(maxsize=4096)
def system_of(source: str) -> str:
    """The system that a source stands for: its last path segment, or all of it."""
    path = source.partition("?")[0].partition("#")[0].rstrip("/")
    return path.rpartition("/")[2] or source


def _kind_of(value: object) -> str:
    """What a JSON value is, in words."""
    match value:
        case None:
            return "null"
        case bool():
            return "a truth value"
        case int() | float():
            return "a number"
        case str():
            return f"{value[:64]!r}"
        case list():
            return "an array"
        case _:
            return "an object"
