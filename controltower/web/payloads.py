"""Payloads for reading: JSON laid out, text as it is, bytes in hexadecimal; e-mail addresses masked."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from controltower.web.formatting import masked

MOST_SHOWN = 256 * 1024
_BYTES_A_LINE = 16


class PayloadText(NamedTuple):
    """A payload laid out for reading."""

    text: str
    kind: str  # JSON, text, bytes
    cut: bool  # more came than is shown
    is_masked: bool


def show_payload(body: bytes, content_type: str, *, whole_names: bool) -> PayloadText:
    """Lay out `body`; the content type is only a hint, because senders get it wrong."""
    text, kind = _decoded(body)
    shown = text[:MOST_SHOWN]
    hidden = shown if whole_names else _without_names(shown, kind)
    return PayloadText(hidden, kind, len(text) > MOST_SHOWN, hidden != shown)


def _without_names(text: str, kind: str) -> str:
    if kind == "bytes":
        return "Bytes that are no text may hold names, and cannot be masked."
    return masked(text.replace("\\u0040", "@"))


def _decoded(body: bytes) -> tuple[str, str]:
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        return _dump(body[: MOST_SHOWN // 4]), "bytes"
    try:
        # Formats without decoding: 129.90 stays 129.90, and long ids keep every digit.
        return msgspec.json.format(text, indent=2), "JSON"
    except (msgspec.DecodeError, RecursionError):
        return text, "text"


def _dump(body: bytes) -> str:
    lines = []
    for start in range(0, len(body), _BYTES_A_LINE):
        part = body[start : start + _BYTES_A_LINE]
        plain = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in part)
        lines.append(f"{start:08x}  {part.hex(' '):<{_BYTES_A_LINE * 3 - 1}}  {plain}")
    return "\n".join(lines)
