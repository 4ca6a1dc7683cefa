"""The store, by the short name that these tests have for it."""

import pytest

from controltower.store.engine import Database


@pytest.fixture
def db(database: Database) -> Database:
    return database
