"""The lineage store, opened on each database that it runs on."""

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

import pytest

from controltower.store.engine import Database
from controltower.store.schema import upgrade
from tests.backends import new_database
from tests.store.other_process import start_processes
from tests.stores import clear, opened


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def module_database(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Database]:
    """A store at the newest schema that the tests of a module share; properties empty it for each example."""
    if request.param == "sqlite":
        yield from _upgraded(f"sqlite:///{tmp_path_factory.mktemp('store') / 'controltower.db'}")
    else:
        # Not the one of the session: what other tests left in its statistics would change plans.
        with new_database(request.getfixturevalue("postgres_server")) as url:
            yield from _upgraded(url)


def _upgraded(url: str) -> Iterator[Database]:
    with opened(url) as database:
        upgrade(database)
        yield database


@pytest.fixture
def own_database(database_url: str) -> Iterator[Database]:
    """A store at the newest schema of this test alone, that it may spoil."""
    yield from _upgraded(database_url)


@pytest.fixture
def emptied_database(module_database: Database) -> Database:
    """The module's store, with nothing in it."""
    clear(module_database)
    return module_database


@pytest.fixture(scope="session")
def other_processes() -> Iterator[ProcessPoolExecutor]:
    """Three more operating system processes; see tests.store.other_process for what they can do."""
    with start_processes(3) as pool:
        yield pool
