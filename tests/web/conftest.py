"""Towers for the tests of the web, on SQLite in a temporary folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from jinja2 import FileSystemBytecodeCache

from collectors.events.quarantining import decode_held
from controltower.domain.processes import Process
from controltower.services.dead_letters.desk import Desk
from controltower.services.ingest import Ingest
from controltower.services.passwords import hash_password
from controltower.services.replay.planning import Planner
from controltower.services.replay.redirects import Redirects
from controltower.services.replay.targets import NoTargets
from controltower.services.writers import InlineWriter
from controltower.store.engine import Database
from controltower.web.app import create_app
from controltower.web.deps import WebDeps
from tests.builders import order_to_cash
from tests.web.tower import PASSWORD, FakeClock, Tower, add_people


@pytest.fixture(scope="session")
def processes() -> dict[str, Process]:
    """The built-in process."""
    process = order_to_cash()
    return {process.name: process}


@pytest.fixture(scope="session")
def password_hash() -> str:
    """Hashing takes its time on purpose; once is enough."""
    return hash_password(PASSWORD)


@pytest.fixture(scope="session")
def compiled_templates(tmp_path_factory: pytest.TempPathFactory) -> FileSystemBytecodeCache:
    """Templates as Python, for all apps of these tests: compiling one takes longer than showing it."""
    return FileSystemBytecodeCache(str(tmp_path_factory.mktemp("templates")))


@pytest.fixture
def clock() -> FakeClock:
    """A clock of the test's own."""
    return FakeClock()


@pytest.fixture
def make_tower(
    sqlite_store: Database,
    processes: dict[str, Process],
    clock: FakeClock,
    password_hash: str,
    compiled_templates: FileSystemBytecodeCache,
) -> Iterator[Callable[..., Tower]]:
    """Builds a tower; `people=False` leaves it without accounts, other keywords go to WebDeps."""
    opened: list[Ingest] = []

    def build(*, people: bool = True, **settings: Any) -> Tower:
        ingest = Ingest(InlineWriter(sqlite_store, processes), clock.now_us)
        ingest.start()
        opened.append(ingest)
        planner = Planner(sqlite_store, processes, settings.pop("targets", NoTargets()))
        deps = WebDeps(
            db=settings.pop("db", sqlite_store),
            ingest=ingest,
            processes=processes,
            clock=clock,
            session_key=b"a key for tests only, 32 bytes..",
            decoders=settings.pop("decoders", {"events": decode_held}),
            desk=Desk(sqlite_store),
            planner=planner,
            redirects=Redirects(sqlite_store, planner.targets),
            **settings,
        )
        known = add_people(sqlite_store, password_hash, clock()) if people else {}
        app = create_app(deps)
        app.jinja_env.bytecode_cache = compiled_templates
        return Tower(app, sqlite_store, ingest, clock, known)

    yield build
    for ingest in opened:
        ingest.close()


@pytest.fixture
def tower(make_tower: Callable[..., Tower]) -> Tower:
    """A tower with one person of each role."""
    return make_tower()
