"""Stand-ins for what the edges talk to."""

from __future__ import annotations

from concurrent.futures import Future
from threading import Lock

from controltower.domain.errors import Overloaded, StoreUnavailable
from controltower.domain.facts import Event, Quarantined, QueueSample, SpanSegment
from controltower.services.ingest import FactBatch, Receipt


class FakeIngest:
    """Has the interface of services.ingest.Ingest; keeps what it is given in memory."""

    def __init__(self) -> None:
        self.batches: list[FactBatch] = []
        self.is_unavailable = False
        self.overloads = 0  # how many of the next batches are refused; -1 refuses every one
        self._lock = Lock()
        self._seen: set[bytes] = set()

    def submit(self, batch: FactBatch) -> Future[Receipt]:
        """Store a batch at once, or fail as told."""
        if self.overloads:
            self.overloads -= 1 if self.overloads > 0 else 0
            raise Overloaded("more is waiting than memory allows", retry_after=2)
        future: Future[Receipt] = Future()
        if self.is_unavailable:
            future.set_exception(StoreUnavailable("the lineage store did not answer"))
        else:
            future.set_result(self._store(batch))
        return future

    def _store(self, batch: FactBatch) -> Receipt:
        with self._lock:
            self.batches.append(batch)
            is_new = []
            for event in batch.events:
                is_new.append(event.digest not in self._seen)
                self._seen.add(event.digest)
        stored = sum(is_new)
        return Receipt(
            stored, len(is_new) - stored, tuple(is_new), len(batch.segments), len(batch.quarantined)
        )

    @property
    def events(self) -> list[Event]:
        """Every event submitted, duplicates included."""
        return [event for batch in self.batches for event in batch.events]

    @property
    def segments(self) -> list[SpanSegment]:
        """Every trace segment submitted."""
        return [segment for batch in self.batches for segment in batch.segments]

    @property
    def samples(self) -> list[QueueSample]:
        """Every queue sample submitted."""
        return [sample for batch in self.batches for sample in batch.samples]

    @property
    def quarantined(self) -> list[Quarantined]:
        """Everything put into quarantine."""
        return [item for batch in self.batches for item in batch.quarantined]

    @property
    def dropped(self) -> dict[tuple[str, str, str], int]:
        """Everything counted instead of kept."""
        total: dict[tuple[str, str, str], int] = {}
        for batch in self.batches:
            for key, count in batch.dropped.items():
                total[key] = total.get(key, 0) + count
        return total
