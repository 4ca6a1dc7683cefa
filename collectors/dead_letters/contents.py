"""What a message says of the business: as a CloudEvent, through a mapping, or as plain JSON."""

from __future__ import annotations

from collections.abc import Mapping as Table
from typing import NamedTuple

from collectors.business import Business, read_business
from collectors.cloudevents import (
    JSON_EVENT,
    SPEC_VERSION,
    data_from_bytes,
    event_from_attributes,
    read_event,
)
from collectors.json_values import decode_json
from collectors.mapping.payloads import MAX_PAYLOAD, map_payload
from collectors.mapping.telling import Mapping
from collectors.media import media_type
from controltower.domain.errors import BadPayload
from controltower.domain.facts import Event
from controltower.domain.identifiers import Identifier
from controltower.domain.mappings import UNMAPPED
from controltower.domain.messages import Message

MAX_READ = MAX_PAYLOAD  # bytes; a larger body is kept, and not looked into
# Before the names of attributes: in HTTP and NATS, in Kafka, in AMQP, and what clients make of a colon.
_BINARY = ("ce-", "ce_", "cloudevents:", "cloudevents_")
_UNDATED = 0


class Content(NamedTuple):
    """What a message says; every part may be empty."""

    type: str = ""
    identifiers: tuple[Identifier, ...] = ()
    occurred_us: int = 0
    error_code: str = ""
    error_message: str = ""
    channel: str = ""
    amount: str = ""
    currency: str = ""
    customer: str = ""
    trace_id: bytes = b""


def read_content(message: Message, headers: Table[str, str], mapping: Mapping | None) -> Content:
    """What a message says. `headers` are its own, in lower case. Raises nothing, whatever it holds."""
    if len(message.body) > MAX_READ:
        return Content()
    for content in (_mapped(message, headers, mapping), _binary(message, headers), _structured(message)):
        if content is not None:
            return content
    return _plain(message)


def _mapped(message: Message, headers: Table[str, str], mapping: Mapping | None) -> Content | None:
    """What the first event says that the mapping tells of it."""
    if mapping is None:
        return None
    whole = {**headers, "content-type": message.content_type}
    try:
        events = map_payload(mapping, message.body, whole, received_us=_UNDATED).events
    except BadPayload:
        return None
    return next((_content_of(event) for event in events if event.type != UNMAPPED), None)


def _binary(message: Message, headers: Table[str, str]) -> Content | None:
    attributes: dict[str, object] = {}
    for name, value in headers.items():
        prefix = next((prefix for prefix in _BINARY if name.startswith(prefix)), "")
        if prefix:
            attributes[name.removeprefix(prefix)] = value
    if attributes.get("specversion") != SPEC_VERSION:
        return None
    try:
        attributes["data"] = data_from_bytes(message.body, media_type(message.content_type))
        event = event_from_attributes(attributes, b"", received_us=_UNDATED)
    except BadPayload:
        return None
    return _content_of(event)


def _structured(message: Message) -> Content | None:
    """A CloudEvent by its content type, or because it looks like one."""
    is_declared = media_type(message.content_type).name == JSON_EVENT
    if not is_declared and b'"specversion"' not in message.body:
        return None
    try:
        return _content_of(read_event(message.body, received_us=_UNDATED))
    except BadPayload:
        return None


def _content_of(event: Event) -> Content:
    return Content(
        event.type,
        event.identifiers,
        event.occurred_us,
        event.error_code,
        event.error_message,
        event.channel,
        event.amount,
        event.currency,
        event.customer,
        event.trace_id,
    )


def _plain(message: Message) -> Content:
    business = _business(message.body)
    return Content(
        "",
        business.identifiers,
        _UNDATED,
        business.error_code,
        business.error_message,
        business.channel,
        business.amount,
        business.currency,
        business.customer,
    )


def _business(body: bytes) -> Business:
    document: object = None
    if body.lstrip()[:1] == b"{":
        try:
            document = decode_json(body)
        except BadPayload:
            pass
    return read_business({}, document, "")
