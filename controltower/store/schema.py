"""Bringing a database to the schema that this version of the tower expects."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from controltower.store.dead_letter_tables import metadata as metadata  # it has every table
from controltower.store.engine import POSTGRESQL, Database, translated_errors

_MIGRATIONS = Path(__file__).parent / "migrations"
_MIGRATION_LOCK = 0x6D696772


def upgrade(db: Database) -> tuple[str | None, str | None]:
    """Apply what is missing; returns the revisions before and after. Safe to call at every start, by any
    number of processes at once.
    """
    with translated_errors(), db.engine.connect() as bare:
        connection = bare.execution_options(writes=True)
        with connection.begin():
            if db.dialect == POSTGRESQL:
                connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s)", (_MIGRATION_LOCK,))
            before = current_revision(connection)
            command.upgrade(_config(connection), "head")
            return before, current_revision(connection)


def expected_revision() -> str | None:
    """The revision that this version of the tower was written for."""
    return ScriptDirectory.from_config(_config(None)).get_current_head()


def current_revision(connection: Connection) -> str | None:
    """The revision that the database has; None when it is empty."""
    return MigrationContext.configure(connection).get_current_revision()


def _config(connection: Connection | None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    return config
