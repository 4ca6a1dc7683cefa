"""Replays through the declared connections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from collectors.brokers.connections import Declared
from controltower.domain.errors import NotFound
from controltower.services.replay.targets import Target


class DeclaredTargets:
    """The declared connections as services.replay.targets.Targets."""

    def __init__(self, declared: Mapping[str, Declared]) -> None:
        self._declared = declared

    def names(self) -> Sequence[str]:
        """The connections that messages can be sent through, sorted."""
        return sorted(self._declared)

    def rate_of(self, connection: str) -> int:
        """Messages a second that a connection should get at most; 0 for one that is not declared."""
        declared = self._declared.get(connection)
        return 0 if declared is None else max(1, int(declared.table.rate))

    def open(self, connection: str) -> Target:
        """A target of its own for the caller, who closes it. Raises NotFound or ConnectionLost."""
        declared = self._declared.get(connection)
        if declared is None:
            raise NotFound(f"No connection {connection!r} is declared.")
        return declared.connection.target()
