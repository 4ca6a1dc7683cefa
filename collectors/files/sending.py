"""Handing batches of facts to the tower, a few at a time, in order."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

from controltower.domain.errors import Overloaded
from controltower.services.ingest import FactBatch, Receipt

BATCHES_IN_FLIGHT = 3
OVERLOAD_TRIES = 60

Submit = Callable[[FactBatch], "Future[Receipt]"]
T = TypeVar("T")


class Sender(Generic[T]):
    """Submits batches, waits for the oldest when enough are under way, tells of each that is committed."""

    def __init__(
        self,
        submit: Submit,
        committed: Callable[[T, Receipt], None],
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._submit = submit
        self._committed = committed
        self._sleep = sleep
        self._waiting: deque[tuple[T, Future[Receipt]]] = deque()

    def send(self, batch: FactBatch, about: T) -> None:
        """Submit a batch; `committed` hears of it, with `about`, once it is stored.

        Raises what the store says of an earlier one, and Overloaded when the tower stays busy for a minute.
        """
        if len(self._waiting) == BATCHES_IN_FLIGHT:
            self._settle_oldest()
        self._waiting.append((about, self._patiently(batch)))

    def finish(self) -> None:
        """Wait for all that is under way."""
        while self._waiting:
            self._settle_oldest()

    def _settle_oldest(self) -> None:
        about, future = self._waiting.popleft()
        self._committed(about, future.result())

    def _patiently(self, batch: FactBatch) -> Future[Receipt]:
        for _ in range(OVERLOAD_TRIES):
            try:
                return self._submit(batch)
            except Overloaded as exc:
                self._sleep(exc.retry_after)
        return self._submit(batch)
