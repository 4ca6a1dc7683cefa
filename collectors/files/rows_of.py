"""The lines of what is imported row by row: a CSV file, however its lines end, or an SQLite table."""

from __future__ import annotations

import csv
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from io import StringIO
from pathlib import Path
from typing import BinaryIO

from collectors.files.sqlite_files import list_tables, open_read_only, quoted
from controltower.domain.errors import BadPayload

_SQLITE = b"SQLite format 3\0"
_LOOK = 1024 * 1024
_PIECE = 64 * 1024
_LONGEST = 16 * 1024 * 1024


@contextmanager
def opened_lines(path: Path, table: str = "", delimiter: str = ",") -> Iterator[Iterable[bytes]]:
    """The lines of a CSV file, or those that `table` of an SQLite file would have as one.

    Raises BadPayload when the file is no SQLite file or has no such table, or is one and no table is named;
    OSError when it cannot be read.
    """
    if table:
        with _opened_table(path, table, delimiter) as lines:
            yield lines
        return
    with path.open("rb") as file:
        start = file.read(_LOOK)
        file.seek(0)
        if start.startswith(_SQLITE):
            raise BadPayload(f"{path.name} is an SQLite file: give --table; it has {_tables_of(path)}")
        yield _lines_by_return(file) if b"\r" in start and b"\n" not in start else file


def _lines_by_return(file: BinaryIO) -> Iterator[bytes]:
    """Lines that end with a carriage return alone, as old spreadsheets write them."""
    rest = b""
    while piece := file.read(_PIECE):
        *lines, rest = (rest + piece).split(b"\r")
        if len(rest) > _LONGEST:
            raise BadPayload(f"a line is longer than {_LONGEST >> 20} MiB")
        yield from (line + b"\n" for line in lines)
    if rest:
        yield rest


@contextmanager
def _opened_table(path: Path, table: str, delimiter: str) -> Iterator[Iterator[bytes]]:
    try:
        with closing(open_read_only(path)) as database:
            columns = list_tables(database).get(table)
            if columns is None:
                raise BadPayload(f"{path.name} has no table {table!r}; it has {_named(database)}")
            yield _table_lines(database, table, columns, delimiter)
    except (sqlite3.Error, UnicodeDecodeError) as exc:  # the latter for a message about a damaged file
        raise BadPayload(f"{path.name} is no SQLite file that can be read: {exc}") from exc


def _tables_of(path: Path) -> str:
    try:
        with closing(open_read_only(path)) as database:
            return _named(database)
    except (sqlite3.Error, UnicodeDecodeError):
        return "none that can be read"


def _named(database: sqlite3.Connection) -> str:
    return ", ".join(sorted(list_tables(database))[:20]) or "none"


def _table_lines(
    database: sqlite3.Connection, table: str, columns: list[str], delimiter: str
) -> Iterator[bytes]:
    yield _line(columns, delimiter)
    for row in database.execute(f"SELECT * FROM {quoted(table)}"):
        yield _line(["" if cell is None else _text(cell) for cell in row], delimiter)


def _text(cell: object) -> str:
    return cell.decode("utf-8", "replace") if isinstance(cell, bytes) else str(cell)


def _line(cells: list[str], delimiter: str) -> bytes:
    text = StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="\n").writerow(cells)
    return text.getvalue().encode()
