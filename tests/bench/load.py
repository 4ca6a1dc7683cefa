"""The driver: keep-alive connections that send prepared requests, each the next one after a reply.

It has to leave the processors to the server: requests are ready-made bytes, replies are looked at just enough
to know their status and their end.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, cast

import uvloop

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_PATIENCE = 60.0  # for replies that are still due when the time is up


class Prepared(NamedTuple):
    """A request as it goes over the wire, and how many facts it brings."""

    data: bytes | bytearray
    facts: int


class Source(Protocol):
    """Where requests come from."""

    def take(self) -> Prepared | None:
        """The next request; None when there is no more."""

    def give_back(self, request: Prepared) -> None:
        """The reply is here: the bytes of the request may be used again."""


class Ready:
    """Requests that were all made before."""

    def __init__(self, requests: Iterable[Prepared]) -> None:
        self._requests: Iterator[Prepared] = iter(requests)

    def take(self) -> Prepared | None:
        return next(self._requests, None)

    def give_back(self, request: Prepared) -> None:
        pass


@dataclass
class Load:
    """What came of it."""

    connections: int
    facts: int = 0  # of requests that were answered with 200
    seconds: float = 0.0  # from the first request to the last reply
    latencies: list[float] = field(default_factory=list)  # seconds, of every request
    statuses: Counter[int] = field(default_factory=Counter)

    @property
    def rate(self) -> float:
        """Facts a second."""
        return self.facts / self.seconds if self.seconds else 0.0

    @property
    def refused(self) -> int:
        """Requests that were answered with anything but 200, or not at all."""
        return sum(count for status, count in self.statuses.items() if status != 200)


def request_head(address: str, path: str, content_type: str, length: int) -> bytes:
    """The head of a POST."""
    return (
        f"POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: {content_type}\r\n"
        f"Content-Length: {length}\r\n\r\n"
    ).encode()


def get_request(address: str, path: str, headers: str = "") -> Prepared:
    """A whole GET."""
    return Prepared(f"GET {path} HTTP/1.1\r\nHost: {address}\r\n{headers}\r\n".encode(), 1)


def drive(
    address: str, source: Source, *, connections: int, seconds: float = 1e9, facts: int = 1 << 62
) -> Load:
    """Send until the time is up, so many facts are stored or the source is empty; wait for what is due."""
    return uvloop.run(_drive(address, source, connections, seconds, facts))


async def _drive(address: str, source: Source, connections: int, seconds: float, facts: int) -> Load:
    load = Load(connections)
    loop = asyncio.get_running_loop()
    host, _, port = address.rpartition(":")
    wires = []
    for _ in range(connections):
        _, wire = await loop.create_connection(lambda: _Wire(source, load, loop), host, int(port))
        wires.append(wire)
    started = time.perf_counter()
    for wire in wires:
        wire.start(started + seconds, facts)
    done = asyncio.gather(*(wire.done for wire in wires))
    await asyncio.wait_for(done, min(seconds, 3600.0) + _PATIENCE)
    load.seconds = time.perf_counter() - started
    for wire in wires:
        wire.close()
    return load


class _Wire(asyncio.Protocol):
    """One connection."""

    def __init__(self, source: Source, load: Load, loop: asyncio.AbstractEventLoop) -> None:
        self.done: asyncio.Future[None] = loop.create_future()
        self._source = source
        self._load = load
        self._request: Prepared | None = None
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)

    def start(self, deadline: float, facts: int) -> None:
        self._deadline = deadline
        self._facts = facts
        self._send()

    def close(self) -> None:
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        if self._received:
            data = self._received + data
        end = data.find(b"\r\n\r\n")
        length = _LENGTH.search(data, 0, end + 4) if end >= 0 else None
        if length is None or len(data) < end + 4 + int(length[1]):
            self._received = data
            return
        self._received = b""
        self._replied(int(data[9:12]))

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self._load.statuses[0] += 1
            self.done.set_result(None)

    def _replied(self, status: int) -> None:
        request, load = self._request, self._load
        assert request is not None
        load.latencies.append(time.perf_counter() - self._sent)
        load.statuses[status] += 1
        if status == 200:
            load.facts += request.facts
        self._source.give_back(request)
        self._send()

    def _send(self) -> None:
        is_over = time.perf_counter() > self._deadline or self._load.facts >= self._facts
        self._request = None if is_over else self._source.take()
        if self._request is None:
            self.done.set_result(None)
            return
        self._sent = time.perf_counter()
        self._transport.write(self._request.data)
