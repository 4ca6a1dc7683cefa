"""The stores that a tower is measured on, looked at from outside: sizes, counts and processes."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from tests.backends import find_postgres, new_database

SQLITE = "sqlite"
POSTGRESQL = "postgresql"
STORES = (SQLITE, POSTGRESQL)
_FILE = "controltower.db"
_CHECKPOINT_WITHIN = 30.0
_COUNTS: Mapping[str, str] = {
    "events": "SELECT count(*) FROM event",
    "spans": "SELECT coalesce(sum(span_count), 0) FROM span_segment",
    "segments": "SELECT count(*) FROM span_segment",
    "journeys": "SELECT count(*) FROM journey WHERE NOT hidden",
}
_SIZES_SQLITE = "SELECT name, sum(pgsize) FROM dbstat GROUP BY name ORDER BY 2 DESC"
_SIZES_POSTGRESQL = """
    SELECT relname, pg_table_size(oid) FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
    UNION ALL
    SELECT relname, pg_relation_size(oid) FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind = 'i'
    ORDER BY 2 DESC
"""


class NoDatabase(Exception):
    """There is no PostgreSQL server to measure on."""


@dataclass(frozen=True)
class Store:
    """One empty store and what can be known of it."""

    name: str
    home: Path
    url: str  # "" for the embedded one in `home`

    def count(self, what: str) -> int:
        """How many events, spans, segments or journeys it holds."""
        return int(self._select(_COUNTS[what])[0][0])

    def disk_bytes(self) -> int:
        """All that it takes of the disk, after a checkpoint, indexes and free pages included."""
        if self.url:
            size = "SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE relkind = 'r'"
            return int(self._select(f"{size} AND relnamespace = 'public'::regnamespace")[0][0])
        self._checkpoint()
        files = (self.home / _FILE, self.home / f"{_FILE}-wal")
        return sum(file.stat().st_size for file in files if file.exists())

    def sizes(self) -> list[tuple[str, int]]:
        """Bytes of each table and index, the largest first; empty where SQLite was built without dbstat."""
        try:
            return [(name, int(size)) for name, size in self._select(self._sizes_query)]
        except sqlite3.OperationalError:
            return []

    def processes(self) -> list[int]:
        """The processes of the database server that work now."""
        return [pid for (pid,) in self._select("SELECT pid FROM pg_stat_activity")] if self.url else []

    def _checkpoint(self) -> None:
        give_up_at = time.monotonic() + _CHECKPOINT_WITHIN
        with closing(sqlite3.connect(self.home / _FILE, timeout=30)) as connection:
            # The first column is 1 while somebody else is at it.
            while connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
                if time.monotonic() > give_up_at:
                    raise RuntimeError("the write-ahead log cannot be checkpointed: somebody keeps reading")
                time.sleep(0.1)

    def analyze(self) -> None:
        """Gather statistics at once; on a tower that has run for a while, autovacuum has done so."""
        if self.url:
            with psycopg.connect(self._libpq_url, autocommit=True) as connection:
                connection.execute("VACUUM ANALYZE")

    @property
    def _libpq_url(self) -> str:
        return self.url.replace("+psycopg", "")

    @property
    def _sizes_query(self) -> str:
        return _SIZES_POSTGRESQL if self.url else _SIZES_SQLITE

    def _select(self, query: str) -> Sequence[Any]:
        if self.url:
            with psycopg.connect(self._libpq_url, autocommit=True) as connection:
                return connection.execute(query.encode()).fetchall()
        with closing(sqlite3.connect(self.home / _FILE, timeout=30)) as file:
            return file.execute(query).fetchall()


@contextmanager
def empty_store(name: str, home: Path) -> Iterator[Store]:
    """A store of this name that is there for the length of the block."""
    if name == SQLITE:
        yield Store(name, home, "")
        return
    server = find_postgres()
    if server is None:
        raise NoDatabase("start a PostgreSQL server, or name it in CONTROLTOWER_TEST_POSTGRES")
    with new_database(server) as url:
        yield Store(name, home, url)
