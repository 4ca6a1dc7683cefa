"""Laying out XML for reading: an element a line, indented. Only white space between tags is changed.

Everything goes part by part, so that whoever wants the beginning of a long document need not wait for its
end.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_PART = re.compile(r"<!--.*?-->|<!\[CDATA\[.*?\]\]>|<\?.*?\?>|<[^<>]*>|[^<]++|<", re.DOTALL)
_INDENT = "  "


def xml_parts(text: str) -> Iterator[str]:
    """The tags, texts and the like that a document is made of; together they are the document."""
    return (found[0] for found in _PART.finditer(text))


def lay_out_xml(text: str) -> Iterator[str]:
    """The parts of the document, each element that has no text of its own on a line of its own."""
    before = ""
    depth = 0
    for part in xml_parts(text):
        if not part.strip():
            continue
        if part.startswith("</"):
            depth = max(0, depth - 1)
        if before and not _continues(before, part):
            yield "\n" + _INDENT * depth
        yield part if _is_text(part) else part.strip()
        if _opens(part):
            depth += 1
        before = part


def _continues(before: str, part: str) -> bool:
    """Whether a part stays on the line of the one before: text, what follows text, and the end of what is
    empty.
    """
    if _is_text(part) or _is_text(before):
        return True
    return part.startswith("</") and _opens(before)


def _is_text(part: str) -> bool:
    return not part.startswith("<") or part.startswith("<![CDATA[")


def _opens(part: str) -> bool:
    return part.startswith("<") and not part.startswith(("</", "<!", "<?")) and not part.endswith("/>")
