"""How an EDIFACT interchange declares its separators: by UNA, or by not having one."""

from __future__ import annotations

import re

from collectors.edi.segments import Separators

START = r"(?<![A-Za-z0-9])(?:UNA[^A-Za-z0-9]{6}\s*UNB|UNB[^A-Za-z0-9 \r\n](?=[A-Z]{4}))"
_UNA = 9  # characters
_WITHOUT_TERMINATOR = re.compile(r"UNB[^\n]*\n\s*UN[HG][^A-Za-z0-9 \r\n]")
_VERSION = re.compile(r"UNB.[A-Z]{4}.(\d)", re.DOTALL)
_LEVEL_B = Separators(
    "\x1d", "\x1f", "\x1c"
)  # the separators of syntax level B, which nothing can collide with
_BARE = re.compile(r"UN[HG]\+")
_BREAKS = str.maketrans("", "", "\r\n")


def separators_of(part: str) -> Separators:
    """The separators of the interchange at the start of `part`."""
    header = _header_of(part)
    separators = _of_una(part, header) if part.startswith("UNA") else _defaults(header)
    first_line = header.partition("\n")[0]
    if separators.terminator not in first_line and _WITHOUT_TERMINATOR.match(header):
        return _with_terminator(separators, "\n")
    return separators


def segments_text(part: str, separators: Separators) -> str:
    """The interchange from UNB on; line breaks inside segments, which no repertoire has, are taken out."""
    header = _header_of(part)
    return header if separators.terminator in "\r\n" else header.translate(_BREAKS)


def guess_separators(part: str) -> Separators | None:
    """The separators of messages without UNB, None when this is no such thing."""
    return _plain("") if _BARE.match(part) else None


def una_of(separators: Separators) -> str:
    """The UNA that declares these separators, "" where none is needed or none can."""
    if separators in (_plain(""), _LEVEL_B) or separators.terminator in "\r\n":
        return ""
    release, repetition = separators.release or " ", separators.repetition or " "
    return f"UNA{separators.component}{separators.element}.{release}{repetition}{separators.terminator}\n"


def _header_of(part: str) -> str:
    return part[_UNA:].lstrip() if part.startswith("UNA") else part


def _of_una(part: str, header: str) -> Separators:
    component, element, _, release, repetition, terminator = tuple(part[3:_UNA])
    is_used = repetition != " " and _version_of(header) >= "4"
    return Separators(
        element, component, terminator, repetition if is_used else "", "" if release == " " else release
    )


def _defaults(header: str) -> Separators:
    if header[3] == _LEVEL_B.element:
        return _LEVEL_B
    return _plain("*" if _version_of(header) >= "4" else "")


def _plain(repetition: str) -> Separators:
    return Separators("+", ":", "'", repetition, "?")


def _version_of(header: str) -> str:
    found = _VERSION.match(header)
    return found[1] if found else ""


def _with_terminator(separators: Separators, terminator: str) -> Separators:
    return Separators(
        separators.element, separators.component, terminator, separators.repetition, separators.release
    )
