"""Migrations lead to exactly the tables that the code expects, however often and by whomever they are run."""

from concurrent.futures import ProcessPoolExecutor

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect

from controltower.store.engine import Database, open_database, reading, transaction
from controltower.store.schema import current_revision, expected_revision, metadata, upgrade
from tests.store.other_process import upgrade_store

PARTIAL = {
    index.name: str(table.name)
    for table in metadata.sorted_tables
    for index in table.indexes
    if index.dialect_options["sqlite"]["where"] is not None
}


def test_migrations_make_what_the_metadata_says(database: Database):
    with reading(database) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_partial_indexes_are_partial_in_the_same_way(own_database: Database):
    """Alembic does not compare the conditions of indexes; one that is whole costs every write."""
    assert PARTIAL
    with reading(own_database) as connection:
        migrated = _conditions(connection)
        assert migrated.keys() == PARTIAL.keys()
    with transaction(own_database) as connection:
        metadata.drop_all(connection)
        metadata.create_all(connection)
    with reading(own_database) as connection:
        assert _conditions(connection) == migrated


def _conditions(connection: Connection) -> dict[str, str]:
    """The condition of each partial index, in the words of the database."""
    if connection.dialect.name == "sqlite":
        query = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql LIKE '%WHERE%'"
    else:
        query = "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'"
        query += " AND indexdef LIKE '%%WHERE%%'"
    rows = connection.exec_driver_sql(query)
    return {name: statement.partition("WHERE")[2].strip().strip("()") for name, statement in rows}


def test_without_rowid_tables_are_so_on_sqlite(sqlite_url: str):
    """Alembic does not compare this either; it halves the size of tables that are all key."""
    wanted = {
        table.name for table in metadata.sorted_tables if not table.dialect_options["sqlite"]["with_rowid"]
    }
    database = open_database(sqlite_url)
    upgrade(database)
    with reading(database) as connection:
        query = "SELECT name FROM pragma_table_list WHERE schema = 'main' AND wr = 1"
        made = {name for (name,) in connection.exec_driver_sql(query)}
    database.dispose()
    assert made == wanted


def test_upgrading_again_changes_nothing(database: Database):
    head = expected_revision()
    assert head is not None
    assert upgrade(database) == (head, head)
    with reading(database) as connection:
        assert current_revision(connection) == head


def test_an_empty_database_has_no_revision(database_url: str):
    database = open_database(database_url)
    with reading(database) as connection:
        assert current_revision(connection) is None
        assert inspect(connection).get_table_names() == []
    before, after = upgrade(database)
    database.dispose()
    assert (before, after) == (None, expected_revision())


def test_several_processes_may_upgrade_at_once(database_url: str, other_processes: ProcessPoolExecutor):
    steps = list(other_processes.map(upgrade_store, [database_url] * 3))
    head = expected_revision()
    assert sorted(steps, key=str) == sorted([(None, head), (head, head), (head, head)], key=str)
