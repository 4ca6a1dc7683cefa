"""How an X12 interchange declares its separators: by their places in ISA."""

from __future__ import annotations

import re

from collectors.edi.faults import BadEdi
from collectors.edi.segments import BLANK, Separators

# Three elements of the right shape, so that a REF*ISA*... does not start an interchange.
START = (
    r"(?<![A-Za-z0-9])ISA(?P<e>[^A-Za-z0-9 \r\n])"
    r"[A-Z0-9 ]{1,2}(?P=e)(?:(?!(?P=e)).){0,12}(?P=e)[A-Z0-9 ]{1,2}(?P=e)"
)
_ELEMENTS = 16
_LONGEST = 200  # of an ISA whose elements are padded too far
_FIRST_REPETITION = "00402"  # before it ISA11 said which agency sets the standard
_BARE = re.compile(r"(?:ST|GS)(?P<e>[*|~^+>])[\w .&/-]*(?:(?P=e)[\w .&/-]*)*")


def separators_of(part: str) -> Separators:
    """The separators that ISA, at the start of `part`, declares; raises BadEdi.

    ISA has fixed places, but real ones are trimmed: the sixteenth element separator is what counts.
    """
    element = part[3]
    places = _places_of(part, element)
    elements = [part[a + 1 : b].strip(" \r\n") for a, b in zip(places, places[1:], strict=False)]
    component, terminator = _behind(part, places[-1], element)
    repetition = ""
    if elements[11] >= _FIRST_REPETITION and _may_separate(elements[10]):
        repetition = elements[10]
    if repetition in (element, component, terminator):
        repetition = ""
    return Separators(element, component, terminator, repetition)


def guess_separators(part: str) -> Separators | None:
    """The separators of sets without an ISA, None when this is no such thing."""
    found = _BARE.match(part)
    if found is None or found.end() >= len(part):
        return None
    terminator = part[found.end()]
    element = found["e"]
    if f"SE{element}" not in part or terminator == element:
        return None
    return Separators(element, "", terminator)


def _places_of(part: str, element: str) -> list[int]:
    places = [match.start() for match in re.finditer(re.escape(element), part[:_LONGEST])][:_ELEMENTS]
    if len(places) < _ELEMENTS:
        message = (
            f"ISA: expected {_ELEMENTS} elements, found {len(places)} in its first {_LONGEST} characters"
        )
        raise BadEdi("bad_envelope", message)
    return places


def _behind(part: str, place: int, element: str) -> tuple[str, str]:
    """The component separator and the terminator, which stand behind the last element separator."""
    component, terminator = part[place + 1 : place + 2], part[place + 2 : place + 3]
    if terminator in ("\r", "\n") and _ends_lines(part, place, component):
        terminator, component = component, ""  # ISA16 was left out
    if not terminator or terminator == element or not (_may_separate(terminator) or terminator in "\r\n"):
        raise BadEdi("bad_envelope", "ISA: no segment terminator stands behind its sixteenth element")
    return (component if _may_separate(component) else ""), terminator


def _ends_lines(part: str, place: int, character: str) -> bool:
    """Whether the line behind ISA ends with this character as well: then it is the terminator."""
    following = part[place + 2 : place + 2 + _LONGEST].strip(BLANK).split("\n")[0]
    return _may_separate(character) and following.rstrip().endswith(character)


def _may_separate(character: str) -> bool:
    # \x1c to \x1f, which count as space, are what careful senders separate with.
    return len(character) == 1 and not character.isalnum() and character not in " \t\r\n"
