"""Cutting text into segments, elements and components, with whatever separators an envelope declares.

Nothing here knows what a segment means. Cutting is exact: what was written with the same separators is read
back as it was, and a test draws separators and texts to prove it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from collectors.edi.faults import BadEdi

Components = tuple[str, ...]
BLANK = " \t\r\n\0\x1a\ufeff"  # what stands between segments without meaning
MAX_SEGMENT = 64 * 1024


class Piece(NamedTuple):
    """A raw segment, where the next one starts, and whether the terminator ended it."""

    raw: str
    next_at: int
    is_terminated: bool


class Segment(NamedTuple):
    """A tag and the texts of its elements as sent: separators and release characters are still in them."""

    tag: str
    elements: tuple[str, ...]
    raw: str  # without terminator and without blanks in front

    def element(self, number: int) -> str:
        """Element `number`, counted from 1 as the standards do; "" when it was not sent."""
        return self.elements[number - 1] if number <= len(self.elements) else ""


@dataclass(frozen=True, slots=True)
class Separators:
    """What an envelope declares; "" is a separator or release character that it does not use."""

    element: str
    component: str
    terminator: str
    repetition: str = ""
    release: str = ""

    def segment_of(self, raw: str) -> Segment:
        """Cut one segment into its elements."""
        tag, *elements = self._cut(raw, self.element)
        return Segment(tag.strip(), tuple(elements), raw)

    def repetitions_of(self, element: str) -> tuple[Components, ...]:
        """The repetitions of an element, each cut into its components, release characters taken out."""
        repetitions = self._cut(element, self.repetition) if self.repetition else [element]
        return tuple(self._components_of(one) for one in repetitions)

    def plain(self, text: str) -> str:
        """A text with its release characters taken out."""
        if not self.release or self.release not in text:
            return text
        plain = []
        characters = iter(text)
        for character in characters:
            plain.append(next(characters, "") if character == self.release else character)
        return "".join(plain)

    def pieces(self, text: str) -> Iterator[Piece]:
        """The raw segments of a text; blanks in front of a segment are none of it.

        Raises BadEdi when one is too long to be a segment.
        """
        position = 0
        while position < len(text):
            stop = self._find_terminator(text, position)
            end = len(text) if stop < 0 else stop
            if end - position > MAX_SEGMENT:
                raise BadEdi("too_long", f"a segment is longer than {MAX_SEGMENT} characters")
            raw = text[position:end].lstrip(BLANK).rstrip("\r\n")
            position = end + len(self.terminator)
            if raw:
                yield Piece(raw, min(position, len(text)), stop >= 0)

    def _components_of(self, text: str) -> Components:
        parts = self._cut(text, self.component) if self.component else [text]
        return tuple(self.plain(part) for part in parts)

    def _cut(self, text: str, separator: str) -> list[str]:
        """Split at separators that no release character stands before."""
        parts = text.split(separator)
        if not self.release or self.release not in text:
            return parts
        joined: list[str] = []
        held: list[str] = []
        for part in parts:
            held.append(part)
            if not _is_released(part, len(part), self.release):
                joined.append(separator.join(held))
                held = []
        if held:
            joined.append(separator.join(held))
        return joined

    def _find_terminator(self, text: str, start: int) -> int:
        stop = text.find(self.terminator, start)
        while stop >= 0 and self.release and _is_released(text, stop, self.release):
            stop = text.find(self.terminator, stop + 1)
        return stop


def _is_released(text: str, place: int, release: str) -> bool:
    """Whether the character at `place` is released: an odd number of release characters stands before it."""
    before = place
    while before and text[before - 1] == release:
        before -= 1
    return (place - before) % 2 == 1
