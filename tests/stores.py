"""Stores of tests: opened for the length of a block, and emptied instead of made again."""

from collections.abc import Iterator
from contextlib import contextmanager

from controltower.store import tables
from controltower.store.engine import Database, open_database, transaction


@contextmanager
def opened(url: str) -> Iterator[Database]:
    """The store at this address; others may be using it."""
    database = open_database(url)
    try:
        yield database
    finally:
        database.dispose()


def url_of(database: Database) -> str:
    """Its address, as other processes take it."""
    return database.engine.url.render_as_string(hide_password=False)


def clear(database: Database) -> None:
    """Forget everything."""
    with transaction(database) as connection:
        for table in tables.metadata.sorted_tables:
            connection.execute(table.delete())
