"""Reading OCEL as CSV, in both forms that tools write.

- OCEL 1.0 (pm4py): columns ``ocel:eid``, ``ocel:activity``, ``ocel:timestamp``, and for each object type one
  ``ocel:type:NAME`` whose cells list ids, as in ``['i1', 'i2']``.
- OCEL 2.0 (rust4pm): ``id``, ``activity``, ``timestamp``, ``ot:NAME`` for object types, ``ea:NAME`` for
  attributes. A cell names objects as ``i1#qualifier{"price": 5}/i2``. A row whose activity is ``o2o`` tells
  what its id is related to; one without id and activity, what objects changed to.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from collectors.files.ocel.records import (
    BadLog,
    Link,
    LogEvent,
    LogObject,
    ObjectLink,
    ObjectValue,
    Record,
    Tape,
)

OLD_COLUMNS = ("ocel:eid", "ocel:activity", "ocel:timestamp")
NEW_COLUMNS = ("id", "activity", "timestamp")
_OLD_TYPE = "ocel:type:"
_NEW_TYPE = "ot:"
_RELATED = "o2o"
_QUOTED = re.compile(r"""\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|([^,'"\[\]]+))\s*(?:,|$)""")
_ESCAPE = re.compile(r"\\(.)")
_json = json.JSONDecoder()


class Columns(NamedTuple):
    """Where things stand in a row."""

    id: int
    activity: int
    time: int
    types: tuple[tuple[int, str], ...]
    attributes: tuple[tuple[int, str], ...]
    is_old: bool


def read_csv(path: Path, seen: Callable[[int], None]) -> Iterator[Record]:
    """The records of a log in the order of the file; raises BadLog with the row at fault."""
    csv.field_size_limit(16 * 1024 * 1024)
    with path.open("rb") as file:
        tape = Tape(file)
        rows = csv.reader(_lines(tape), strict=True)
        number = 0
        try:
            columns = find_columns(next(rows, []))
            if columns is None:
                raise BadLog("expected the columns id, activity, timestamp and ot:TYPE, or those of OCEL 1.0")
            for number, row in enumerate(rows, 2):
                tape.next_record()
                if row:
                    yield from _records_of(row, columns, number)
                seen(tape.position)
        except csv.Error as exc:
            raise BadLog(f"row {number + 1}: not CSV: {exc}") from exc
        except UnicodeDecodeError as exc:
            raise BadLog(f"row {number + 1}: not UTF-8") from exc


def find_columns(header: Sequence[str]) -> Columns | None:
    """Where things stand, if the header is one of a log."""
    names = [name.strip() for name in header]
    for needed, of_type, of_attribute in ((OLD_COLUMNS, _OLD_TYPE, ""), (NEW_COLUMNS, _NEW_TYPE, "ea:")):
        types = tuple((i, n.removeprefix(of_type)) for i, n in enumerate(names) if n.startswith(of_type))
        if set(needed) <= set(names) and types:
            taken = {*(i for i, _ in types), *(names.index(one) for one in needed)}
            attributes = tuple(
                (i, n.removeprefix(of_attribute))
                for i, n in enumerate(names)
                if i not in taken and n.startswith(of_attribute)
            )
            first, second, third = (names.index(one) for one in needed)
            return Columns(first, second, third, types, attributes, needed is OLD_COLUMNS)
    return None


def _lines(tape: Tape) -> Iterator[str]:
    """The lines, whichever way they end; a mark of the byte order is left out."""
    rest = b""
    is_first = True
    while piece := tape.read(64 * 1024):
        if is_first:
            piece, is_first = piece.removeprefix(b"\xef\xbb\xbf"), False
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            yield line.decode() + "\n"
    if rest:
        yield rest.decode()


def _records_of(row: list[str], columns: Columns, number: int) -> Iterator[Record]:
    width = 1 + max(columns.id, columns.activity, columns.time, *(i for i, _ in columns.types))
    if len(row) < width:
        raise BadLog(f"row {number}: expected at least {width} cells, found {len(row)}")
    event_id, activity, time = (
        row[columns.id].strip(),
        row[columns.activity].strip(),
        row[columns.time].strip(),
    )
    links: list[Link] = []
    for place, kind in columns.types:
        for link, values in _named(row[place], kind, columns.is_old, number):
            links.append(link)
            yield LogObject(link.object_id, kind)
            for name, value in values.items():
                yield ObjectValue(link.object_id, name, value, time)
    if activity == _RELATED and not columns.is_old:
        for link in links:
            yield ObjectLink(event_id, link.object_id, link.qualifier)
    elif event_id or activity:
        values = {name: row[i] for i, name in columns.attributes if i < len(row) and row[i] != ""}
        yield LogEvent(event_id, activity, time, values, tuple(links))


def _named(cell: str, kind: str, is_old: bool, number: int) -> Iterator[tuple[Link, dict[str, object]]]:
    text = cell.strip()
    if not text:
        return
    if is_old:
        for object_id in _python_list(text, number):
            yield Link(object_id, "", kind), {}
        return
    yield from _references(text, kind, number)


def _python_list(text: str, number: int) -> Iterator[str]:
    """The texts of a list as Python or JSON writes it; a bare text is one id."""
    if not (text.startswith("[") and text.endswith("]")):
        yield text
        return
    inner, place = text[1:-1], 0
    while place < len(inner):
        found = _QUOTED.match(inner, place)
        if found is None:
            raise BadLog(f"row {number}: expected a list such as ['i1', 'i2'], found {text[:80]}")
        place = found.end()
        value = next((group for group in found.groups() if group is not None), "").strip()
        if value:
            yield _ESCAPE.sub(r"\1", value)


def _references(text: str, kind: str, number: int) -> Iterator[tuple[Link, dict[str, object]]]:
    """``i1#qualifier{"attribute": value}/i2``."""
    place = 0
    while place < len(text):
        end = next((i for i in range(place, len(text)) if text[i] in "/{"), len(text))
        object_id, _, qualifier = text[place:end].partition("#")
        values: dict[str, object] = {}
        if end < len(text) and text[end] == "{":
            try:
                values, end = _json.raw_decode(text, end)
            except (ValueError, RecursionError) as exc:
                raise BadLog(f"row {number}: expected JSON after {object_id[:80]}: {exc}") from exc
        place = end + 1
        if object_id.strip():
            yield Link(object_id.strip(), qualifier.strip(), kind), values
