"""OTLP attributes as plain values."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

MAX_NESTING = 32


def attributes_of(attributes: Iterable[Any]) -> dict[str, str]:
    """The scalar attributes as texts, every digit of an integer kept."""
    found = {}
    for attribute in attributes:
        value = attribute.value
        which = value.WhichOneof("value")
        if which == "string_value":
            found[attribute.key] = value.string_value
        elif which in ("int_value", "double_value", "bool_value"):
            found[attribute.key] = str(getattr(value, which))
    return found


def plain(value: Any, depth: int = MAX_NESTING) -> object:
    """An AnyValue as a JSON value; bytes stay bytes, what is nested too deep becomes None."""
    which = value.WhichOneof("value")
    if which is None or not depth:
        return None
    if which == "array_value":
        return [plain(item, depth - 1) for item in value.array_value.values]
    if which == "kvlist_value":
        return plain_map(value.kvlist_value.values, depth - 1)
    scalar: object = getattr(value, which)
    if isinstance(scalar, float) and not math.isfinite(scalar):
        return str(scalar)
    return scalar


def plain_map(attributes: Iterable[Any], depth: int = MAX_NESTING) -> dict[str, object]:
    """KeyValues as a JSON object."""
    return {attribute.key: plain(attribute.value, depth) for attribute in attributes}
