"""A rig on each store."""

from collections.abc import Iterator

import pytest

from controltower.store.engine import open_database
from controltower.store.schema import upgrade
from tests.services.replay.rig import Rig


@pytest.fixture
def rig(database_url: str) -> Iterator[Rig]:
    """A tower without its edges, on an empty store."""
    db = open_database(database_url)
    upgrade(db)
    made = Rig(db)
    yield made
    made.close()
    db.dispose()
