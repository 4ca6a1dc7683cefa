"""Care of the SQLite file: checkpoints off the commit path."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from controltower.store.engine import SQLITE, Database, translated_errors

_RESTART_ABOVE = 64 * 1024 * 1024  # bytes of frames: a log must stay short to be read fast
_TRUNCATE_ABOVE = 256 * 1024 * 1024  # bytes of the file
_PATIENCE_MS = 100
_FRAME = 4096 + 24  # a page and what stands before it


def checkpoint(db: Database) -> int:
    """Copy what the write-ahead log holds into the database; returns how much the log held, in bytes.

    PASSIVE waits for nobody but lets the log grow while somebody writes or reads. When it has grown too
    long, RESTART makes writers wait a moment and then begin at its start again. The file keeps its size:
    writing over it costs a third less than letting it grow. Only after an unusual burst it is cut.
    """
    if db.dialect != SQLITE or db.path is None:
        return 0
    log = Path(f"{db.path}-wal")
    if not log.exists() or not log.stat().st_size:
        return 0
    with translated_errors(), db.engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        _, frames, _ = driver.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        held: int = max(frames, 0) * _FRAME
        if log.stat().st_size > _TRUNCATE_ABOVE:
            _restart(driver, "TRUNCATE")
        elif held > _RESTART_ABOVE:
            _restart(driver, "RESTART")
    return held


def _restart(driver: Any, mode: str) -> None:
    """Writers wait while this waits for readers, so it gives up soon and is tried again at the next turn."""
    (patience,) = driver.execute("PRAGMA busy_timeout").fetchone()
    driver.execute(f"PRAGMA busy_timeout={_PATIENCE_MS}")
    try:
        driver.execute(f"PRAGMA wal_checkpoint({mode})").fetchall()
    finally:
        driver.execute(f"PRAGMA busy_timeout={patience}")
