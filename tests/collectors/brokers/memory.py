"""A broker in memory, for tests of what stands above connections; it passes the same contract suite."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import count
from threading import Condition

from collectors.brokers.protocol import ConnectionLost
from controltower.domain.facts import QueueSample
from controltower.domain.messages import (
    CONFIRMED,
    REFUSED,
    UNAVAILABLE,
    Message,
    Outgoing,
    Received,
    Sent,
)


class MemoryBroker:
    """Places with messages. Any number of connections, from any thread, may share one."""

    def __init__(self) -> None:
        self.changed = Condition()
        self.places: dict[str, deque[Received]] = {}
        self.is_down = False
        self._numbers = count(1)

    def declare(self, place: str) -> None:
        """Make an empty place."""
        self.places[place] = deque()

    def add(self, place: str, message: Message, **more: object) -> None:
        """Put a message into a place; `more` are fields of Received."""
        with self.changed:
            received = Received(message, place, str(next(self._numbers)))
            self.places[place].append(received._replace(**more))  # type: ignore[arg-type]
            self.changed.notify_all()

    def bodies(self, place: str) -> list[bytes]:
        """What waits in a place."""
        with self.changed:
            return [received.message.body for received in self.places[place]]

    def go_down(self) -> None:
        """Answer nobody until `is_down` is set to False."""
        with self.changed:
            self.is_down = True
            self.changed.notify_all()


class MemoryConnection:
    """A connection to a broker in memory."""

    kind = "memory"

    def __init__(self, name: str, broker: MemoryBroker, watched: Sequence[str] = ()) -> None:
        self.name = name
        self.broker = broker
        self._watched = watched

    def source(self, place: str) -> MemorySource:
        """Take messages from a place."""
        return MemorySource(self, place)

    def target(self) -> MemoryTarget:
        """Send to any place."""
        return MemoryTarget(self)

    def gauge(self) -> MemoryGauge:
        """Read the watched places."""
        return MemoryGauge(self, self._watched)

    def check(self) -> None:
        """Raise ConnectionLost while the broker is down."""
        if self.broker.is_down:
            raise ConnectionLost(f"{self.name}: the broker is down")


class MemorySource:
    """A consumer."""

    def __init__(self, connection: MemoryConnection, place: str) -> None:
        self._connection = connection
        self._broker = connection.broker
        self._place = place
        self._outstanding: dict[str, Received] = {}

    def receive(self, limit: int, patience: float) -> list[Received]:
        """As the protocol says."""
        broker = self._broker
        with broker.changed:
            self._connection.check()
            broker.changed.wait_for(lambda: broker.is_down or broker.places[self._place], patience)
            self._connection.check()
            waiting = broker.places[self._place]
            taken = [waiting.popleft() for _ in range(min(limit, len(waiting)))]
        taken = [received._replace(deliveries=received.deliveries + 1) for received in taken]
        self._outstanding |= {received.position: received for received in taken}
        return taken

    def settle(self, received: Sequence[Received]) -> None:
        """As the protocol says."""
        self._connection.check()
        for one in received:
            self._outstanding.pop(one.position, None)

    def release(self, received: Sequence[Received]) -> None:
        """As the protocol says."""
        self._connection.check()
        self._return([one for one in received if self._outstanding.pop(one.position, None)])

    def close(self) -> None:
        """As the protocol says."""
        if self._outstanding:
            self._return(list(self._outstanding.values()))
        self._outstanding.clear()

    def _return(self, messages: Sequence[Received]) -> None:
        with self._broker.changed:
            self._broker.places[self._place].extendleft(reversed(messages))
            self._broker.changed.notify_all()


class MemoryTarget:
    """A sender."""

    def __init__(self, connection: MemoryConnection) -> None:
        self._connection = connection

    def send(self, messages: Sequence[Outgoing]) -> list[Sent]:
        """As the protocol says."""
        return [self._send(outgoing) for outgoing in messages]

    def close(self) -> None:
        """Nothing to do."""

    def _send(self, outgoing: Outgoing) -> Sent:
        broker = self._connection.broker
        if broker.is_down:
            return Sent(UNAVAILABLE, f"{self._connection.name}: the broker is down")
        if outgoing.place not in broker.places:
            return Sent(REFUSED, f"there is no place {outgoing.place}")
        broker.add(outgoing.place, outgoing.message)
        return Sent(CONFIRMED)


class MemoryGauge:
    """A reader."""

    def __init__(self, connection: MemoryConnection, places: Sequence[str]) -> None:
        self._connection = connection
        self._places = places

    def read(self, now_us: int) -> list[QueueSample]:
        """As the protocol says."""
        self._connection.check()
        broker = self._connection.broker
        return [
            QueueSample(self._connection.name, place, "", now_us, "ready", float(len(broker.places[place])))
            for place in self._places
            if place in broker.places
        ]

    def close(self) -> None:
        """Nothing to do."""
