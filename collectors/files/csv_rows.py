"""Reading a CSV file row by row, with the bytes of every row, however broken the file is."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from collectors.mapping.csv_mapping import BadRow
from controltower.domain.errors import BadPayload

MAX_KEPT = 64 * 1024  # of one bad row


class RawRow(NamedTuple):
    """A row: its number (the header is row 1), its bytes, and its cells or what is wrong with it."""

    number: int
    raw: bytes
    cells: Sequence[str]
    fault: BadRow | None = None


class _Tape:
    """Hands lines on and remembers those of the row at hand. Bytes that are no UTF-8 pass unharmed."""

    def __init__(self, lines: Iterable[bytes]) -> None:
        self._lines = iter(lines)
        self._kept: list[bytes] = []
        self._is_first = True

    def __iter__(self) -> _Tape:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        if self._is_first:
            line = line.removeprefix(b"\xef\xbb\xbf")
            self._is_first = False
        self._kept.append(line)
        return line.decode("utf-8", "surrogateescape")

    def take(self) -> bytes:
        """What was read since the last time."""
        kept = b"".join(self._kept)
        self._kept.clear()
        return kept


def read_rows(lines: Iterable[bytes], delimiter: str) -> Iterator[RawRow]:
    """Every row that is not blank, the header first; a row that is no CSV has a fault and no cells."""
    tape = _Tape(lines)
    reader = csv.reader(tape, delimiter=delimiter, strict=True)
    number = 0
    while True:
        try:
            cells: list[str] = next(reader)
            fault = _encoding_fault(cells)
        except StopIteration:
            return
        except csv.Error as exc:
            cells, fault = [], BadRow("bad_csv", f"not CSV: {exc}")
        number += 1
        raw = tape.take()
        if cells or fault:
            yield RawRow(number, raw, cells, fault)


def read_header(rows: Iterator[RawRow], needed: Iterable[str]) -> RawRow:
    """The header; raises BadPayload when the file has none or it lacks a column."""
    header = next(rows, None)
    if header is None:
        raise BadPayload("the file is empty: expected a header with the names of the columns")
    if header.fault:
        raise BadPayload(f"the header cannot be read: {header.fault}")
    missing = [column for column in needed if column not in header.cells]
    if missing:
        raise BadPayload(f"the file has no column {missing[0]!r}; it has {', '.join(header.cells)}")
    twice = {column for column in header.cells if header.cells.count(column) > 1}
    if twice:
        raise BadPayload(f"the file has more than one column {sorted(twice)[0]!r}")
    return header


def cells_by_column(header: RawRow, row: RawRow) -> dict[str, str]:
    """The trimmed cells of a row under the names of their columns; raises BadRow."""
    if row.fault:
        raise row.fault
    if len(row.cells) != len(header.cells):
        raise BadRow("wrong_columns", f"expected {len(header.cells)} cells, found {len(row.cells)}")
    return {column: cell.strip() for column, cell in zip(header.cells, row.cells, strict=True)}


def _encoding_fault(cells: Iterable[str]) -> BadRow | None:
    for cell in cells:
        try:
            cell.encode()
        except UnicodeEncodeError:
            return BadRow("bad_encoding", "not UTF-8")
    return None
