"""Finding what the tests run against; a missing service skips on a laptop and fails in CI.

A silent skip looks like a pass: CI is told by the environment variable CI, as the usual runners do.
"""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from psycopg import sql

ROOT = Path(__file__).resolve().parent.parent
NO_REAL_DATA = "the real inputs (../shared/data) are not beside this checkout"
# Without a setting: the local server, as the user who runs the tests, then as the one its packages make.
_LOCAL_SERVERS = ("postgresql://127.0.0.1:5432/postgres", "postgresql://postgres@127.0.0.1:5432/postgres")


def in_ci() -> bool:
    """Whether a skipped test would go unnoticed."""
    return os.environ.get("CI", "").lower() in {"1", "true", "yes"}


def missing_service(name: str, remedy: str) -> NoReturn:
    """End the test: skipped on a laptop, failed in CI."""
    message = f"{name} is not there: {remedy}"
    if in_ci():
        pytest.fail(message, pytrace=False)
    pytest.skip(message)


def find_real_data() -> Path | None:
    """The folder of real inputs beside the checkout, or where CONTROLTOWER_REAL_DATA says."""
    folder = Path(os.environ.get("CONTROLTOWER_REAL_DATA") or ROOT.parent / "shared" / "data")
    return folder if folder.is_dir() else None


@cache
def find_postgres() -> str | None:
    """The URL of a server that lets us in."""
    named = os.environ.get("CONTROLTOWER_TEST_POSTGRES", "").replace("postgresql+psycopg:", "postgresql:")
    for url in (named,) if named else _LOCAL_SERVERS:
        try:
            psycopg.connect(url, connect_timeout=3).close()
        except psycopg.OperationalError:
            continue
        return url
    return None


@contextmanager
def new_database(server: str) -> Iterator[str]:
    """A database that exists for the length of the block, as the URL that the product takes."""
    name = f"ct_test_{secrets.token_hex(6)}"
    _administer(server, sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    try:
        yield urlunsplit(urlsplit(server)._replace(scheme="postgresql+psycopg", path=f"/{name}"))
    finally:
        # FORCE: a test that failed may have left connections behind.
        _administer(server, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def _administer(server: str, statement: sql.Composed) -> None:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(statement)
