"""Payloads of dead letters for reading: laid out by their form, masked, in parts, and compared by lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import NamedTuple
from urllib.parse import unquote_plus

import msgspec

from controltower.domain.errors import BadPayload
from controltower.domain.masking import MASK, mask_form, mask_text, masked_json, masked_xml
from controltower.domain.messages import Message
from controltower.domain.xml_layout import lay_out_xml
from controltower.services.dead_letters.forms import Form, form_of

PART_CHARACTERS = 48 * 1024
MOST_COMPARED = 2_000  # lines of either side
_CONTEXT = 3
LONG_LINE = 4000  # characters; longer ones are masked piece by piece
_BYTES_A_LINE = 16
UNMASKABLE = "Bytes that are no text may hold names, and cannot be masked."


@dataclass(frozen=True, slots=True)
class ShownPayload:
    """One part of a payload."""

    form: Form
    text: str
    part: int  # from 1
    has_next: bool
    is_masked: bool  # something of it is hidden


class DiffLine(NamedTuple):
    """A line of a comparison; the number of a side is 0 where the line is not on it."""

    kind: str  # same, removed, added, skipped
    left: int
    right: int
    text: str


def show_part(message: Message, part: int, *, reveal: bool) -> ShownPayload:
    """Part number `part` of a payload, the last one when there are not so many."""
    form = form_of(message.body, message.content_type)
    parts = _parts(_shown(message.body, form, reveal=reveal))
    number, text, following = 1, next(parts, ""), next(parts, None)
    while following is not None and number < part:
        number, text, following = number + 1, following, next(parts, None)
    is_masked = not reveal and (form == "bytes" or MASK in text)
    return ShownPayload(form, text, number, following is not None, is_masked)


def read_part(text: str) -> int:
    """The part that an address asks for. Raises BadPayload for what is no number."""
    if text and not (text.isascii() and text.isdecimal() and len(text) <= 6 and int(text)):
        raise BadPayload(f"part: expected the number of a part, found {text[:40]!r}")
    return int(text or 1)


def lay_out(body: bytes, form: Form) -> str:
    """The whole payload, unmasked."""
    return "".join(_shown(body, form, reveal=True))


def holds_hidden(message: Message) -> bool:
    """Whether masking hides anything of a payload."""
    form = form_of(message.body, message.content_type)
    return form == "bytes" or "".join(_shown(message.body, form, reveal=False)) != lay_out(message.body, form)


def compare(left: Message, right: Message, *, reveal: bool) -> tuple[list[DiffLine], bool]:
    """What differs between two payloads as they are laid out, with a few lines around each difference; and
    whether either was too long to be compared whole.
    """
    sides = [_lines(message, reveal=reveal) for message in (left, right)]
    is_cut = any(len(side) > MOST_COMPARED for side in sides)
    old, new = (side[:MOST_COMPARED] for side in sides)
    groups = SequenceMatcher(None, old, new).get_grouped_opcodes(_CONTEXT)
    return list(_diff_lines(groups, old, new)), is_cut


def _diff_lines(
    groups: Iterable[list[tuple[str, int, int, int, int]]], old: list[str], new: list[str]
) -> Iterator[DiffLine]:
    for place, group in enumerate(groups):
        if place or group[0][1]:
            yield DiffLine("skipped", 0, 0, "")
        for tag, i1, i2, j1, j2 in group:
            if tag == "equal":
                yield from (DiffLine("same", i + 1, j1 + i - i1 + 1, old[i]) for i in range(i1, i2))
                continue
            yield from (DiffLine("removed", i + 1, 0, old[i]) for i in range(i1, i2))
            yield from (DiffLine("added", 0, j + 1, new[j]) for j in range(j1, j2))


def _lines(message: Message, *, reveal: bool) -> list[str]:
    form = form_of(message.body, message.content_type)
    return "".join(_shown(message.body, form, reveal=reveal)).splitlines()


def _shown(body: bytes, form: Form, *, reveal: bool) -> Iterator[str]:
    """The payload laid out, bit by bit, so that its beginning costs no more than that."""
    if form == "bytes":
        yield from _dump(body) if reveal else (UNMASKABLE,)
    elif form == "JSON":
        # Formats without decoding: 129.90 stays 129.90, and long ids keep every digit.
        text = msgspec.json.format(body, indent=2).decode()
        yield from text.splitlines(keepends=True) if reveal else masked_json(text)
    elif form == "XML":
        laid_out = lay_out_xml(body.decode())
        yield from laid_out if reveal else masked_xml(laid_out)
    elif form == "form":
        yield _form_lines(body.decode()) if reveal else mask_form(body.decode())
    else:
        for line in _short_lines(body.decode()):
            yield line if reveal else mask_text(line)


def _parts(bits: Iterable[str]) -> Iterator[str]:
    held: list[str] = []
    size = 0
    for bit in bits:
        for piece in _pieces(bit):
            held.append(piece)
            size += len(piece)
            if size >= PART_CHARACTERS:
                yield "".join(held)
                held, size = [], 0
    if held:
        yield "".join(held)


def _pieces(bit: str) -> Iterator[str]:
    for start in range(0, len(bit), PART_CHARACTERS):
        yield bit[start : start + PART_CHARACTERS]


def _short_lines(text: str) -> Iterator[str]:
    """The lines of a text; what is too long is cut, at a space where there is one."""
    for line in text.splitlines(keepends=True):
        start = 0
        while len(line) - start > LONG_LINE:
            end = line.rfind(" ", start, start + LONG_LINE) + 1 or start + LONG_LINE
            yield line[start:end]
            start = end
        yield line[start:]


def _form_lines(text: str) -> str:
    return "\n".join("=".join(map(unquote_plus, part.split("=", 1))) for part in text.split("&"))


def _dump(body: bytes) -> Iterator[str]:
    for start in range(0, len(body), _BYTES_A_LINE):
        part = body[start : start + _BYTES_A_LINE]
        plain = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in part)
        yield f"{start:08x}  {part.hex(' '):<{_BYTES_A_LINE * 3 - 1}}  {plain}\n"
