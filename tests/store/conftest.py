"""The lineage store, opened once on each database that it runs on."""

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

import pytest

from controltower.store.engine import Database, open_database
from controltower.store.schema import upgrade
from tests.store.other_process import start_processes


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """An empty store at the newest schema."""
    opened = open_database(database_url)
    upgrade(opened)
    yield opened
    opened.dispose()


@pytest.fixture(scope="session")
def other_processes() -> Iterator[ProcessPoolExecutor]:
    """Three more operating system processes; see tests.store.other_process for what they can do."""
    with start_processes(3) as pool:
        yield pool
