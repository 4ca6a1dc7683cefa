"""The way in: every fact enters through `Ingest`, which commits many requests at once.

Receivers hand batches to one bounded queue; one writer thread drains all that waits into each commit and only
then releases the receipts. A receipt therefore means: on disk. Should a group be refused by the store, its
batches are tried one by one, so that one request cannot take its neighbours down.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import NamedTuple

from controltower.domain.errors import BadPayload, ControlTowerError, Overloaded, StoreUnavailable
from controltower.domain.facts import Quarantined
from controltower.domain.processes import Process
from controltower.store.engine import Database, writing
from controltower.store.facts import FactBatch, PreparedBatch, Receipt, prepare, write_facts

__all__ = ["FactBatch", "Ingest", "IngestFigures", "Receipt"]

_log = logging.getLogger(__name__)

_UNSTORABLE = "the store cannot hold what this says; the log of the tower has the cause"
_EVENT_TYPE = "application/cloudevents+json"
_OTLP_TYPE = "application/x-protobuf"

MAX_WAITING_BYTES = 128 * 1024 * 1024
MAX_WAITING_BATCHES = 20_000
MAX_COMMIT_BYTES = 16 * 1024 * 1024
MAX_COMMIT_FACTS = 4_000


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

    def __init__(self, db: Database, processes: Mapping[str, Process], now_us: Callable[[], int]) -> None:
        self._db = db
        self._processes = processes
        self._now_us = now_us
        self._queue: SimpleQueue[_Waiting | None] = SimpleQueue()
        self._lock = Lock()
        self._bytes = self._batches = 0
        self._commits = self._failed = self._events = self._segments = 0
        self._closed = False
        self._thread = Thread(target=self._run, name="group-commit", daemon=True)

    def start(self) -> None:
        """Start the writer thread."""
        self._thread.start()

    def close(self) -> None:
        """Take nothing more, commit what waits, and stop. May be called twice."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._queue.put(None)
        if self._thread.is_alive():
            self._thread.join()

    def submit(self, batch: FactBatch) -> Future[Receipt]:
        """Queue a batch; the future gives its receipt after the commit.

        Raises Overloaded at once when too much waits already. The future raises StoreUnavailable when the
        store cannot write; then nothing of the batch was kept.
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
            waiting = _Waiting(prepare(batch, now_us), future, now_us)
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

    def _run(self) -> None:
        open_for_more = True
        while open_for_more:
            group, open_for_more = self._next_group()
            if group:
                self._commit(group)

    def _next_group(self) -> tuple[list[_Waiting], bool]:
        first = self._queue.get()
        if first is None:
            return [], False
        group = [first]
        size = first.prepared.batch.size
        facts = _weight(first)
        while size < MAX_COMMIT_BYTES and facts < MAX_COMMIT_FACTS:
            try:
                item = self._queue.get_nowait()
            except Empty:
                break
            if item is None:
                return group, False
            group.append(item)
            size += item.prepared.batch.size
            facts += _weight(item)
        return group, True

    def _commit(self, group: list[_Waiting]) -> None:
        try:
            receipts = self._write(group)
        except ControlTowerError as exc:
            self._fail(group, exc)
        except Exception:  # noqa: BLE001
            # A defect in one batch must not be the fate of the others, nor of the writer.
            _log.exception("a group of %d batches could not be stored", len(group))
            if len(group) == 1:
                self._hold(group[0])
            else:
                for item in group:
                    self._commit([item])
        else:
            self._succeed(group, receipts)

    def _hold(self, item: _Waiting) -> None:
        """Put what the store cannot take into quarantine: to its sender it is bad input, not an outage."""
        held = prepare(FactBatch(quarantined=_as_quarantined(item.prepared.batch)), item.now_us)
        error: ControlTowerError = BadPayload(_UNSTORABLE)
        try:
            self._write([item._replace(prepared=held)])
        # Whatever is wrong here too, the sender must get an answer and the writer must go on.
        except Exception as exc:  # noqa: BLE001
            _log.warning("it could not be put into quarantine either: %s", exc)
            error = StoreUnavailable("the batch could not be stored; the log has the cause")
        self._fail([item], error)

    def _write(self, group: list[_Waiting]) -> list[Receipt]:
        with writing(self._db) as connection:
            return write_facts(
                connection, [item.prepared for item in group], self._processes, group[-1].now_us
            )

    def _succeed(self, group: list[_Waiting], receipts: list[Receipt]) -> None:
        self._leave(sum(item.prepared.batch.size for item in group), len(group))
        with self._lock:
            self._commits += 1
            self._events += sum(receipt.events_stored for receipt in receipts)
            self._segments += sum(receipt.segments_stored for receipt in receipts)
        for item, receipt in zip(group, receipts, strict=True):
            if item.future.set_running_or_notify_cancel():
                item.future.set_result(receipt)

    def _fail(self, group: list[_Waiting], error: ControlTowerError) -> None:
        self._leave(sum(item.prepared.batch.size for item in group), len(group))
        with self._lock:
            self._failed += 1
        for item in group:
            if item.future.set_running_or_notify_cancel():
                item.future.set_exception(error)

    def _leave(self, size: int, batches: int) -> None:
        with self._lock:
            self._bytes -= size
            self._batches -= batches


def _as_quarantined(batch: FactBatch) -> list[Quarantined]:
    events = [Quarantined("events", "unstorable", _UNSTORABLE, _EVENT_TYPE, e.payload) for e in batch.events]
    spans = [Quarantined("otlp-traces", "unstorable", _UNSTORABLE, _OTLP_TYPE, s.raw) for s in batch.segments]
    return events + spans


def _weight(item: _Waiting) -> int:
    batch = item.prepared.batch
    return len(batch.events) + len(batch.segments)
