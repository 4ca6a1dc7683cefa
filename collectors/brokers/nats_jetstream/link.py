"""A connection to NATS, run by the thread that uses it.

The client is asynchronous; its event loop runs only inside `run`, so there is no thread behind it. It does
not reconnect by itself: what is waiting would wait without end, and nobody would hear of the loss.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

import nats.errors
from nats.aio.client import Client
from nats.js import JetStreamContext

from collectors.brokers.protocol import ConnectionLost
from collectors.brokers.secrets import Secret, connection_lost

T = TypeVar("T")
FAILURES = (nats.errors.Error, OSError, asyncio.TimeoutError, ValueError)


class Link:
    """Open from `opened` until it is lost or closed."""

    def __init__(self, name: str, url: Secret, timeout: float) -> None:
        self.name = name
        self.timeout = timeout
        self._url = url
        self._loop: asyncio.AbstractEventLoop | None = None
        self._client: Client | None = None
        self._error: Exception | None = None

    @property
    def is_open(self) -> bool:
        """Whether there is a connection that, as far as was heard, works."""
        return self._client is not None and self._client.is_connected

    @property
    def client(self) -> Client:
        """The client; only while it is open."""
        assert self._client is not None
        return self._client

    @property
    def jetstream(self) -> JetStreamContext:
        """JetStream's part of the client."""
        return self.client.jetstream(timeout=self.timeout)

    def opened(self, prepare: Callable[[], Awaitable[None]]) -> None:
        """See to it that there is a connection; a new one is prepared first. Raises ConnectionLost."""
        if self._client is not None:
            self.run(asyncio.sleep(0))  # hear of a loss
        if self.is_open:
            return
        self.close()
        self.run(self._connect(prepare))

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do it and wait until it is done. Raises ConnectionLost for what the client raises."""
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
        try:
            return self._loop.run_until_complete(work)
        except FAILURES as exc:
            raise self.lost(exc) from None

    def lost(self, why: BaseException | str) -> ConnectionLost:
        """The error to raise."""
        return connection_lost(self.name, why, self._url)

    def close(self) -> None:
        """Hang up. Raises nothing."""
        loop, client = self._loop, self._client
        self._loop = self._client = None
        if loop is None:
            return
        if client is not None:
            with suppress(*FAILURES):
                loop.run_until_complete(asyncio.wait_for(client.close(), 1.0))
        _end_tasks(loop)
        loop.close()

    async def _connect(self, prepare: Callable[[], Awaitable[None]]) -> None:
        client = self._client = Client()
        connecting = client.connect(
            [url.strip() for url in self._url.reveal().split(",")],
            error_cb=self._heard,
            name="control-tower",
            allow_reconnect=False,
            max_reconnect_attempts=1,  # else it goes on trying, for the first connection as well
            reconnect_time_wait=0,
            connect_timeout=max(int(self.timeout), 1),
        )
        self._error = None
        try:
            await asyncio.wait_for(connecting, self.timeout)
        except nats.errors.NoServersError as exc:
            raise self._error or exc from None
        await prepare()

    async def _heard(self, error: Exception) -> None:
        """Keep why there was no connection; the client would log it with a stack trace."""
        self._error = error


def _end_tasks(loop: asyncio.AbstractEventLoop) -> None:
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    if tasks:
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
