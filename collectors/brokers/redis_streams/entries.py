"""How a message is laid out in the fields of an entry.

An entry with a body field: that field is the body, the others are headers. An entry without one is its own
message: all its fields, as a JSON object, are the body; sent again, it becomes those fields again.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from collectors.brokers.headers import ORDERING_KEY, text_of, without
from controltower.domain.messages import Message

_CONTENT_TYPE = "content-type"
_MESSAGE_ID = "message-id"
_OWN = (_CONTENT_TYPE, _MESSAGE_ID, ORDERING_KEY)
SHAPE = "x-redis-shape"
_FIELDS = "fields"
_BYTES = "base64"


class CannotCarry(Exception):
    """A message cannot be laid out in fields; says why."""


class Layout(NamedTuple):
    """Which field is the body."""

    body_field: str

    def message_of(self, fields: Mapping[bytes, bytes]) -> Message:
        """The message that an entry is."""
        body = fields.get(self.body_field.encode())
        if body is None:
            return Message(_as_json(fields), ((SHAPE, _FIELDS),), "application/json")
        texts = {text_of(name): text_of(value) for name, value in fields.items()}
        headers = tuple(
            (name, value) for name, value in texts.items() if name != self.body_field and name not in _OWN
        )
        content_type, message_id, key = (texts.get(name, "") for name in _OWN)
        return Message(body, headers, content_type, message_id, key)

    def fields_of(self, message: Message) -> dict[bytes | str, bytes | str]:
        """The fields to add. Of headers with one name, the first goes. Raises CannotCarry."""
        if message.header(SHAPE) == _FIELDS:
            return {**_from_json(message.body), **dict(reversed(without(message.headers, SHAPE)))}
        fields: dict[bytes | str, bytes | str] = {self.body_field: message.body}
        for name, value in message.headers:
            if name == self.body_field:
                raise CannotCarry(f"the header {name!r} has the name of the field that is the body")
            fields.setdefault(name, value)
        own = zip(_OWN, (message.content_type, message.message_id, message.key), strict=True)
        return fields | {name: value for name, value in own if value}


def _as_json(fields: Mapping[bytes, bytes]) -> bytes:
    return msgspec.json.encode({text_of(name): _json_value(value) for name, value in fields.items()})


def _json_value(value: bytes) -> Any:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {_BYTES: base64.b64encode(value).decode()}


def _from_json(body: bytes) -> dict[bytes | str, bytes | str]:
    try:
        document = msgspec.json.decode(body, type=dict[str, Any])
        return {name: _field_value(value) for name, value in document.items()}
    except (msgspec.MsgspecError, ValueError, TypeError):
        raise CannotCarry(f"with {SHAPE}: {_FIELDS} the body has to be a JSON object of fields") from None


def _field_value(value: Any) -> bytes | str:
    if isinstance(value, dict):
        return base64.b64decode(value.get(_BYTES, ""), validate=True)
    return text_of(value)
