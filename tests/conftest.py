"""What every test may ask for: databases of its own, a browser, the real inputs."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from playwright.sync_api import Browser, sync_playwright

from controltower.store.engine import Database
from controltower.store.schema import upgrade
from tests.backends import (
    NO_REAL_DATA,
    ROOT,
    find_postgres,
    find_real_data,
    in_ci,
    missing_service,
    new_database,
)
from tests.stores import clear, opened
from tools.chromium import find_chromium

# How hard hypothesis tries. Databases and shared runners make single examples slow now and then:
# time limits are pytest's business.
_SLOW_IS_FINE = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
settings.register_profile("laptop", max_examples=50, deadline=None, suppress_health_check=_SLOW_IS_FINE)
settings.register_profile(
    "ci", max_examples=100, deadline=None, suppress_health_check=_SLOW_IS_FINE, print_blob=True
)
settings.register_profile("thorough", max_examples=2_000, deadline=None, suppress_health_check=_SLOW_IS_FINE)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if in_ci() else "laptop"))

_MARKED_BY_FIXTURE = {
    "postgres_server": "services",
    "chromium": "browser",
    "real_data": "realdata",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that asks for a service, the browser or the real inputs carries their marker by itself."""
    real_data = find_real_data()
    for item in items:
        for fixture, marker in _MARKED_BY_FIXTURE.items():
            if fixture in getattr(item, "fixturenames", ()):
                item.add_marker(marker)
        if real_data is None and item.get_closest_marker("realdata"):
            item.add_marker(pytest.mark.skip(reason=NO_REAL_DATA))


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's folder."""
    return ROOT


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real inputs."""
    found = find_real_data()
    if found is None:
        pytest.skip(NO_REAL_DATA)
    return found


@pytest.fixture(scope="session")
def postgres_server() -> str:
    """A PostgreSQL server on which this user may create databases, as a libpq URL."""
    found = find_postgres()
    if found is None:
        missing_service("PostgreSQL", "start one, or name it in CONTROLTOWER_TEST_POSTGRES")
    return found


@pytest.fixture
def empty_postgres_url(postgres_server: str) -> Iterator[str]:
    """A PostgreSQL database of this test alone."""
    with new_database(postgres_server) as url:
        yield url


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """A SQLite file of this test alone; nothing is created yet."""
    return f"sqlite:///{tmp_path / 'controltower.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """An empty database of this test alone, once on each store."""
    fixture = "sqlite_url" if request.param == "sqlite" else "empty_postgres_url"
    url: str = request.getfixturevalue(fixture)
    return url


# Migrating a new database takes longer than most tests: SQLite files are copied from one that was migrated,
# and all tests of a session use one PostgreSQL database, emptied for each.
@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file at the newest schema with nothing in it, to be copied."""
    file = tmp_path_factory.mktemp("migrated") / "controltower.db"
    with opened(f"sqlite:///{file}") as database:
        upgrade(database)
    return file


@pytest.fixture(scope="session")
def shared_postgres_url(postgres_server: str) -> Iterator[str]:
    """A PostgreSQL database at the newest schema that all tests of this session share."""
    with new_database(postgres_server) as url:
        with opened(url) as database:
            upgrade(database)
        yield url


@pytest.fixture
def sqlite_store(migrated_file: Path, sqlite_url: str) -> Iterator[Database]:
    """An empty SQLite store at the newest schema, in the file of `sqlite_url`."""
    shutil.copyfile(migrated_file, sqlite_url.removeprefix("sqlite:///"))
    with opened(sqlite_url) as database:
        yield database


@pytest.fixture
def postgres_store(shared_postgres_url: str) -> Iterator[Database]:
    """An empty PostgreSQL store at the newest schema."""
    with opened(shared_postgres_url) as database:
        clear(database)
        yield database


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Database:
    """An empty store at the newest schema, once on each database."""
    fixture = "sqlite_store" if request.param == "sqlite" else "postgres_store"
    store: Database = request.getfixturevalue(fixture)
    return store


@pytest.fixture(scope="session")
def chromium() -> str:
    """Where the browser is."""
    found = find_chromium()
    if found is None:
        missing_service("Chromium", "install it, or name it in CONTROLTOWER_CHROMIUM")
    return found


# One per module, not per session: while Playwright's synchronous API is open an event loop is running,
# and tests that call asyncio.run() would fail.
@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """A headless Chromium; ask it for a context of your own."""
    with sync_playwright() as playwright:
        # Containers run as root and have a small /dev/shm; neither suits Chromium's defaults.
        running = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield running
        running.close()
