"""From the bytes of a payload to decoded documents: one decoder for each format that a mapping may name."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Protocol
from urllib.parse import parse_qsl

from collectors.edi.decoding import documents_in
from collectors.mapping.errors import BadDocument
from collectors.mapping.values import decode_document
from collectors.mapping.xml_documents import decode_xml
from controltower.domain.errors import BadPayload

MAX_FIELDS = 10_000
MAX_ROWS = 10_000
_BOM = b"\xef\xbb\xbf"

# Gives the documents of a payload; raises BadPayload with what is wrong and where.
Decode = Callable[[bytes], list[object]]


class DecodePayload(Protocol):
    """Decodes payloads of any format, as `decode_payload` does."""

    def __call__(self, name: str, data: bytes, *, delimiter: str = ",") -> list[object]:
        """The documents of a payload in a format; raises BadPayload with what is wrong and where."""


def decode_payload(name: str, data: bytes, *, delimiter: str = ",") -> list[object]:
    """The documents of a payload in a format; raises BadPayload with what is wrong and where."""
    if name == "csv":
        return _csv(data, delimiter)
    decode = DECODERS.get(name)
    if decode is None:
        raise BadPayload(f"payloads in the format {name!r} are not read by this tower")
    return decode(data)


def _json(data: bytes) -> list[object]:
    return [decode_document(data.removeprefix(_BOM))]


def _form(data: bytes) -> list[object]:
    """A posted form; a field that comes more than once has a list."""
    members: dict[str, object] = {}
    for name, value in _fields(data):
        known = members.get(name)
        if known is None:
            members[name] = value
        elif isinstance(known, list):
            known.append(value)
        else:
            members[name] = [known, value]
    return [members]


def _fields(data: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(
            data.decode(),
            keep_blank_values=True,
            strict_parsing=bool(data),
            errors="strict",
            max_num_fields=MAX_FIELDS,
        )
    except ValueError as exc:  # UnicodeDecodeError is one
        raise BadDocument("bad_form", f"not a form: {exc}") from exc


def _xml(data: bytes) -> list[object]:
    return [decode_xml(data)]


def _csv(data: bytes, delimiter: str) -> list[object]:
    """A document for each row, its columns named by the first."""
    try:
        text = data.removeprefix(_BOM).decode()
        rows: list[object] = []
        for row in csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True):
            if None in row or None in row.values():
                raise BadDocument("wrong_columns", f"row {len(rows) + 2}: not as many cells as the header")
            if len(rows) >= MAX_ROWS:
                raise BadDocument("too_many", f"more than {MAX_ROWS} rows: import the file instead")
            rows.append({name: cell.strip() for name, cell in row.items()})
    except UnicodeDecodeError as exc:
        raise BadDocument("bad_encoding", f"not UTF-8: {exc}") from exc
    except csv.Error as exc:
        raise BadDocument("bad_csv", f"not CSV: {exc}") from exc
    return rows


DECODERS: dict[str, Decode] = {
    "json": _json,
    "form": _form,
    "xml": _xml,
    "x12": documents_in,
    "edifact": documents_in,
}
