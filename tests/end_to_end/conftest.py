"""Towers that tests may kill."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.killable import Tower, a_tower


@pytest.fixture
def tower(tmp_path: Path, database_url: str) -> Iterator[Tower]:
    """A tower on each store, not started yet."""
    with a_tower(tmp_path / "home", database_url) as made:
        yield made
