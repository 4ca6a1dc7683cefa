"""Telling whether a file is an object-centric event log, and in which format."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path

from collectors.files.ocel.csv_log import find_columns, read_csv
from collectors.files.ocel.json_log import read_json
from collectors.files.ocel.records import Record
from collectors.files.ocel.sqlite_log import read_sqlite
from collectors.files.ocel.xml_log import read_xml

Reader = Callable[[Path, Callable[[int], None]], Iterator[Record]]

_LOOK = 64 * 1024
_SQLITE = b"SQLite format 3\0"
_BOM = b"\xef\xbb\xbf"


def find_reader(path: Path) -> Reader | None:
    """The reader for the file, by what it begins with; None when it is no event log.

    JSON, XML and SQLite files are taken for one: nothing else of these kinds is imported from files without a
    mapping. A CSV file is one when its header says so.
    """
    with path.open("rb") as file:
        start = file.read(_LOOK)
    if start.startswith(_SQLITE):
        return read_sqlite
    text = start.removeprefix(_BOM).lstrip()
    if text.startswith(b"{"):
        return read_json
    if text.startswith(b"<"):
        return read_xml
    return read_csv if _has_log_header(text) else None


def _has_log_header(text: bytes) -> bool:
    line = text.splitlines()[0].decode("utf-8", "replace") if text else ""
    try:
        return find_columns(next(csv.reader([line]), [])) is not None
    except csv.Error:
        return False
