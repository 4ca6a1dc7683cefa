"""SQLite files of unknown origin, read and never written.

The SQL here and in its callers is about such files; the lineage store is not touched.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

_LONGEST_VALUE = 16 * 1024 * 1024


def open_read_only(path: Path) -> sqlite3.Connection:
    """The database in the file: it is not written to, and nothing that it defines is run."""
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
    connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST_VALUE)
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA query_only = ON")
    return connection


def list_tables(connection: sqlite3.Connection) -> dict[str, list[str]]:
    """The names of the tables, each with its columns."""
    names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    return {
        name: [row[1] for row in connection.execute(f"PRAGMA table_info({quoted(name)})")] for name in names
    }


def quoted(name: str) -> str:
    """A name of a table or column in SQL."""
    return '"' + name.replace('"', '""') + '"'
