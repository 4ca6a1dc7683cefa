"""Opening the lineage store, and the one place where its errors are translated."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg.errors import ProgramLimitExceeded
from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy import Connection as Connection  # for those above the store, which know no SQL
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from controltower.domain.errors import BadSetting, StoreUnavailable
from controltower.store import postgres_arrays

SQLITE = "sqlite"
POSTGRESQL = "postgresql"

_PATIENCE = 10.0  # seconds, with others who use the same file
_SQLITE_PRAGMAS = (
    "PRAGMA synchronous=FULL",
    "PRAGMA busy_timeout=10000",
    "PRAGMA temp_store=MEMORY",
    "PRAGMA mmap_size=0",
    # The checkpointer of store.maintenance does it off the commit path.
    "PRAGMA wal_autocheckpoint=0",
)
# The writer finds rows by key only; while a young table has no statistics, the planner would rather scan it.
_WRITER_OPTIONS = "-c statement_timeout=60000 -c lock_timeout=30000 -c enable_seqscan=off -c jit=off"
READER_CACHE_KIB = 8 * 1024
WRITER_CACHE_KIB = 128 * 1024


@dataclass(frozen=True, slots=True)
class Database:
    """An open lineage store: pooled connections for everybody, and a large cache for the one writer."""

    engine: Engine
    writer: Engine
    dialect: str
    path: Path | None = None  # of the file, on SQLite

    def dispose(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()
        self.writer.dispose()


def open_database(url: str) -> Database:
    """Open the store at an SQLAlchemy URL (``sqlite:///file`` or ``postgresql+psycopg://...``)."""
    parsed = make_url(url)
    backend = parsed.get_backend_name()
    if backend == SQLITE:
        if not parsed.database or parsed.database == ":memory:":
            raise BadSetting(
                "CONTROLTOWER_DATABASE_URL: expected the path of a file, as in sqlite:///var/tower.db"
            )
        path = Path(parsed.database)
        path.parent.mkdir(parents=True, exist_ok=True)
        return Database(
            engine=_sqlite_engine(url, READER_CACHE_KIB, pool_size=8),
            writer=_sqlite_engine(url, WRITER_CACHE_KIB, pool_size=1),
            dialect=SQLITE,
            path=path,
        )
    if backend == POSTGRESQL:
        psycopg_url = parsed.set(drivername="postgresql+psycopg")
        return Database(
            engine=_postgresql_engine(psycopg_url, "-c statement_timeout=60000", pool_size=8, max_overflow=8),
            writer=_postgresql_engine(psycopg_url, _WRITER_OPTIONS, pool_size=2, max_overflow=0),
            dialect=POSTGRESQL,
        )
    raise BadSetting(f"CONTROLTOWER_DATABASE_URL: expected sqlite or postgresql, found {backend!r}")


def _postgresql_engine(url: URL, options: str, *, pool_size: int, max_overflow: int) -> Engine:
    engine = create_engine(
        url,
        hide_parameters=True,
        pool_size=pool_size,
        max_overflow=max_overflow,
        pool_pre_ping=True,
        pool_timeout=5,
        connect_args={"connect_timeout": 5, "options": options},
    )

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _: Any) -> None:
        postgres_arrays.register(connection)

    return engine


def _sqlite_engine(url: str, cache_kib: int, *, pool_size: int) -> Engine:
    engine = create_engine(
        url,
        hide_parameters=True,  # they may hold personal data, and errors are logged
        pool_size=pool_size,
        max_overflow=8,
        pool_timeout=5,
        connect_args={"check_same_thread": False, "timeout": 10.0, "cached_statements": 256},
    )

    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _: Any) -> None:
        # The driver's own implicit BEGIN would start transactions as readers, which cannot be upgraded
        # safely.
        connection.isolation_level = None
        _write_ahead(connection)
        for pragma in (*_SQLITE_PRAGMAS, f"PRAGMA cache_size=-{cache_kib}"):
            connection.execute(pragma)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Switch a new file to its write-ahead log; SQLite does not wait for others who do so too."""
    give_up_at = time.monotonic() + _PATIENCE
    while connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > give_up_at:
                raise
            time.sleep(0.02)


def transaction(db: Database) -> AbstractContextManager[Connection]:
    """One unit of work: commit on success, roll back and translate on failure."""
    return _unit_of_work(db.engine)


def writing(db: Database) -> AbstractContextManager[Connection]:
    """A unit of work on the writer's own connection; for the group commit only."""
    return _unit_of_work(db.writer)


@contextmanager
def _unit_of_work(engine: Engine) -> Iterator[Connection]:
    with translated_errors(), engine.connect() as bare:
        connection = bare.execution_options(writes=True)
        with connection.begin():
            yield connection


@contextmanager
def reading(db: Database) -> Iterator[Connection]:
    """A connection to read with; all reads inside see one snapshot on SQLite."""
    with translated_errors(), db.engine.connect() as connection, connection.begin():
        yield connection


# What a driver raises for a mistake in a statement or its values. store.bulk speaks to the drivers directly.
_MISTAKES = (
    IntegrityError,
    ProgrammingError,
    DataError,
    sqlite3.IntegrityError,
    sqlite3.ProgrammingError,
    sqlite3.InterfaceError,
    psycopg.IntegrityError,
    psycopg.ProgrammingError,
    psycopg.DataError,
    ProgramLimitExceeded,
)


@contextmanager
def translated_errors() -> Iterator[None]:
    """Turn what drivers raise when the store cannot serve into StoreUnavailable; let mistakes of ours
    through.
    """
    try:
        yield
    except _MISTAKES:
        raise
    except DBAPIError as exc:
        if isinstance(exc.orig, _MISTAKES):
            raise
        raise StoreUnavailable(f"the lineage store did not answer: {_plain(exc)}") from exc
    except (PoolTimeout, sqlite3.DatabaseError, psycopg.DatabaseError) as exc:
        raise StoreUnavailable(f"the lineage store did not answer: {_plain(exc)}") from exc
    except OSError as exc:
        raise StoreUnavailable(f"the lineage store did not answer: {exc.strerror or exc}") from exc


def _plain(exc: Exception) -> str:
    """The driver's own sentence, without the statement and its parameters (they may hold personal data)."""
    origin = getattr(exc, "orig", None)
    lines = str(origin or exc).splitlines()
    return lines[0] if lines else type(exc).__name__
