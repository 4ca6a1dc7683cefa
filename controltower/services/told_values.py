"""Looking into what events told, for reports and reconciliations."""

from __future__ import annotations

import msgspec


def value_at(value: object, path: str) -> object:
    """What stands at a dotted path; None where nothing does."""
    for key in path.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value


def text_of(value: object) -> str:
    """A plain value as text; "" for nothing, and for what has parts."""
    if value is None or isinstance(value, (dict, list)):
        return ""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
