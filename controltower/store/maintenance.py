"""Care of the SQLite file: checkpoints off the commit path."""

from __future__ import annotations

from pathlib import Path

from controltower.store.engine import SQLITE, Database, translated_errors

_TRUNCATE_ABOVE = 64 * 1024 * 1024
_WORTHWHILE = 4 * 1024 * 1024


def checkpoint(db: Database) -> int:
    """Copy what the write-ahead log holds into the database; returns the size the log had, in bytes.

    PASSIVE waits for nobody but lets the log grow while somebody reads; above 64 MiB TRUNCATE makes writers
    wait a moment, so that the log stays small enough to be read fast.
    """
    if db.dialect != SQLITE or db.path is None:
        return 0
    log = Path(f"{db.path}-wal")
    size = log.stat().st_size if log.exists() else 0
    if size < _WORTHWHILE:
        return size
    mode = "TRUNCATE" if size > _TRUNCATE_ABOVE else "PASSIVE"
    with translated_errors(), db.engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.execute(f"PRAGMA wal_checkpoint({mode})").fetchall()
    return size
