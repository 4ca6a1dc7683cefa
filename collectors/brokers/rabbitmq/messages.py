"""Between AMQP's properties and the tower's messages."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pika import BasicProperties

from collectors.brokers.headers import ORDERING_KEY, text_of
from controltower.domain.messages import Message

PERSISTENT = 2
# Properties without a field of their own in a message, under the header that carries them.
_CARRIED = {
    "amqp-content-encoding": "content_encoding",
    "amqp-correlation-id": "correlation_id",
    "amqp-reply-to": "reply_to",
    "amqp-type": "type",
    "amqp-app-id": "app_id",
}
# The broker's own account of a message's way: it refuses to believe one that comes from outside.
_HISTORY = ("x-death", "x-first-death-", "x-last-death-", "x-delivery-count")


def message_of(properties: Any, body: bytes) -> Message:
    """A message as it came; each header's value as text."""
    table: Mapping[str, object] = properties.headers or {}
    headers = [(name, text_of(value)) for name, value in table.items() if name != ORDERING_KEY]
    for header, attribute in _CARRIED.items():
        if value := getattr(properties, attribute):
            headers.append((header, text_of(value)))
    return Message(
        body,
        tuple(headers),
        properties.content_type or "",
        properties.message_id or "",
        text_of(table.get(ORDERING_KEY)),
    )


def properties_of(message: Message) -> Any:
    """The properties to send a message with; it outlives a restart of the broker. Of headers with one name,
    the first goes: AMQP has one of each.
    """
    table: dict[str, str] = {}
    carried: dict[str, str] = {}
    for name, value in message.headers:
        if name in _CARRIED:
            carried.setdefault(_CARRIED[name], value)
        elif not name.startswith(_HISTORY):
            table.setdefault(name, value)
    if message.key:
        table[ORDERING_KEY] = message.key
    return BasicProperties(  # type: ignore[no-untyped-call]
        content_type=message.content_type or None,
        message_id=message.message_id or None,
        headers=table or None,
        delivery_mode=PERSISTENT,
        **carried,
    )


def us_of(moment: object) -> int:
    """A time of AMQP (a datetime without zone in a table, seconds in a property); 0 for none."""
    if isinstance(moment, datetime):
        moment = moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()
    return int(moment * 1_000_000) if isinstance(moment, int | float) and moment > 0 else 0
