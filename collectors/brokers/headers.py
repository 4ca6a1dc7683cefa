"""Headers of messages as text, alike for every broker."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

ORDERING_KEY = "x-ordering-key"
"""Carries a message's key where the broker has no keys of its own."""

Headers = tuple[tuple[str, str], ...]


def text_of(value: object) -> str:
    """A header's value as text: UTF-8 as it is, other bytes as base64, what has structure as JSON."""
    match value:
        case str():
            return value
        case bytes() | bytearray() | memoryview():
            return _text_of_bytes(bytes(value))
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case int():
            return str(int(value))
        case datetime():
            return value.isoformat()
        case Mapping() | Sequence():
            return msgspec.json.encode(_plain(value)).decode()
        case _:
            return str(value)


def _text_of_bytes(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return base64.b64encode(value).decode()


def _plain(value: object) -> Any:
    """What JSON can say."""
    match value:
        case str() | bool() | float() | None:
            return value
        case int():  # a client's own kind of number would be refused
            return int(value)
        case Mapping():
            return {text_of(key): _plain(item) for key, item in value.items()}
        case Sequence() if not isinstance(value, bytes | bytearray):
            return [_plain(item) for item in value]
        case _:
            return text_of(value)


def without(headers: Headers, *names: str) -> Headers:
    """The headers but for some, whatever the case of their names."""
    left_out = {name.casefold() for name in names}
    return tuple((name, value) for name, value in headers if name.casefold() not in left_out)
