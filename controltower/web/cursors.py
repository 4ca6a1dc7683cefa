"""Where the next page of a list begins, as text for URLs."""

from __future__ import annotations

import re

from controltower.domain.errors import BadPayload

Cursor = tuple[int, bytes]

_FORM = re.compile(r"(-?\d{1,18})\.([0-9a-f]{32})")


def write_cursor(cursor: Cursor) -> str:
    """The cursor as text."""
    return f"{cursor[0]}.{cursor[1].hex()}"


def read_cursor(text: str | None) -> Cursor | None:
    """The cursor of a text; None when there is none. Raises BadPayload for one that we did not write."""
    if not text:
        return None
    parts = _FORM.fullmatch(text)
    if parts is None:
        raise BadPayload("The cursor is not one that this list gave; start from the first page.")
    return int(parts[1]), bytes.fromhex(parts[2])


def read_key(text: str) -> bytes | None:
    """The 16-byte key that 32 hexadecimal digits name; None for anything else."""
    try:
        key = bytes.fromhex(text)
    except ValueError:
        return None
    return key if len(key) == 16 else None
