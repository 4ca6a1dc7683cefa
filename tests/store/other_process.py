"""What tests let other operating system processes do. It imports little, so that those start fast."""

import multiprocessing
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor

from controltower.domain.facts import Event, SpanSegment
from controltower.services.ingest import FactBatch, Ingest, Receipt
from controltower.services.writers import InlineWriter
from controltower.store.engine import open_database
from controltower.store.schema import upgrade
from tests.builders import NOW, order_to_cash, us

Request = Sequence[Event | SpanSegment]


def start_processes(count: int) -> ProcessPoolExecutor:
    """A pool of processes that share nothing with this one."""
    return ProcessPoolExecutor(count, mp_context=multiprocessing.get_context("spawn"))


def upgrade_store(url: str) -> tuple[str | None, str | None]:
    """Upgrade the store; returns the revisions before and after."""
    database = open_database(url)
    try:
        return upgrade(database)
    finally:
        database.dispose()


def a_batch(request: Request) -> FactBatch:
    """What one request brings."""
    return FactBatch(
        events=[fact for fact in request if isinstance(fact, Event)],
        segments=[fact for fact in request if isinstance(fact, SpanSegment)],
    )


def ingest_requests(url: str, requests: Sequence[Request]) -> tuple[int, int]:
    """Submit every request, several at a time; returns how many events and segments were new.

    What a receipt promised is in the store when this returns, and a request that could not be stored raises.
    """
    database = open_database(url)
    process = order_to_cash()
    ingest = Ingest(InlineWriter(database, {process.name: process}), lambda: us(NOW))
    ingest.start()
    try:
        receipts: list[Receipt] = []
        waiting: list[Future[Receipt]] = []
        for request in requests:
            waiting.append(ingest.submit(a_batch(request)))
            if len(waiting) == 4:
                receipts += [future.result(60) for future in waiting]
                waiting.clear()
        receipts += [future.result(60) for future in waiting]
    finally:
        ingest.close()
        database.dispose()
    return sum(r.events_stored for r in receipts), sum(r.segments_stored for r in receipts)
