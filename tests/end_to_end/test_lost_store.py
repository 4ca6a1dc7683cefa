"""PostgreSQL goes away and comes back: 503 meanwhile, nothing by half, and no restart needed."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

from controltower.store.schema import upgrade
from tests.end_to_end.hammer import Told, hammering
from tests.end_to_end.kept import kept_in
from tests.end_to_end.killable import Tower, a_tower
from tests.stores import opened


@pytest.fixture
def tower(tmp_path: Path, empty_postgres_url: str) -> Iterator[Tower]:
    with a_tower(tmp_path / "home", empty_postgres_url) as made:
        made.start()
        yield made


@pytest.fixture
def server(postgres_server: str) -> Iterator[psycopg.Connection]:
    """A connection to the server that is not to the tower's database."""
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        yield connection


def name_of(url: str) -> str:
    return urlsplit(url).path.removeprefix("/")


def test_cut_connections_lose_nothing(tower: Tower, server: psycopg.Connection, empty_postgres_url: str):
    told = Told()
    cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = %s"
    with hammering(tower, told):
        for _ in range(6):
            told.wait_for_stored(15)
            server.execute(cut, (name_of(empty_postgres_url),))
        told.wait_for_stored(20)
    assert told.surprises == []
    assert told.unanswered == []
    with opened(empty_postgres_url) as database:
        kept = kept_in(database)
        kept.check_once(told.stored)
        kept.check_whole(told.refused)
        kept.check_journeys()


def test_a_database_that_is_dropped_and_made_again_is_used_again(
    tower: Tower, server: psycopg.Connection, empty_postgres_url: str
):
    lost, told = Told(), Told()
    name = sql.Identifier(name_of(empty_postgres_url))
    with hammering(tower, lost):
        lost.wait_for_stored(20)
        server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))
        lost.wait_for_refused(10)
        server.execute(sql.SQL("CREATE DATABASE {}").format(name))
        lost.wait_for_refused(10)  # it has no tables yet
    assert lost.surprises == []
    assert lost.unanswered == []
    with opened(empty_postgres_url) as database:
        upgrade(database)
        with hammering(tower, told, start=1_000_000):
            told.wait_for_stored(50)
        assert told.surprises == []
        kept = kept_in(database)
        kept.check_once(told.stored)
        kept.check_whole(told.refused)
        kept.check_absent(lost.stored)
