"""Writers: what commits the groups that `Ingest` makes, in this process or in one of its own."""

from __future__ import annotations

from collections.abc import Mapping
from queue import SimpleQueue
from typing import Protocol

from controltower.domain.processes import Process, book_of
from controltower.services.committing import Outcome, commit_group
from controltower.store.engine import Database
from controltower.store.prepared import Group


class Writer(Protocol):
    """Commits groups in the order in which they are sent.

    One thread sends, another receives: a group may be sent while the one before it is being committed.
    """

    def start(self) -> None:
        """Get ready, so that the first group need not wait."""

    def send(self, group: Group) -> None:
        """Hand a group over.

        Raises StoreUnavailable when nobody can take it, and anything else when it has no form that can be
        handed over; then `receive` will not speak of it.
        """

    def receive(self) -> list[Outcome]:
        """Wait for the outcomes of the next group that was sent, one for each batch.

        Raises StoreUnavailable when they will never be known.
        """

    def close(self) -> None:
        """Finish what was sent, and stop."""


class InlineWriter:
    """Commits in the thread that sends."""

    def __init__(self, db: Database, processes: Mapping[str, Process]) -> None:
        self._db = db
        self._processes = book_of(processes)
        self._outcomes: SimpleQueue[list[Outcome]] = SimpleQueue()

    def start(self) -> None:
        """Nothing needs to be done."""

    def send(self, group: Group) -> None:
        """Commit the group."""
        self._outcomes.put(commit_group(self._db, self._processes, group))

    def receive(self) -> list[Outcome]:
        """The outcomes of the next group."""
        return self._outcomes.get()

    def close(self) -> None:
        """Nothing is left to be done."""
