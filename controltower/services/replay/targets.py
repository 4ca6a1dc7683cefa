"""What replays are sent through: the declared connections, as far as they can take messages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from controltower.domain.errors import NotFound
from controltower.domain.messages import Outgoing, Sent


class Target(Protocol):
    """Sends messages; collectors.brokers has one for each kind of connection."""

    def send(self, messages: Sequence[Outgoing]) -> list[Sent]:
        """Send them in order and wait for the confirmations; one outcome for each. What cannot be reached is
        UNAVAILABLE and raises nothing.
        """

    def close(self) -> None:
        """Hang up. Raises nothing."""


class Targets(Protocol):
    """The connections that the operator declared."""

    def names(self) -> Sequence[str]:
        """The connections that messages can be sent through, sorted."""

    def rate_of(self, connection: str) -> int:
        """Messages a second that a connection should get at most; 0 for no limit."""

    def open(self, connection: str) -> Target:
        """A target of its own for the caller, who closes it. Raises NotFound, or a retryable error."""


class NoTargets:
    """Nothing is declared."""

    def names(self) -> Sequence[str]:
        """None."""
        return ()

    def rate_of(self, connection: str) -> int:
        """No limit is known."""
        return 0

    def open(self, connection: str) -> Target:
        """There is none."""
        raise NotFound(f"No connection {connection!r} is declared.")
