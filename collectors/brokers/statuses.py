"""How each connection is doing, for the health screen and /metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from threading import Lock
from typing import NamedTuple

from controltower.domain.connections import CONNECTED as CONNECTED
from controltower.domain.connections import DOWN as DOWN
from controltower.domain.connections import STARTING as STARTING

DEAD_LETTERS = "dead_letters"
EVENTS = "events"
SAMPLES = "samples"


class Use(NamedTuple):
    """What a connection is used for."""

    connection: str
    place: str  # "" for samples: those of all places are read together
    role: str


class Status(NamedTuple):
    """How one use is doing."""

    use: Use
    state: str = STARTING
    since_us: int = 0  # since when it is in that state
    error: str = ""  # what went wrong last, while it does; holds no credential
    taken: int = 0  # messages or readings, since the start
    losses: int = 0  # how often the connection was lost since the start


_METRICS: tuple[tuple[str, str, str, Callable[[Status], int]], ...] = (
    ("controltower_broker_connected", "gauge", "Whether a place of a broker can be read: 1 or 0.",
     lambda status: int(status.state == CONNECTED)),
    ("controltower_broker_taken_total", "counter", "Messages or readings taken from brokers.",
     lambda status: status.taken),
    ("controltower_broker_losses_total", "counter", "Connections to brokers that were lost.",
     lambda status: status.losses),
)  # fmt: skip


class Statuses:
    """The uses of this process; any thread may read and write."""

    def __init__(self, now_us: Callable[[], int]) -> None:
        self._now_us = now_us
        self._lock = Lock()
        self._statuses: dict[Use, Status] = {}

    def add(self, use: Use) -> None:
        """There is such a use; nothing is known of it yet."""
        with self._lock:
            self._statuses[use] = Status(use, since_us=self._now_us())

    def connected(self, use: Use, taken: int = 0) -> bool:
        """It works, and so much more was taken; whether that is news."""
        with self._lock:
            before = self._statuses[use]
            is_news = before.state != CONNECTED
            self._statuses[use] = before._replace(
                state=CONNECTED,
                since_us=self._now_us() if is_news else before.since_us,
                error="" if is_news or taken else before.error,
                taken=before.taken + taken,
            )
            return is_news

    def down(self, use: Use, error: str) -> bool:
        """It does not work; whether that is news."""
        with self._lock:
            before = self._statuses[use]
            is_news = before.state != DOWN
            self._statuses[use] = before._replace(
                state=DOWN,
                since_us=self._now_us() if is_news else before.since_us,
                error=error,
                losses=before.losses + is_news,
            )
            return is_news

    def troubled(self, use: Use, error: str) -> bool:
        """It works, but what it brings cannot be taken now; whether that is news."""
        with self._lock:
            before = self._statuses[use]
            self._statuses[use] = before._replace(error=error)
            return before.error != error

    def all(self) -> list[Status]:
        """Each use, sorted by connection, role and place."""
        with self._lock:
            found = list(self._statuses.values())
        return sorted(found, key=lambda status: (status.use.connection, status.use.role, status.use.place))

    def metrics(self) -> str:
        """Prometheus text."""
        statuses = self.all()
        return "".join(
            f"# HELP {name} {text}\n# TYPE {name} {kind}\n"
            + "".join(_lines(name, statuses, value_of))
            for name, kind, text, value_of in _METRICS
        )


def _lines(name: str, statuses: Iterable[Status], value_of: Callable[[Status], int]) -> Iterable[str]:
    for status in statuses:
        labels = ",".join(f'{label}="{_escaped(value)}"' for label, value in status.use._asdict().items())
        yield f"{name}{{{labels}}} {value_of(status)}\n"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
