"""Reading JSON whose numbers keep every digit, and encoding it in one canonical form."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from controltower.domain.errors import BadPayload

MAX_TEXT = 2048
T = TypeVar("T")


class JsonNumber(float):
    """A JSON number with a fraction or an exponent, which remembers how it was written.

    Amounts and identifiers are shown and matched as the source wrote them: 129.90 is not 129.9.
    """

    __slots__ = ("text",)
    text: str

    def __new__(cls, text: str) -> JsonNumber:
        number = super().__new__(cls, text)
        number.text = text
        return number


class BadJson(BadPayload):
    """The bytes are not one JSON document."""

    reason = "bad_json"


def _as_float(value: object) -> object:
    if isinstance(value, float):
        return float(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


_decoder = msgspec.json.Decoder(float_hook=JsonNumber)
_array_decoder = msgspec.json.Decoder(list[msgspec.Raw])
_canonical = msgspec.json.Encoder(order="sorted", enc_hook=_as_float)


def decode_json(data: bytes) -> object:
    """Decode one JSON document; raises BadJson with the position of the mistake."""
    return decode_with(_decoder, data, "JSON")


def split_json_array(data: bytes) -> list[msgspec.Raw]:
    """The items of a JSON array, each with its original bytes; raises BadJson when it is no array."""
    return decode_with(_array_decoder, data, "a JSON array")


def decode_with(decoder: msgspec.json.Decoder[T], data: bytes, expected: str) -> T:
    """What a decoder makes of the data; raises BadJson, which says what was expected, when it refuses it."""
    try:
        return decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError) as exc:
        raise BadJson(f"not {expected}: {exc}") from exc
    except RecursionError as exc:
        raise _too_deep() from exc


def _too_deep() -> BadJson:
    return BadJson("not JSON that can be read: it is nested too deep")


def canonical_json(value: object) -> bytes:
    """The same bytes for equal values, whatever the order of their keys; bytes become base64."""
    try:
        return _canonical.encode(value)
    except RecursionError as exc:
        raise _too_deep() from exc


def text_of(value: object, limit: int = MAX_TEXT) -> str:
    """A text or number as trimmed text of at most `limit` characters, "" for anything else.

    A NUL, which PostgreSQL cannot keep in a text, becomes a replacement character.
    """
    if type(value) is str:
        text = value.strip()
        if "\0" in text:
            text = text.replace("\0", "\ufffd")
    elif type(value) is int:
        text = str(value)
    elif isinstance(value, JsonNumber):
        text = value.text
    elif isinstance(value, float):
        text = repr(value)
    else:
        return ""
    return text if len(text) <= limit else text[:limit]
