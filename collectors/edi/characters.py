"""From the bytes of an EDI file to its characters, and taking out line breaks that only wrap it."""

from __future__ import annotations

import re

BOM = "\ufeff"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_SYNTAX_LEVEL = re.compile(rb"UNB[^A-Za-z0-9](UNO[A-Z])")
# ISO 9735: the repertoire that each syntax level declares.
_CODECS = {
    b"UNOD": "iso8859_2",
    b"UNOE": "iso8859_5",
    b"UNOF": "iso8859_7",
    b"UNOG": "iso8859_3",
    b"UNOH": "iso8859_4",
    b"UNOI": "iso8859_6",
    b"UNOJ": "iso8859_8",
    b"UNOK": "iso8859_9",
    b"UNOL": "iso8859_15",
}
_LEAST_WRAP = 40  # shorter lines are segments that happen to be of one length


def characters_of(data: bytes) -> str:
    """The text of a file: by its byte order mark, else UTF-8 where it is that, else what UNB declares, else
    Latin-1. Never raises: a byte without a character becomes U+FFFD.
    """
    if data[:2] in _UTF16_MARKS:
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        declared = _SYNTAX_LEVEL.search(data)
        codec = _CODECS.get(declared[1], "latin-1") if declared else "latin-1"
        return data.decode(codec, "replace")


def without_wrapping(text: str, terminator: str) -> str:
    """The text without the line breaks of a file that was cut into lines of one length, as mainframes do.

    A text whose lines end where its segments end is left alone, and so is one that line breaks terminate.
    """
    if terminator in "\r\n":
        return text
    lines = text.replace("\r\n", "\n").rstrip("\n").split("\n")
    width = len(lines[0])
    if len(lines) < 2 or width < _LEAST_WRAP or len(lines[-1]) > width:
        return text
    if any(len(line) != width for line in lines[:-1]):
        return text
    if all(line.rstrip().endswith(terminator) for line in lines[:-1]):
        return text
    return "".join(lines)
