"""Finding the interchanges of a file: any number, of either standard, each with separators of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from collectors.edi import edifact_syntax, x12_syntax
from collectors.edi.characters import without_wrapping
from collectors.edi.envelopes import EDIFACT, X12, FoundSet, Level, Standard, Walk
from collectors.edi.faults import BadEdi
from collectors.edi.segments import BLANK, Separators

MAX_SEGMENTS = 100_000  # of one interchange
_START = re.compile(
    f"(?P<x12>{x12_syntax.START})|(?P<edifact>{edifact_syntax.START})|(?P<tradacoms>STX=ANA:)"
)
_TAG = re.compile("[A-Z][A-Z0-9]{1,2}")
_EXPECTED = "expected an interchange that starts with ISA (X12), UNA or UNB (EDIFACT)"


@dataclass(slots=True)
class Interchange:
    """What was read of one interchange."""

    standard: Standard
    separators: Separators
    header: Level
    sets: list[FoundSet] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A part of a file that belongs to no interchange, or to one that cannot be read."""

    fault: BadEdi
    text: str


def interchanges_of(text: str) -> Iterator[Interchange | Unreadable]:
    """Everything that a file holds, in its order; never raises, and gives at least one of either."""
    text = _unwrapped(text)
    starts = list(_START.finditer(text))
    edges = [match.start() for match in starts] + [len(text)]
    before = text[: edges[0]]
    if before.strip(BLANK) or not starts:
        yield from _without_header(before)
    for match, begin, end in zip(starts, edges, edges[1:], strict=False):
        part = text[begin:end]
        try:
            interchange, rest = _read(match.lastgroup or "", part)
        except BadEdi as exc:
            yield Unreadable(exc, part)
            continue
        yield interchange
        if rest.strip(BLANK):
            yield from _without_header(rest)


def _unwrapped(text: str) -> str:
    start = _START.search(text)
    if start is None or start.lastgroup == "tradacoms":
        return text
    try:
        separators = _separators_of(start.lastgroup or "", text[start.start() :])
    except BadEdi:
        return text
    return without_wrapping(text, separators.terminator)


def _separators_of(kind: str, part: str) -> Separators:
    return x12_syntax.separators_of(part) if kind == "x12" else edifact_syntax.separators_of(part)


def _without_header(text: str) -> Iterator[Interchange | Unreadable]:
    """A part in front of the first interchange: sets without one can be read all the same."""
    part = text.strip(BLANK)
    for standard, guess in ((X12, x12_syntax.guess_separators), (EDIFACT, edifact_syntax.guess_separators)):
        separators = guess(part)
        if separators is not None:
            yield _walk_alone(standard, separators, part)
            return
    message = f"{_EXPECTED}, found {part[:40]!r}" if part else f"there is nothing in it: {_EXPECTED}"
    yield Unreadable(BadEdi("no_envelope", message), text)


def _walk_alone(standard: Standard, separators: Separators, part: str) -> Interchange | Unreadable:
    text = edifact_syntax.segments_text(part, separators) if standard is EDIFACT else part
    try:
        return _walk(standard, separators, text)[0]
    except BadEdi as exc:
        return Unreadable(exc, part)


def _read(kind: str, part: str) -> tuple[Interchange, str]:
    if kind == "tradacoms":
        raise BadEdi("tradacoms", "TRADACOMS (STX=) is not read here: have it translated to EDIFACT or X12")
    separators = _separators_of(kind, part)
    if kind == "x12":
        return _walk(X12, separators, part)
    return _walk(EDIFACT, separators, edifact_syntax.segments_text(part, separators))


def _walk(standard: Standard, separators: Separators, text: str) -> tuple[Interchange, str]:
    """Read segments up to the end of the interchange; what stands behind it comes back as text."""
    walk = Walk(standard)
    rest = ""
    count = 0
    is_terminated = True
    for piece in separators.pieces(text):
        for raw in _run_on(walk, standard, separators, piece.raw):
            count += 1
            _take(walk, separators, raw)
        if count > MAX_SEGMENTS:
            raise BadEdi("too_many_segments", f"the interchange has more than {MAX_SEGMENTS} segments")
        is_terminated = piece.is_terminated
        if walk.is_over:
            rest = text[piece.next_at :]
            break
    if not is_terminated and not walk.is_over:
        walk.blame("the last segment has no terminator: the file may have been cut off")
    walk.finish()
    if not walk.found:
        names = standard.set.name
        raise BadEdi(
            "no_set", f"{walk.interchange.label}: holds no {names} that starts with {standard.set.header}"
        )
    if walk.interchange.header is None:
        walk.interchange.blame(f"there is no {standard.interchange.header}: the separators are guessed")
    return Interchange(standard, separators, walk.interchange, walk.found), rest


def _run_on(walk: Walk, standard: Standard, separators: Separators, raw: str) -> Iterator[str]:
    """A raw segment; more than one where a line break and a tag show that a terminator is missing."""
    if standard is EDIFACT or "\n" not in raw:
        yield raw
        return
    lines = raw.split("\n")
    held = [lines[0]]
    for line in lines[1:]:
        tag, separator, _ = line.strip()[:4].partition(separators.element)
        if separator and _TAG.fullmatch(tag):
            yield "\n".join(held).rstrip("\r\n")
            walk.blame(f"the segment in front of {tag} has no terminator")
            held = [line.lstrip()]
        else:
            held.append(line)
    yield "\n".join(held)


def _take(walk: Walk, separators: Separators, raw: str) -> None:
    segment = separators.segment_of(raw)
    if _TAG.fullmatch(segment.tag):
        walk.take(segment)
    else:
        walk.blame(f"{segment.tag[:20]!r} is not the tag of a segment")
