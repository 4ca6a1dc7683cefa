"""A rig on each store."""

from collections.abc import Iterator

import pytest

from controltower.store.engine import Database
from tests.services.replay.rig import Rig


@pytest.fixture
def rig(database: Database) -> Iterator[Rig]:
    """A tower without its edges, on an empty store."""
    made = Rig(database)
    yield made
    made.close()
