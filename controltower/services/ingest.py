"""The way in: every fact enters through `Ingest`, which commits many requests at once.

Receivers hand batches to one bounded queue; one thread makes a group of all that waits and hands it to the
writer, another takes the outcomes back and only then releases the receipts. A receipt therefore means: on
disk.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from threading import BoundedSemaphore, Lock, Thread
from typing import NamedTuple

from controltower.domain.errors import BadPayload, ControlTowerError, Overloaded, StoreUnavailable
from controltower.services.committing import UNSTORABLE, Outcome, refused
from controltower.services.writers import Writer
from controltower.store.facts import Receipt
from controltower.store.prepared import FactBatch, PreparedBatch, group_of, prepare

__all__ = ["FactBatch", "Ingest", "IngestFigures", "Receipt"]

_log = logging.getLogger(__name__)

MAX_WAITING_BYTES = 128 * 1024 * 1024
MAX_WAITING_BATCHES = 20_000
MAX_COMMIT_BYTES = 16 * 1024 * 1024
MAX_COMMIT_FACTS = 4_000
GROUPS_UNDER_WAY = 2  # one is being committed, the next is ready


class _Waiting(NamedTuple):
    prepared: PreparedBatch
    future: Future[Receipt]
    now_us: int


class IngestFigures(NamedTuple):
    """How the way in is doing, for /metrics."""

    waiting_batches: int
    waiting_bytes: int
    commits: int
    failed_commits: int
    events: int
    segments: int


class Ingest:
    """Takes fact batches from any thread and commits them in groups."""

    def __init__(self, writer: Writer, now_us: Callable[[], int]) -> None:
        self._writer = writer
        self._now_us = now_us
        self._queue: SimpleQueue[_Waiting | None] = SimpleQueue()
        self._room = BoundedSemaphore(GROUPS_UNDER_WAY)
        self._sent: SimpleQueue[list[_Waiting] | None] = SimpleQueue()
        self._lock = Lock()
        self._bytes = self._batches = 0
        self._commits = self._failed = self._events = self._segments = 0
        self._closed = False
        self._threads = [
            Thread(target=self._send_all, name="group-commit", daemon=True),
            Thread(target=self._receive_all, name="receipts", daemon=True),
        ]

    def start(self) -> None:
        """Start to commit."""
        self._writer.start()
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Take nothing more, commit what waits, and stop. May be called twice."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._queue.put(None)
        for thread in self._threads:
            if thread.is_alive():
                thread.join()
        self._writer.close()

    def submit(self, batch: FactBatch) -> Future[Receipt]:
        """Queue a batch; the future gives its receipt after the commit.

        Raises Overloaded at once when too much waits already. The future raises StoreUnavailable when the
        store cannot write or its answer was lost: the batch is then there whole or not at all, and repeating
        it is harmless.
        """
        with self._lock:
            if self._closed:
                raise StoreUnavailable("the tower is shutting down")
            full = self._bytes + batch.size > MAX_WAITING_BYTES or self._batches >= MAX_WAITING_BATCHES
            if full and self._batches:
                raise Overloaded("more is waiting to be stored than memory allows; send it again in a moment")
            self._bytes += batch.size
            self._batches += 1
        future: Future[Receipt] = Future()
        try:
            now_us = self._now_us()
            waiting = _Waiting(prepare(batch), future, now_us)
            with self._lock:
                # Behind the last item nobody would look for more.
                if self._closed:
                    raise StoreUnavailable("the tower is shutting down")
                self._queue.put(waiting)
        except BaseException:
            self._leave(batch.size, 1)
            raise
        return future

    def figures(self) -> IngestFigures:
        """Counters since the start."""
        with self._lock:
            return IngestFigures(
                self._batches, self._bytes, self._commits, self._failed, self._events, self._segments
            )

    def _send_all(self) -> None:
        open_for_more = True
        while open_for_more:
            # First, so that all that comes meanwhile is in the group.
            self._room.acquire()
            items, open_for_more = self._next_group()
            self._send(items)
        self._sent.put(None)

    def _send(self, items: list[_Waiting]) -> None:
        """Hand a group over; the place that was acquired for it is free again once it is settled."""
        try:
            if items:
                self._writer.send(group_of([item.prepared for item in items], items[-1].now_us))
        except ControlTowerError as exc:
            self._settle(items, [refused(exc)] * len(items))
        except Exception:  # noqa: BLE001
            _log.exception("a group of %d batches could not be handed to the writer", len(items))
            self._send_each(items)
            return
        else:
            if items:
                self._sent.put(items)
                return
        self._room.release()

    def _send_each(self, items: list[_Waiting]) -> None:
        if len(items) == 1:
            self._settle(items, [refused(BadPayload(UNSTORABLE))])
            self._room.release()
            return
        self._room.release()
        for item in items:
            self._room.acquire()
            self._send([item])

    def _receive_all(self) -> None:
        while (items := self._sent.get()) is not None:
            try:
                outcomes = self._writer.receive()
            except ControlTowerError as exc:
                outcomes = [refused(exc)] * len(items)
            except Exception:  # noqa: BLE001
                # Whatever it was, the senders must get an answer and the next group its place.
                _log.exception("the outcomes of %d batches could not be read", len(items))
                outcomes = []
            self._room.release()
            if len(outcomes) != len(items):
                unknown = StoreUnavailable("the answer of the writer cannot be read; the log has the cause")
                outcomes = [refused(unknown)] * len(items)
            self._settle(items, outcomes)

    def _next_group(self) -> tuple[list[_Waiting], bool]:
        first = self._queue.get()
        if first is None:
            return [], False
        group = [first]
        size = first.prepared.size
        facts = first.prepared.weight
        while size < MAX_COMMIT_BYTES and facts < MAX_COMMIT_FACTS:
            try:
                item = self._queue.get_nowait()
            except Empty:
                break
            if item is None:
                return group, False
            group.append(item)
            size += item.prepared.size
            facts += item.prepared.weight
        return group, True

    def _settle(self, items: Sequence[_Waiting], outcomes: Sequence[Outcome]) -> None:
        self._leave(sum([item.prepared.size for item in items]), len(items))
        receipts = [outcome.receipt for outcome in outcomes if outcome.receipt]
        with self._lock:
            self._commits += bool(receipts)
            self._failed += len(receipts) < len(outcomes)
            self._events += sum([receipt.events_stored for receipt in receipts])
            self._segments += sum([receipt.segments_stored for receipt in receipts])
        for item, outcome in zip(items, outcomes, strict=True):
            if not item.future.set_running_or_notify_cancel():
                continue
            if outcome.receipt:
                item.future.set_result(outcome.receipt)
            else:
                item.future.set_exception(outcome.error)

    def _leave(self, size: int, batches: int) -> None:
        with self._lock:
            self._bytes -= size
            self._batches -= batches
