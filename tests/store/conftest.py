"""The lineage store, opened once on each database that it runs on."""

from collections.abc import Iterator

import pytest

from controltower.store.engine import Database, open_database
from controltower.store.schema import upgrade


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """An empty store at the newest schema."""
    opened = open_database(database_url)
    upgrade(opened)
    yield opened
    opened.dispose()
