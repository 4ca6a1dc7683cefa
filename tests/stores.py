"""Stores of tests: opened for the length of a block, and emptied instead of made again."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from hypothesis import settings

from controltower.store.engine import POSTGRESQL, Database, open_database, transaction
from controltower.store.schema import metadata

Test = TypeVar("Test", bound=Callable[..., Any])


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
    statements = [f'DELETE FROM "{table.name}"' for table in reversed(metadata.sorted_tables)]
    if database.dialect == POSTGRESQL:  # which takes them in one message; properties do this for each example
        # From the audit nothing can be deleted.
        statements = ["; ".join(["TRUNCATE audit_entry", *statements])]
    with transaction(database) as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def half_the_examples(test: Test) -> Test:
    """For properties each of whose examples is several transactions: half of what others try."""
    return settings(max_examples=settings().max_examples // 2)(test)
