"""Between Kafka's records and the tower's messages."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from confluent_kafka import TIMESTAMP_NOT_AVAILABLE
from confluent_kafka import Message as Record

from collectors.brokers.failures import deaths_in, read_failure
from collectors.brokers.headers import Headers, text_of, without
from controltower.domain.messages import Message, Received

CONTENT_TYPE = "content-type"
MESSAGE_ID = "message-id"
KEY_ENCODING = "kafka-key-encoding"
"""``base64`` for a key that is no UTF-8 text."""
TOMBSTONE = "kafka-tombstone"
"""``true`` for a record without a value, which is not the same as an empty one."""
_FROM_SPRING = "kafka_dlt-original-topic"
# Spring Kafka writes them as Java's int and long.
_NUMBERS = {
    "kafka_dlt-original-partition": 4,
    "kafka_dlt-original-offset": 8,
    "kafka_dlt-original-timestamp": 8,
}


def received_of(record: Record, place: str, handle: object) -> Received:
    """A record as it came."""
    message = message_of(record)
    failure = read_failure(message.headers, message.body)
    sent_us = _timestamp_us(record)
    if message.header(_FROM_SPRING):
        # Spring stamps the dead letter anew; Kafka Connect leaves the time of the original.
        failure = failure._replace(died_us=sent_us)
    return Received(
        message,
        place,
        f"{place}/{record.partition()}/{record.offset()}",
        failure.origin,
        deaths_in(failure),
        sent_us=sent_us,
        error_class=failure.error_class,
        error_message=failure.error_message,
        error_place=failure.error_place,
        handle=handle,
    )


def message_of(record: Record) -> Message:
    """A record's bytes; each header's value as text."""
    headers: list[tuple[str, str]] = []
    for name, value in _headers_of(record):
        headers.append((name, _text_of_header(name, value)))
    body, key = record.value(), record.key()
    if body is None:
        headers.append((TOMBSTONE, "true"))
    text, is_text = _key_text(key or b"")
    if not is_text:
        headers.append((KEY_ENCODING, "base64"))
    bare = Message(body or b"", tuple(headers))
    return Message(
        bare.body,
        without(bare.headers, CONTENT_TYPE, MESSAGE_ID),
        bare.header(CONTENT_TYPE),
        bare.header(MESSAGE_ID),
        text,
    )


def record_of(message: Message) -> dict[str, Any]:
    """What `produce` takes of a message."""
    headers = list(without(message.headers, KEY_ENCODING, TOMBSTONE))
    if message.content_type:
        headers.append((CONTENT_TYPE, message.content_type))
    if message.message_id:
        headers.append((MESSAGE_ID, message.message_id))
    is_tombstone = message.header(TOMBSTONE) == "true" and not message.body
    return {
        "value": None if is_tombstone else message.body,
        "key": _key_of(message) or None,
        "headers": [(name, value.encode("utf-8", "replace")) for name, value in headers],
    }


def _headers_of(record: Record) -> Headers | list[tuple[str, Any]]:
    headers = record.headers()
    return list(headers.items() if isinstance(headers, dict) else headers or ())


def _text_of_header(name: str, value: object) -> str:
    if isinstance(value, bytes) and len(value) == _NUMBERS.get(name):
        return str(int.from_bytes(value, "big", signed=True))
    return text_of(value)


def _key_text(key: bytes | str) -> tuple[str, bool]:
    if isinstance(key, str):
        return key, True
    try:
        return key.decode(), True
    except UnicodeDecodeError:
        return base64.b64encode(key).decode(), False


def _key_of(message: Message) -> bytes:
    if message.header(KEY_ENCODING) == "base64":
        try:
            return base64.b64decode(message.key, validate=True)
        except (binascii.Error, ValueError):
            pass  # it was changed by hand: what is there now is the key
    return message.key.encode("utf-8", "replace")


def _timestamp_us(record: Record) -> int:
    kind, milliseconds = record.timestamp()
    return 0 if kind == TIMESTAMP_NOT_AVAILABLE else max(0, milliseconds) * 1000
