"""The circuit breaker of each target: one that does not answer is left alone for a while."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from controltower.domain.messages import UNAVAILABLE, Sent
from controltower.domain.times import to_us
from controltower.store.engine import Connection
from controltower.store.replay_targets import Breaker, get_breaker, save_breaker
from controltower.store.replays import Item


@dataclass(frozen=True, slots=True)
class Breakers:
    """Opens after `most_failures` in a row, for `rest`; then lets one message through to try."""

    most_failures: int = 5
    rest: timedelta = timedelta(seconds=15)

    def let_through(self, c: Connection, items: Sequence[Item], now: datetime) -> list[Item]:
        """Those items whose target may be tried now."""
        states = {name: get_breaker(c, name) for name in {item.connection for item in items}}
        tried: set[str] = set()
        found = []
        for item in items:
            state = states[item.connection]
            if state.failures >= self.most_failures:
                if state.open_until_us > to_us(now) or item.connection in tried:
                    continue
                tried.add(item.connection)
            found.append(item)
        return found

    def note(self, c: Connection, connection: str, sent: Sequence[Sent], now: datetime) -> None:
        """Learn from what became of messages to a target."""
        before = get_breaker(c, connection)
        after = before
        for one in sent:
            failures = after.failures + 1 if one.delivery == UNAVAILABLE else 0
            after = Breaker(failures, 0, one.detail if failures else "")
        if after.failures >= self.most_failures:
            after = after._replace(open_until_us=to_us(now + self.rest))
        if after != before:
            save_breaker(c, connection, after)
