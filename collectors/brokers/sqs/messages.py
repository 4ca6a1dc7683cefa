"""Between messages of SQS, which are texts with at most ten attributes, and the tower's."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any
from uuid import uuid4

import msgspec

from collectors.brokers.headers import ORDERING_KEY, Headers, text_of, without
from controltower.domain.messages import IDEMPOTENCY_KEY, Message

CONTENT_TYPE = "content-type"
MESSAGE_ID = "message-id"
BODY = "sqs-body"
"""How the body was put into a text: ``base64``, ``empty``; as it is when there is none."""
PACKED = "sqs-headers"
"""The headers that are no attributes of their own: a JSON list of names and values."""
TYPES = "sqs-attribute-types"
"""A JSON object of the attributes that are no plain strings."""
NO_GROUP = "controltower"
"""The group of messages without a key in a FIFO queue, which has to have one."""
_OWN = (BODY, PACKED, ORDERING_KEY)
_MOST_ATTRIBUTES = 10
_NAME = re.compile(r"(?!aws\.|amazon\.)(?!\.)(?!.*\.\.)[A-Za-z0-9_.-]{1,256}(?<!\.)", re.IGNORECASE)
# What SQS takes for text: the characters of XML 1.0.
_NO_TEXT = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ID = re.compile(r"[!-~]{1,128}")
_AS_TEXT, _AS_BASE64, _AS_NOTHING = "", "base64", "empty"


def message_of(received: Mapping[str, Any]) -> Message:
    """A message as `receive_message` hands it out."""
    attributes: Mapping[str, Any] = received.get("MessageAttributes") or {}
    headers = _headers_of(attributes)
    bare = Message(b"", headers)
    group = (received.get("Attributes") or {}).get("MessageGroupId", "")
    key = bare.header(ORDERING_KEY) or ("" if group == NO_GROUP else group)
    return Message(
        _bytes_of(received.get("Body", ""), bare.header(BODY)),
        without(headers, *_OWN, CONTENT_TYPE, MESSAGE_ID),
        bare.header(CONTENT_TYPE),
        bare.header(MESSAGE_ID),
        key,
    )


def entry_of(message: Message, *, is_fifo: bool) -> dict[str, Any]:
    """What `send_message_batch` takes of a message, but for its number in the batch."""
    text, encoding = _text_of(message.body)
    own = [(CONTENT_TYPE, message.content_type), (MESSAGE_ID, message.message_id), (BODY, encoding)]
    group = message.key if _ID.fullmatch(message.key) else ""
    if message.key and not (is_fifo and group):
        own.append((ORDERING_KEY, message.key))
    attributes = _attributes_of(message, [pair for pair in own if pair[1]])
    entry: dict[str, Any] = {"MessageBody": text, "MessageAttributes": attributes}
    if is_fifo:
        entry["MessageGroupId"] = group or (_short(message.key) if message.key else NO_GROUP)
        entry["MessageDeduplicationId"] = _short(
            message.header(IDEMPOTENCY_KEY) or message.message_id or str(uuid4())
        )
    return entry


def _headers_of(attributes: Mapping[str, Any]) -> Headers:
    headers: list[tuple[str, str]] = []
    types: dict[str, str] = {}
    for name, attribute in attributes.items():
        if name == PACKED:
            headers += _unpacked(attribute.get("StringValue", ""))
            continue
        kind = attribute.get("DataType", "String")
        if kind != "String":
            types[name] = kind
        binary = attribute.get("BinaryValue")
        value = attribute.get("StringValue", "") if binary is None else base64.b64encode(binary).decode()
        headers.append((name, text_of(value)))
    if types:
        headers.append((TYPES, json.dumps(types, sort_keys=True)))
    return tuple(headers)


def _attributes_of(message: Message, own: list[tuple[str, str]]) -> dict[str, Any]:
    types = _types_of(message)
    attributes = {name: _string(value) for name, value in own if _fits(name, value)}
    packed = [pair for pair in own if pair[0] not in attributes]
    headers = without(message.headers, TYPES, PACKED, BODY)
    # One place is for what is packed, unless nothing needs to be.
    room = _MOST_ATTRIBUTES - len(attributes) - 1
    names = {name.casefold() for name in attributes}
    for name, value in headers:
        if room > 0 and name.casefold() not in names and _fits(name, value):
            attributes[name] = _typed(value, types.get(name, "String"))
            names.add(name.casefold())
            room -= 1
        else:
            packed.append((name, value))
    if packed:
        attributes[PACKED] = _string(json.dumps(packed))
    return attributes


def _fits(name: str, value: str) -> bool:
    return bool(value) and _NAME.fullmatch(name) is not None and not _NO_TEXT.search(value)


def _string(value: str) -> dict[str, Any]:
    return {"DataType": "String", "StringValue": value}


def _typed(value: str, kind: str) -> dict[str, Any]:
    if kind.startswith("Binary"):
        try:
            return {"DataType": kind, "BinaryValue": base64.b64decode(value, validate=True)}
        except (binascii.Error, ValueError):
            return _string(value)  # it was changed by hand
    return {"DataType": kind, "StringValue": value}


def _types_of(message: Message) -> dict[str, str]:
    try:
        return msgspec.json.decode(message.header(TYPES) or "{}", type=dict[str, str])
    except msgspec.DecodeError:
        return {}


def _unpacked(text: str) -> list[tuple[str, str]]:
    try:
        return msgspec.convert(json.loads(text), list[tuple[str, str]])
    except (ValueError, msgspec.ValidationError):
        return [(PACKED, text)]  # somebody else's


def _text_of(body: bytes) -> tuple[str, str]:
    if not body:
        return "-", _AS_NOTHING
    try:
        text = body.decode()
    except UnicodeDecodeError:
        text = "\0"
    if _NO_TEXT.search(text):
        return base64.b64encode(body).decode(), _AS_BASE64
    return text, _AS_TEXT


def _bytes_of(text: str, encoding: str) -> bytes:
    if encoding == _AS_NOTHING:
        return b""
    if encoding == _AS_BASE64:
        try:
            return base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            pass
    return text.encode("utf-8", "surrogatepass")


def _short(value: str) -> str:
    """An id that SQS takes: the same for the same value."""
    return value if _ID.fullmatch(value) else sha256(value.encode("utf-8", "replace")).hexdigest()
