"""A tower with dead letters, a target in memory, and a worker that moves replays on when a test says so."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from controltower.services.tokens import create_token
from tests.services.replay.rig import Rig, a_letter
from tests.web.tower import Tower

_DIGEST = re.compile(r'name="digest" value="([0-9a-f]{32})"')


@dataclass
class Estate(Rig):
    """A rig whose clock is the tower's."""

    tower: Tower | None = None

    def pass_time(self, **parts: float) -> None:
        super().pass_time(**parts)
        assert self.tower is not None
        self.tower.clock.at = self.now

    def stuck(self, order: str = "1001", **letter: Any) -> str:
        """An order that was accepted and could not be posted; its letter, as addresses have it."""
        named = ("order", order)
        at = self.now - timedelta(minutes=1)
        self.tell("order.captured", named, at=at - timedelta(hours=1), amount="90.00", currency="EUR")
        self.tell("order.accepted", named, at=at - timedelta(minutes=50))
        return self.take(a_letter(order, **{"at": at, **letter})).ids[0].hex()

    def cancelled(self, order: str = "1001") -> str:
        """The same, of an order that was cancelled since: its letter is in the wrong state."""
        letter = self.stuck(order)
        self.tell("order.cancelled", ("order", order))
        return letter

    def token(self, role: str) -> dict[str, str]:
        """The headers of a program with this role."""
        secret = create_token(self.db, f"{role} program", role, self.now)
        return {"Authorization": f"Bearer {secret}"}


def digest_of(page: str) -> str:
    """The digest that the form to start a replay carries."""
    found = _DIGEST.search(page)
    assert found, page
    return found[1]
