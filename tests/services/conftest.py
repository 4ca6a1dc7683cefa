"""The store, by the short name that these tests have for it, and passwords that take no time."""

import pytest
from argon2 import PasswordHasher

from controltower.services import passwords
from controltower.store.engine import Database


@pytest.fixture
def db(database: Database) -> Database:
    return database


@pytest.fixture(autouse=True)
def quick_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashing takes its time on purpose; what these tests are about does not depend on it."""
    monkeypatch.setattr(passwords, "_HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
