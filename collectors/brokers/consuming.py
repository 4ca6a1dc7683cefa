"""The loops that take from brokers: one thread for each place and for the readings of each connection.

A message is settled only after `take` has returned, which means that what it says is committed. Whatever dies
in between, the broker hands it out again, and taking it twice changes nothing.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Sequence
from threading import Event, Thread
from typing import Protocol

from collectors.brokers.protocol import Connection, ConnectionLost, Gauge, Source
from collectors.brokers.statuses import Statuses, Use
from controltower.domain.errors import ControlTowerError
from controltower.domain.facts import QueueSample
from controltower.domain.messages import Received

_log = logging.getLogger(__name__)

Take = Callable[[Sequence[Received]], None]
"""Commits messages. Raises a retryable ControlTowerError when that cannot be done now."""
Keep = Callable[[Sequence[QueueSample]], None]
"""Commits readings; raises as Take."""

AT_ONCE = 500  # messages that are taken together
PATIENCE = 0.5  # seconds; a loop that is told to stop does so within this
STOPS_WITHIN = 2.0
FIRST_PAUSE = 0.25
LONGEST_PAUSE = 30.0


class Pauses:
    """How long to wait before trying again: ever longer, and not in step with others."""

    def __init__(self) -> None:
        self._next = FIRST_PAUSE

    def next(self) -> float:
        """Seconds."""
        pause = self._next * random.uniform(0.5, 1.0)
        self._next = min(self._next * 2, LONGEST_PAUSE)
        return pause

    def reset(self) -> None:
        """It worked."""
        self._next = FIRST_PAUSE


class Loop(Protocol):
    """Something that a thread does until it is told to stop."""

    @property
    def use(self) -> Use:
        """What it does, for the table of statuses."""

    def turn(self, stopping: Event) -> None:
        """Do one piece. Raises ConnectionLost, or a retryable error when the store does not take it now."""

    def let_go(self) -> None:
        """Hang up; the next turn connects again. Raises nothing."""


class PlaceLoop:
    """Takes the messages of one place."""

    def __init__(self, connection: Connection, use: Use, take: Take, statuses: Statuses) -> None:
        self.use = use
        self._connection = connection
        self._take = take
        self._statuses = statuses
        self._source: Source | None = None

    def turn(self, stopping: Event) -> None:
        """Take what comes within a moment."""
        if self._source is None:
            self._source = self._connection.source(self.use.place)
        received = self._source.receive(AT_ONCE, PATIENCE)
        _say_connected(self._statuses, self.use)
        if not received:
            return
        try:
            taken = self._taken(received)
        except ControlTowerError:
            self._source.release(received)
            raise
        if taken:
            self._source.settle(taken)
            self._statuses.connected(self.use, len(taken))

    def let_go(self) -> None:
        """Hang up."""
        source, self._source = self._source, None
        if source is not None:
            source.close()

    def _taken(self, received: Sequence[Received]) -> Sequence[Received]:
        """Those that are committed. Raises what may pass with time."""
        try:
            self._take(received)
        except ControlTowerError as exc:
            if exc.retryable:
                raise
            if len(received) > 1:
                return [one for one in received if self._taken([one])]
            # It stays the broker's, which hands it out again one day: given back now, it would be the next.
            self._statuses.troubled(self.use, f"a message cannot be taken: {exc}")
            _log.error("%s: %s: a message cannot be taken: %s", self.use.connection, self.use.place, exc)
            return ()
        return received


class GaugeLoop:
    """Reads the queues of one connection."""

    def __init__(
        self,
        connection: Connection,
        use: Use,
        every: float,
        keep: Keep,
        statuses: Statuses,
        now_us: Callable[[], int],
    ) -> None:
        self.use = use
        self._connection = connection
        self._every = every
        self._keep = keep
        self._statuses = statuses
        self._now_us = now_us
        self._gauge: Gauge | None = None

    def turn(self, stopping: Event) -> None:
        """Read once, and wait until it is time to read again."""
        if self._gauge is None:
            self._gauge = self._connection.gauge()
        samples = self._gauge.read(self._now_us()) if self._gauge else ()
        _say_connected(self._statuses, self.use)
        if samples:
            self._keep(samples)
            self._statuses.connected(self.use, len(samples))
        stopping.wait(self._every)

    def let_go(self) -> None:
        """Hang up."""
        gauge, self._gauge = self._gauge, None
        if gauge is not None:
            gauge.close()


class Loops:
    """All loops of a process. None of them waits for another."""

    def __init__(self, loops: Sequence[Loop], statuses: Statuses) -> None:
        self._statuses = statuses
        self._stopping = Event()
        for loop in loops:
            statuses.add(loop.use)
        self._threads = [
            Thread(target=self._run, args=(loop,), name=_name_of(loop.use), daemon=True) for loop in loops
        ]

    def start(self) -> None:
        """Start every loop."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Tell all of them to stop, and wait for a moment; one that hangs in a connection is left behind, and
        settles nothing that is not committed.
        """
        self._stopping.set()
        deadline = time.monotonic() + STOPS_WITHIN
        for thread in self._threads:
            if thread.is_alive():
                thread.join(max(deadline - time.monotonic(), 0.0))

    def _run(self, loop: Loop) -> None:
        pauses = Pauses()
        while not self._stopping.is_set():
            if self._turn(loop):
                pauses.reset()
            else:
                self._stopping.wait(pauses.next())
        loop.let_go()

    def _turn(self, loop: Loop) -> bool:
        """One turn of a loop; whether it worked."""
        use = loop.use
        try:
            loop.turn(self._stopping)
            return True
        except ConnectionLost as exc:
            if self._statuses.down(use, str(exc)):
                _log.warning("lost: %s (%s %s)", exc, use.role, use.place)
            loop.let_go()
        except ControlTowerError as exc:
            if self._statuses.troubled(use, str(exc)):
                _log.warning("%s: %s waits: %s", use.connection, use.place, exc)
        except Exception:  # noqa: BLE001 - a thread that ended would take nothing for ever, and nobody would see it
            self._statuses.down(use, "failed; the log has the cause")
            _log.exception("%s: %s %s failed", use.connection, use.role, use.place)
            loop.let_go()
        return False


def _say_connected(statuses: Statuses, use: Use) -> None:
    if statuses.connected(use):
        _log.info("connected: %s (%s %s)", use.connection, use.role, use.place)


def _name_of(use: Use) -> str:
    return f"{use.role} {use.connection} {use.place}".strip()
