"""The two sides as tables of texts: from CSV files, or from what systems reported to the tower."""

from __future__ import annotations

from collections.abc import Iterator
from glob import glob
from pathlib import Path

import msgspec
import pandas as pd

from controltower.domain.errors import BadPayload
from controltower.domain.times import from_us
from controltower.services.reconciliation.declaration import EventsExtract, Side
from controltower.services.reconciliation.given import Extract
from controltower.services.told_values import text_of, value_at
from controltower.store.engine import Connection
from controltower.store.told import ToldEvent, events_told

MAX_FILE = 512 * 1024 * 1024
MAX_ROWS = 5_000_000
MAX_ITEMS = 10_000  # of one event


class BadExtract(BadPayload):
    """An extract cannot be read, or lacks a column; the message says which and what was expected."""

    reason = "bad_extract"


def read_csv_extract(file: Extract, side: Side, name: str) -> pd.DataFrame:
    """The columns that the side needs, as texts. Raises BadExtract naming `name`."""
    if isinstance(file, Path) and file.stat().st_size > MAX_FILE:
        raise BadExtract(f"{name}: larger than {MAX_FILE >> 20} MiB")
    try:
        header = pd.read_csv(file, sep=side.delimiter, nrows=0, dtype=str, encoding="utf-8-sig")
        missing = [column for column in side.columns if column not in header.columns]
        if missing:
            has = ", ".join(map(str, header.columns[:40]))
            raise BadExtract(f"{name}: there is no column {missing[0]!r}; it has {has}")
        if not isinstance(file, Path):
            file.seek(0)
        rows = pd.read_csv(
            file,
            sep=side.delimiter,
            usecols=list(side.columns),
            dtype=str,
            keep_default_na=False,
            na_filter=False,
            encoding="utf-8-sig",
            nrows=MAX_ROWS + 1,
        )
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as exc:
        raise BadExtract(f"{name}: not a CSV file in UTF-8: {str(exc).splitlines()[0]}") from exc
    if len(rows) > MAX_ROWS:
        raise BadExtract(f"{name}: more than {MAX_ROWS:,} rows")
    return rows


def find_file(side: Side) -> Path:
    """The newest file that the side names; raises BadExtract when there is none."""
    found = [Path(one) for one in glob(side.file)] if side.file else []
    if not found:
        raise BadExtract(f"{side.title}: no file is named {side.file!r}")
    return max(found, key=lambda path: (path.stat().st_mtime_ns, path.name))


def read_events_extract(c: Connection, side: Side) -> pd.DataFrame:
    """The columns that the side needs, one row for each event or item of one, by time.

    A column is ``id``, ``type``, ``time``, ``identifiers.KIND``, ``data.PATH`` or, with `each`,
    ``each.PATH``.
    Raises BadExtract when a column is none of these.
    """
    events = side.events
    assert events is not None, "the side must be declared with events"
    for column in side.columns:
        first = column.partition(".")[0]
        if column not in ("id", "type", "time") and first not in ("identifiers", "data", "each"):
            raise BadExtract(
                f"{side.title}: {column!r}: expected id, type, time, identifiers.KIND, data.PATH or each.PATH"
            )
    rows: list[tuple[int, str, list[str]]] = []
    for told in events_told(c, events.source, types=events.types, with_payload=True):
        for row in _rows_of(told, side, events):
            rows.append((told.occurred_us, told.id, row))
            if len(rows) > MAX_ROWS:
                raise BadExtract(f"{side.title}: more than {MAX_ROWS:,} rows")
    rows.sort(key=lambda row: row[:2])
    return pd.DataFrame([row for _, _, row in rows], columns=list(side.columns), dtype=str)


def _rows_of(told: ToldEvent, side: Side, events: EventsExtract) -> Iterator[list[str]]:
    try:
        event = msgspec.json.decode(told.payload)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return
    data = event.get("data") if isinstance(event, dict) else None
    if events.system and text_of(value_at(data, "system")) != events.system:
        return
    items: object = [None]
    if events.each:
        items = value_at(data, events.each)
    for item in items[:MAX_ITEMS] if isinstance(items, list) else []:
        yield [_cell(column, told, data, item) for column in side.columns]


def _cell(column: str, told: ToldEvent, data: object, item: object) -> str:
    first, _, path = column.partition(".")
    match first:
        case "id":
            return told.id
        case "type":
            return told.type
        case "time":
            return from_us(told.occurred_us).isoformat()
        case "identifiers":
            return next((value for kind, value in told.identifiers if kind == path), "")
        case "data":
            return text_of(value_at(data, path))
        case _:
            return text_of(value_at(item, path))
