"""Decoded documents: dicts, lists, texts, whole numbers, truth values and None.

Numbers with a fraction are texts, as they were written: 129.90 is not 129.9. An XML element that has
attributes is an object whose text stands under ``_text``; wherever a text is wanted it counts as that.
"""

from __future__ import annotations

from typing import TypeGuard

import msgspec

from collectors.json_values import decode_with
from collectors.mapping.errors import BadDocument

TEXT = "_text"

_decoder = msgspec.json.Decoder(float_hook=str)


def decode_document(data: bytes) -> object:
    """Decode JSON, every digit kept; raises BadJson with the position of the mistake."""
    return decode_with(_decoder, data, "JSON")


def is_object(value: object) -> TypeGuard[dict[str, object]]:
    """Whether a decoded value is an object."""
    return isinstance(value, dict)


def is_empty(value: object) -> bool:
    """Whether a value says nothing: null, "", or an empty list or object. Zero and false say something."""
    return value is None or value == "" or value == [] or value == {}


def text_in(value: object) -> str:
    """A value as text, "" for null; raises BadDocument for a list or an object, which are no text."""
    if type(value) is str:
        return value
    if value is None:
        return ""
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, dict) and TEXT in value:
        return text_in(value[TEXT])
    kind = "a list" if isinstance(value, list) else "an object"
    raise BadDocument("not_a_text", f"expected a text, found {kind}")
