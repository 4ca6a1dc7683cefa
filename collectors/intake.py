"""Handing facts on: what an edge needs of services.ingest."""

from __future__ import annotations

import asyncio
from collections import deque
from concurrent.futures import Future
from contextlib import suppress
from typing import Protocol
from weakref import WeakKeyDictionary

from controltower.services.ingest import FactBatch, Receipt

__all__ = ["FactBatch", "Intake", "Receipt", "commit"]


class Intake(Protocol):
    """Takes fact batches; services.ingest.Ingest is the real one."""

    def submit(self, batch: FactBatch) -> Future[Receipt]:
        """Queue a batch; the future gives its receipt after the commit, or raises StoreUnavailable.

        Raises Overloaded at once when too much waits already.
        """


async def commit(intake: Intake, batch: FactBatch) -> Receipt:
    """Submit a batch and wait until it is on disk."""
    loop = asyncio.get_running_loop()
    waker = _wakers.get(loop)
    if waker is None:
        waker = _wakers[loop] = _Waker(loop)
    return await waker.result_of(intake.submit(batch))


class _Waker:
    """Carries receipts from the writer thread to one event loop.

    A group commit finishes many requests at once; asyncio.wrap_future would wake the loop once for each, this
    wakes it once for all.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._call_soon = loop.call_soon_threadsafe
        self._new_future = loop.create_future
        self._finished: deque[tuple[Future[Receipt], asyncio.Future[Receipt]]] = deque()
        self._is_woken = False

    def result_of(self, future: Future[Receipt]) -> asyncio.Future[Receipt]:
        waiting: asyncio.Future[Receipt] = self._new_future()

        def finish(finished: Future[Receipt]) -> None:
            self._finished.append((finished, waiting))
            if not self._is_woken:
                self._is_woken = True
                with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                    self._call_soon(self._deliver)

        future.add_done_callback(finish)
        return waiting

    def _deliver(self) -> None:
        # Before looking: what is added after the last look must wake the loop again.
        self._is_woken = False
        while self._finished:
            future, waiting = self._finished.popleft()
            if waiting.done():  # its request was cancelled
                continue
            error = future.exception()
            if error is None:
                waiting.set_result(future.result())
            else:
                waiting.set_exception(error)


_wakers: WeakKeyDictionary[asyncio.AbstractEventLoop, _Waker] = WeakKeyDictionary()
