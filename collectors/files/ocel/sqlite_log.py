"""Reading OCEL 2.0 as SQLite, and the tables that older tools wrote for OCEL 1.0.

The SQL here is about a file that somebody else wrote; the lineage store is not touched.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from collectors.files.ocel.records import (
    NO_CHANGE,
    BadLog,
    EventLink,
    LogEvent,
    LogObject,
    ObjectLink,
    ObjectValue,
    Record,
    text_of,
)
from collectors.files.sqlite_files import list_tables, open_read_only, quoted

_OLD_TABLES = ("EVENTS", "OBJECTS", "RELATIONS")
_NEW_TABLES = ("event", "object", "event_object", "event_map_type", "object_map_type")
_SIZES_EVERY = 1_000


def read_sqlite(path: Path, seen: Callable[[int], None]) -> Iterator[Record]:
    """The records of a log, objects before events before links; raises BadLog. The file is not written to."""
    try:
        with closing(open_read_only(path)) as log:
            tables = list_tables(log)
            read = _read_new if set(_NEW_TABLES) <= tables.keys() else _read_old
            if read is _read_old and not set(_OLD_TABLES) <= tables.keys():
                raise BadLog(f"expected the tables {', '.join(_NEW_TABLES)}; the file has {_some(tables)}")
            total = sum(_count(log, table) for table in tables) or 1
            size = path.stat().st_size
            for number, record in enumerate(read(log, tables)):
                yield record
                if number % _SIZES_EVERY == 0:
                    seen(min(number * size // total, size))
    except (sqlite3.Error, UnicodeDecodeError) as exc:  # the latter for a message about a damaged file
        raise BadLog(f"not an SQLite file that can be read: {exc}") from exc


def _read_new(log: sqlite3.Connection, tables: dict[str, list[str]]) -> Iterator[Record]:
    for row in log.execute("SELECT ocel_id, ocel_type FROM object"):
        yield LogObject(text_of(row[0]), text_of(row[1]))
    for _, mapped in log.execute("SELECT ocel_type, ocel_type_map FROM object_map_type ORDER BY 1"):
        yield from _object_values(log, f"object_{mapped}", tables)
    told: set[str] = set()
    for kind, mapped in log.execute("SELECT ocel_type, ocel_type_map FROM event_map_type ORDER BY 1"):
        table = f"event_{mapped}"
        if table in tables and table not in told:
            told.add(table)
            yield from _events(log, text_of(kind), table, tables[table])
    for row in log.execute("SELECT ocel_event_id, ocel_object_id, ocel_qualifier FROM event_object"):
        yield EventLink(*map(text_of, row))
    if "object_object" in tables:
        for row in log.execute("SELECT ocel_source_id, ocel_target_id, ocel_qualifier FROM object_object"):
            yield ObjectLink(*map(text_of, row))


def _events(log: sqlite3.Connection, kind: str, table: str, columns: list[str]) -> Iterator[LogEvent]:
    own = [column for column in columns if column not in ("ocel_id", "ocel_time")]
    wanted = ", ".join(quoted(column) for column in ("ocel_id", "ocel_time", *own))
    for row in log.execute(f"SELECT {wanted} FROM {quoted(table)}"):
        values = {name: value for name, value in zip(own, row[2:], strict=True) if value is not None}
        yield LogEvent(text_of(row[0]), kind, text_of(row[1]), values)


def _object_values(
    log: sqlite3.Connection, table: str, tables: dict[str, list[str]]
) -> Iterator[ObjectValue]:
    columns = tables.get(table, [])
    own = [column for column in columns if column not in ("ocel_id", "ocel_time", "ocel_changed_field")]
    if not own or not {"ocel_id", "ocel_time"} <= set(columns):
        return
    changed = quoted("ocel_changed_field") if "ocel_changed_field" in columns else "NULL"
    wanted = ", ".join(quoted(column) for column in own)
    for row in log.execute(f"SELECT ocel_id, ocel_time, {changed}, {wanted} FROM {quoted(table)}"):
        time = text_of(row[1]) if text_of(row[2]) else NO_CHANGE
        for name, value in zip(own, row[3:], strict=True):
            if value is not None and (not time or name == row[2]):
                yield ObjectValue(text_of(row[0]), name, value, time)


def _read_old(log: sqlite3.Connection, tables: dict[str, list[str]]) -> Iterator[Record]:
    columns = tables["OBJECTS"]
    own = [column for column in columns if not re.fullmatch(r"ocel:(oid|type)|index", column)]
    wanted = ", ".join(quoted(column) for column in ("ocel:oid", "ocel:type", *own))
    for row in log.execute(f"SELECT {wanted} FROM OBJECTS"):
        yield LogObject(text_of(row[0]), text_of(row[1]))
        for name, value in zip(own, row[2:], strict=True):
            if value is not None:
                yield ObjectValue(text_of(row[0]), name, value, NO_CHANGE)
    columns = tables["EVENTS"]
    own = [column for column in columns if not re.fullmatch(r"ocel:(eid|activity|timestamp)|index", column)]
    wanted = ", ".join(quoted(column) for column in ("ocel:eid", "ocel:activity", "ocel:timestamp", *own))
    for row in log.execute(f"SELECT {wanted} FROM EVENTS"):
        values = {name: value for name, value in zip(own, row[3:], strict=True) if value is not None}
        yield LogEvent(text_of(row[0]), text_of(row[1]), text_of(row[2]), values)
    for row in log.execute('SELECT "ocel:eid", "ocel:oid" FROM RELATIONS'):
        yield EventLink(text_of(row[0]), text_of(row[1]), "")


def _count(log: sqlite3.Connection, table: str) -> int:
    (rows,) = log.execute(f"SELECT count(*) FROM {quoted(table)}").fetchone()
    return int(rows)


def _some(names: dict[str, list[str]]) -> str:
    return ", ".join(list(names)[:8]) or "none"
