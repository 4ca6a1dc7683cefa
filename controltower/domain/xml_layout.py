"""Laying out XML for reading: an element a line, indented. Only white space between tags is changed."""

from __future__ import annotations

import re

_PART = re.compile(r"<!--.*?-->|<!\[CDATA\[.*?\]\]>|<\?.*?\?>|<[^<>]*>|[^<]++|<", re.DOTALL)
_INDENT = "  "


def lay_out_xml(text: str) -> str:
    """The document with each element that has no text of its own on a line of its own."""
    parts = [part for part in _PART.findall(text) if part.strip()]
    lines: list[str] = []
    depth = 0
    for place, part in enumerate(parts):
        if part.startswith("</"):
            depth = max(0, depth - 1)
        if _continues(parts, place):
            lines[-1] += part
        else:
            lines.append(_INDENT * depth + part.strip())
        if _opens(part):
            depth += 1
    return "\n".join(lines)


def _continues(parts: list[str], place: int) -> bool:
    """Whether a part stays on the line of the one before: text, what follows text, and the end of what is
    empty.
    """
    if place == 0:
        return False
    before, part = parts[place - 1], parts[place]
    if _is_text(part) or _is_text(before):
        return True
    return part.startswith("</") and _opens(before)


def _is_text(part: str) -> bool:
    return not part.startswith("<") or part.startswith("<![CDATA[")


def _opens(part: str) -> bool:
    return part.startswith("<") and not part.startswith(("</", "<!", "<?")) and not part.endswith("/>")
