"""How connections are doing, as the sources screen and the API show it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from controltower.domain.connections import CONNECTED, DOWN, ELSEWHERE, IDLE, STARTING, ConnectionRow
from controltower.domain.times import from_us, to_us
from controltower.store.engine import Connection
from controltower.store.replay_targets import Breaker, list_breakers
from controltower.web.deps import deps

STATES: Mapping[str, tuple[str, str, str]] = {
    CONNECTED: ("Connected", "done", "done"),
    DOWN: ("Down", "failed", "failed"),
    STARTING: ("Starting", "plain", ""),
    ELSEWHERE: ("Another process", "plain", ""),
    IDLE: ("Only sent to", "plain", ""),
}
"""Of each state: its word, the kind of its badge, its icon."""
ROLES: Mapping[str, str] = {
    "dead_letters": "Takes dead letters",
    "events": "Takes facts",
    "samples": "Reads queues",
    "": "Replays",
}


@dataclass(frozen=True, slots=True)
class Resting:
    """A target that replays leave alone, or soon will: so many messages in a row did not reach it."""

    failures: int
    until_at: datetime | None  # None while it is still tried
    detail: str


@dataclass(frozen=True, slots=True)
class ConnectionView:
    """A connection with its uses."""

    name: str
    kind: str
    rows: tuple[ConnectionRow, ...]
    resting: Resting | None  # None while what is sent to it arrives

    @property
    def is_down(self) -> bool:
        """Whether something does not work."""
        is_resting = self.resting is not None and self.resting.until_at is not None
        return is_resting or any(row.state == DOWN for row in self.rows)


def list_connections(c: Connection, at: datetime) -> list[ConnectionView]:
    """Every declared connection, those that are down first."""
    breakers = list_breakers(c)
    rows: dict[str, list[ConnectionRow]] = {}
    for row in deps().connections():
        rows.setdefault(row.connection, []).append(row)
    views = [_view(name, found, breakers.get(name), at) for name, found in rows.items()]
    return sorted(views, key=lambda view: (not view.is_down, view.name))


def _view(name: str, rows: Sequence[ConnectionRow], breaker: Breaker | None, at: datetime) -> ConnectionView:
    resting = None
    if breaker is not None and breaker.failures:
        until_at = from_us(breaker.open_until_us) if breaker.open_until_us > to_us(at) else None
        resting = Resting(breaker.failures, until_at, breaker.detail)
    return ConnectionView(name, rows[0].kind, tuple(rows), resting)
