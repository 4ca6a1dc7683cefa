"""A log in a temporary SQLite file, so that whatever its size and order it can be asked in any order.

The SQL here is about this file alone; the lineage store is not touched.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from collectors.files.ocel.records import (
    EventLink,
    LogEvent,
    LogObject,
    ObjectLink,
    ObjectValue,
    Record,
)
from controltower.domain.times import from_us, to_us

UNDECLARED = "undeclared"
"""The type of objects that are named and described nowhere."""

_CHUNK = 2_000
_CACHE_KIB = 64 * 1024
_SCHEMA = """
CREATE TABLE event (n INTEGER PRIMARY KEY, id TEXT, type TEXT, time TEXT, us INTEGER, attributes TEXT);
CREATE TABLE object (id TEXT PRIMARY KEY, type TEXT) WITHOUT ROWID;
CREATE TABLE named (n INTEGER, object TEXT, qualifier TEXT, PRIMARY KEY (n, object, qualifier)) WITHOUT ROWID;
CREATE TABLE named_by_id (event TEXT, object TEXT, qualifier TEXT);
CREATE TABLE related (source TEXT, target TEXT, qualifier TEXT,
    PRIMARY KEY (source, target, qualifier)) WITHOUT ROWID;
CREATE TABLE value (object TEXT, name TEXT, value TEXT, us INTEGER, n INTEGER);
"""
_AFTERWARDS = """
CREATE INDEX event_id ON event (id);
INSERT OR IGNORE INTO named
    SELECT event.n, b.object, b.qualifier FROM named_by_id b JOIN event ON event.id = b.event;
CREATE INDEX named_object ON named (object, n);
CREATE INDEX related_target ON related (target, source);
INSERT OR IGNORE INTO object SELECT DISTINCT object, 'undeclared' FROM named;
INSERT OR IGNORE INTO object SELECT DISTINCT target, 'undeclared' FROM related;
INSERT OR IGNORE INTO object SELECT DISTINCT source, 'undeclared' FROM related;
CREATE INDEX object_type ON object (type);
CREATE INDEX value_object ON value (object, us);
UPDATE value SET n = coalesce(
    (SELECT e.n FROM named m JOIN event e USING (n) WHERE m.object = value.object AND e.us >= value.us
        ORDER BY e.us, e.id, e.n LIMIT 1),
    (SELECT e.n FROM named m JOIN event e USING (n) WHERE m.object = value.object
        ORDER BY e.us DESC, e.id DESC, e.n DESC LIMIT 1));
CREATE INDEX value_n ON value (n);
ANALYZE;
"""
_FIRST_US = -(2**62)  # of a value that an object has from the start: the first event that names it tells it


class StagedEvent(NamedTuple):
    """An event with all that the log says of it."""

    id: str
    type: str
    time: str  # as written
    us: int | None  # None when the time cannot be read
    attributes: dict[str, object]
    named: list[tuple[str, str, str]]  # (object, its type, qualifier)
    values: list[tuple[str, str, object, bool]]  # (object, attribute, value, whether it had another before)


class Staged:
    """A log that was read whole."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection

    def counts(self) -> LogCounts:
        """How much of everything there is."""
        ask = self.connection.execute
        (events,) = ask("SELECT count(*) FROM event").fetchone()
        (named,) = ask("SELECT count(*) FROM named").fetchone()
        (related,) = ask("SELECT count(*) FROM related").fetchone()
        (without_time,) = ask("SELECT count(*) FROM event WHERE us IS NULL").fetchone()
        first, last = ask("SELECT min(us), max(us) FROM event").fetchone()
        return LogCounts(
            events=events,
            event_types=Counter(dict(ask("SELECT type, count(*) FROM event GROUP BY type"))),
            objects=Counter(dict(ask("SELECT type, count(*) FROM object GROUP BY type"))),
            event_object_links=named,
            object_object_links=related,
            events_without_time=without_time,
            first_at=None if first is None else from_us(first),
            last_at=None if last is None else from_us(last),
        )

    def activities_by_type(self) -> dict[str, int]:
        """How many kinds of events name the objects of each type."""
        rows = self.connection.execute(
            "SELECT o.type, count(DISTINCT e.type) FROM named m JOIN object o ON o.id = m.object"
            " JOIN event e USING (n) GROUP BY o.type"
        )
        return dict(rows)

    def events(self, after: int, limit: int) -> list[tuple[int, StagedEvent]]:
        """The next events in the order of the log, each with its number."""
        ask = self.connection.execute
        rows = ask("SELECT * FROM event WHERE n > ? ORDER BY n LIMIT ?", (after, limit)).fetchall()
        if not rows:
            return []
        between = (rows[0][0], rows[-1][0])
        named: dict[int, list[tuple[str, str, str]]] = {row[0]: [] for row in rows}
        for n, *link in ask(
            "SELECT m.n, m.object, o.type, m.qualifier FROM named m JOIN object o ON o.id = m.object"
            " WHERE m.n BETWEEN ? AND ? ORDER BY m.n, m.object, m.qualifier",
            between,
        ):
            named[n].append((link[0], link[1], link[2]))
        values: dict[int, list[tuple[str, str, object, bool]]] = {row[0]: [] for row in rows}
        for n, object_id, name, value, us in ask(
            "SELECT n, object, name, value, us FROM value WHERE n BETWEEN ? AND ?"
            " ORDER BY n, object, us, name, value",
            between,
        ):
            values[n].append((object_id, name, msgspec.json.decode(value), us != _FIRST_US))
        return [
            (n, StagedEvent(id_, kind, time, us, msgspec.json.decode(attributes), named[n], values[n]))
            for n, id_, kind, time, us, attributes in rows
        ]


class LogCounts(NamedTuple):
    """How much a log holds."""

    events: int
    event_types: Counter[str]
    objects: Counter[str]  # by type
    event_object_links: int
    object_object_links: int
    events_without_time: int
    first_at: datetime | None
    last_at: datetime | None


@contextmanager
def staged(records: Iterable[Record], zone: ZoneInfo) -> Iterator[Staged]:
    """Read all records; times without a zone are of `zone`. The temporary file is gone afterwards."""
    with TemporaryDirectory(prefix="controltower-log-") as folder:
        connection = sqlite3.connect(Path(folder) / "log.db", isolation_level=None)
        try:
            # Nothing here outlives the process.
            for pragma in ("journal_mode = OFF", "synchronous = OFF", f"cache_size = -{_CACHE_KIB}"):
                connection.execute(f"PRAGMA {pragma}")
            connection.executescript(_SCHEMA)
            _load(connection, records, zone)
            connection.executescript(_AFTERWARDS)
            yield Staged(connection)
        finally:
            connection.close()


class _Waiting(NamedTuple):
    events: list[tuple[object, ...]]
    objects: list[tuple[object, ...]]
    named: list[tuple[object, ...]]
    named_by_id: list[tuple[object, ...]]
    related: list[tuple[object, ...]]
    values: list[tuple[object, ...]]

    def write(self, connection: sqlite3.Connection) -> None:
        """Store what waits."""
        connection.execute("BEGIN")
        connection.executemany("INSERT INTO event VALUES (?, ?, ?, ?, ?, ?)", self.events)
        # An object may be described more than once; a type is better than none.
        connection.executemany(
            "INSERT INTO object VALUES (?, ?) ON CONFLICT DO UPDATE SET type = excluded.type"
            " WHERE object.type = 'undeclared'",
            self.objects,
        )
        connection.executemany("INSERT OR IGNORE INTO named VALUES (?, ?, ?)", self.named)
        connection.executemany("INSERT INTO named_by_id VALUES (?, ?, ?)", self.named_by_id)
        connection.executemany("INSERT OR IGNORE INTO related VALUES (?, ?, ?)", self.related)
        connection.executemany("INSERT INTO value VALUES (?, ?, ?, ?, NULL)", self.values)
        connection.execute("COMMIT")
        for rows in self:
            rows.clear()


def _load(connection: sqlite3.Connection, records: Iterable[Record], zone: ZoneInfo) -> None:
    waiting = _Waiting([], [], [], [], [], [])
    number = count = 0
    for count, record in enumerate(records, 1):
        match record:
            case LogEvent():
                number += 1
                us = read_time(record.time, zone)
                values = msgspec.json.encode(record.attributes).decode()
                waiting.events.append((number, record.id, record.type, record.time, us, values))
                waiting.named.extend(
                    (number, one.object_id, one.qualifier) for one in record.links if one.object_id
                )
            case LogObject():
                if record.id:
                    waiting.objects.append((record.id, record.type or UNDECLARED))
            case EventLink():
                waiting.named_by_id.append((record.event_id, record.object_id, record.qualifier))
            case ObjectLink():
                if record.source_id and record.target_id:
                    waiting.related.append((record.source_id, record.target_id, record.qualifier))
            case ObjectValue():
                us = read_time(record.time, zone)
                is_first = (
                    us is None or us < 24 * 3600 * 10**6
                )  # the epoch, in any zone, stands for no change
                packed = msgspec.json.encode(record.value).decode()
                waiting.values.append((record.object_id, record.name, packed, _FIRST_US if is_first else us))
        if count % _CHUNK == 0:
            waiting.write(connection)
    waiting.write(connection)


def read_time(text: str, zone: ZoneInfo) -> int | None:
    """Microseconds since the epoch of an ISO 8601 time; None when it is none."""
    try:
        moment = datetime.fromisoformat(text.strip())
        return to_us((moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC))
    except (ValueError, OverflowError):
        return None
