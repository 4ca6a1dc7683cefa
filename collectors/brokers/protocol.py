"""What every kind of connection offers; the same contract suite runs over each.

Nothing here is shared between threads: whoever uses a source, a target or a gauge opens one for itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from controltower.domain.errors import ControlTowerError
from controltower.domain.facts import QueueSample
from controltower.domain.messages import Received
from controltower.services.replay.targets import Target as Target  # what replays are sent through


class ConnectionLost(ControlTowerError):
    """A broker does not answer, or refused us. The message names the connection and never a credential."""

    reason = "connection_lost"
    retryable = True


class Source(Protocol):
    """Takes messages from one queue, topic, stream or subject. Every method may raise ConnectionLost."""

    def receive(self, limit: int, patience: float) -> Sequence[Received]:
        """Up to `limit` messages; waits `patience` seconds for the first. They stay the broker's until
        `settle`."""

    def settle(self, received: Sequence[Received]) -> None:
        """Remove them from the broker: they are committed here."""

    def release(self, received: Sequence[Received]) -> None:
        """Give them back, to be handed out again."""

    def close(self) -> None:
        """Hang up; what was not settled is handed out again. Raises nothing."""


class Gauge(Protocol):
    """Reads how full queues are."""

    def read(self, now_us: int) -> list[QueueSample]:
        """A reading of each measure that the broker knows, of each queue that is watched.

        Measures: depth, ready, unacknowledged, consumers, publish_rate, deliver_rate (a second), lag (with
        `group`), oldest_age_seconds. Raises ConnectionLost.
        """

    def close(self) -> None:
        """Hang up. Raises nothing."""


class Connection(Protocol):
    """A declared connection. Opening anything may raise ConnectionLost."""

    @property
    def name(self) -> str:
        """Its name in the connections file."""

    @property
    def kind(self) -> str:
        """rabbitmq, kafka, sqs, nats, redis, http."""

    def source(self, place: str) -> Source:
        """Take messages from a place, as a member of the tower's own consumer group."""

    def target(self) -> Target:
        """Send messages to any place of this connection."""

    def gauge(self) -> Gauge | None:
        """Read queues; None for a kind that has none."""

    def check(self) -> None:
        """Connect, see whether somebody answers, and hang up; nothing changes. Raises ConnectionLost."""
