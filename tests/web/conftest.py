"""Towers for the tests of the web, on SQLite in a temporary folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from collectors.events.quarantining import decode_held
from controltower.domain.processes import Process
from controltower.services.dead_letters.desk import Desk
from controltower.services.ingest import Ingest
from controltower.services.passwords import hash_password
from controltower.services.replay.planning import Planner
from controltower.services.replay.redirects import Redirects
from controltower.services.replay.targets import NoTargets
from controltower.services.writers import InlineWriter
from controltower.store.engine import Database, open_database
from controltower.store.schema import upgrade
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


@pytest.fixture
def clock() -> FakeClock:
    """A clock of the test's own."""
    return FakeClock()


@pytest.fixture
def empty_db(sqlite_url: str) -> Iterator[Database]:
    """An empty store."""
    db = open_database(sqlite_url)
    upgrade(db)
    yield db
    db.dispose()


@pytest.fixture
def make_tower(
    empty_db: Database, processes: dict[str, Process], clock: FakeClock, password_hash: str
) -> Iterator[Callable[..., Tower]]:
    """Builds a tower; `people=False` leaves it without accounts, other keywords go to WebDeps."""
    opened: list[Ingest] = []

    def build(*, people: bool = True, **settings: Any) -> Tower:
        ingest = Ingest(InlineWriter(empty_db, processes), clock.now_us)
        ingest.start()
        opened.append(ingest)
        planner = Planner(empty_db, processes, settings.pop("targets", NoTargets()))
        deps = WebDeps(
            db=settings.pop("db", empty_db),
            ingest=ingest,
            processes=processes,
            clock=clock,
            session_key=b"a key for tests only, 32 bytes..",
            decoders={"events": decode_held},
            desk=Desk(empty_db),
            planner=planner,
            redirects=Redirects(empty_db, planner.targets),
            **settings,
        )
        known = add_people(empty_db, password_hash, clock()) if people else {}
        return Tower(create_app(deps), empty_db, ingest, clock, known)

    yield build
    for ingest in opened:
        ingest.close()


@pytest.fixture
def tower(make_tower: Callable[..., Tower]) -> Tower:
    """A tower with one person of each role."""
    return make_tower()
