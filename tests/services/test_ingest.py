"""The way in: what a receipt means, and what becomes of everybody when something fails."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from threading import Event as Flag
from threading import Thread
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from controltower.domain.errors import Overloaded, StoreUnavailable
from controltower.domain.facts import QueueSample
from controltower.services import committing
from controltower.services import ingest as module
from controltower.services.ingest import FactBatch, Ingest, Receipt
from controltower.services.writers import InlineWriter
from controltower.store import tables
from controltower.store.engine import Database, reading
from controltower.store.facts import commit_facts
from controltower.store.prepared import prepare
from tests.builders import NOW, a_segment, an_event, us
from tests.model import PROCESS

SOON = 30  # seconds; only a test that fails waits for them
TRACE = bytes([7]) * 16


@pytest.fixture
def waiting(db: Database) -> Iterator[Ingest]:
    """A way in whose writer has not started, so that a test decides what is in one group."""
    ingest = Ingest(InlineWriter(db, {PROCESS.name: PROCESS}), lambda: us(NOW))
    yield ingest
    ingest.close()


@pytest.fixture
def ingest(waiting: Ingest) -> Ingest:
    waiting.start()
    return waiting


def one(**event: Any) -> FactBatch:
    """A request with one event."""
    return FactBatch(events=[an_event(**event)], size=100)


def stored(db: Database) -> int:
    """How many events another connection sees."""
    with reading(db) as connection:
        return connection.execute(select(func.count()).select_from(tables.event)).scalar_one()


def outcomes(futures: list[Future[Receipt]]) -> list[str]:
    """Of each, ok or the name of what was raised."""
    wait(futures, SOON)
    return [type(f.exception(0)).__name__ if f.exception(0) else "ok" for f in futures]


# Groups


def test_a_receipt_means_that_others_see_the_facts(db: Database, ingest: Ingest):
    receipt = ingest.submit(one()).result(SOON)
    assert receipt == Receipt(1, 0, (True,), 0, 0)
    assert stored(db) == 1


def test_all_that_waits_goes_into_one_commit(db: Database, waiting: Ingest):
    futures = [waiting.submit(one()) for _ in range(50)]
    assert waiting.figures()[:2] == (50, 5_000)
    waiting.start()
    assert outcomes(futures) == ["ok"] * 50
    assert waiting.figures() == (0, 0, 1, 0, 50, 0)
    assert stored(db) == 50


@pytest.mark.parametrize(("limit", "value"), [("MAX_COMMIT_FACTS", 3), ("MAX_COMMIT_BYTES", 300)])
def test_a_commit_takes_no_more_than_its_limit(
    waiting: Ingest, monkeypatch: pytest.MonkeyPatch, limit: str, value: int
):
    monkeypatch.setattr(module, limit, value)
    futures = [waiting.submit(one()) for _ in range(7)]
    waiting.start()
    assert outcomes(futures) == ["ok"] * 7
    assert waiting.figures().commits == 3


def test_receipts_are_right_within_one_group(waiting: Ingest):
    shared, segment = an_event(), a_segment(TRACE)
    batches = [
        FactBatch(events=[shared], segments=[segment]),
        FactBatch(events=[an_event(), shared], segments=[segment]),
        FactBatch(events=[shared, shared]),
    ]
    futures = [waiting.submit(batch) for batch in batches]
    waiting.start()
    assert [future.result(SOON) for future in futures] == [
        Receipt(1, 0, (True,), 1, 0),
        Receipt(1, 1, (True, False), 0, 0),
        Receipt(0, 2, (False, False), 0, 0),
    ]
    assert waiting.figures()[2:] == (1, 0, 2, 1)


def test_threads_that_submit_at_once_each_get_their_own_receipt(db: Database, ingest: Ingest):
    events = [an_event() for _ in range(300)]
    with ThreadPoolExecutor(6) as pool:
        receipts = list(
            pool.map(lambda e: ingest.submit(FactBatch(events=[e])).result(SOON), [*events, *events])
        )
    assert sum(receipt.events_stored for receipt in receipts) == 300
    assert sum(receipt.events_duplicate for receipt in receipts) == 300
    assert stored(db) == 300


# Too much


def test_more_batches_than_memory_allows_are_refused_at_once(
    waiting: Ingest, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "MAX_WAITING_BATCHES", 2)
    futures = [waiting.submit(one()) for _ in range(2)]
    with pytest.raises(Overloaded) as refused:
        waiting.submit(one())
    assert refused.value.retryable
    assert refused.value.retry_after > 0
    waiting.start()
    assert outcomes(futures) == ["ok", "ok"]
    assert outcomes([waiting.submit(one())]) == ["ok"]


def test_more_bytes_than_memory_allows_are_refused_at_once(waiting: Ingest, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "MAX_WAITING_BYTES", 250)
    futures = [waiting.submit(one()) for _ in range(2)]
    with pytest.raises(Overloaded):
        waiting.submit(one())
    waiting.start()
    assert outcomes(futures) == ["ok", "ok"]
    assert waiting.figures()[:2] == (0, 0)


def test_one_request_larger_than_the_limit_is_taken_when_nothing_waits(
    ingest: Ingest, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "MAX_WAITING_BYTES", 50)
    assert outcomes([ingest.submit(one())]) == ["ok"]


# The end


def test_closing_commits_what_waits(db: Database, waiting: Ingest):
    futures = [waiting.submit(one()) for _ in range(20)]
    waiting.start()
    waiting.close()
    assert all(future.done() for future in futures)
    assert outcomes(futures) == ["ok"] * 20
    assert stored(db) == 20


def test_nothing_is_taken_after_closing(ingest: Ingest):
    ingest.close()
    ingest.close()
    with pytest.raises(StoreUnavailable):
        ingest.submit(one())


def test_a_request_that_comes_while_closing_gets_an_answer(
    db: Database, ingest: Ingest, monkeypatch: pytest.MonkeyPatch
):
    """It passed the gate before it was shut: it is stored or refused, but nobody may wait for ever."""
    inside, go_on = Flag(), Flag()

    def slow_prepare(batch: FactBatch) -> Any:
        inside.set()
        go_on.wait(SOON)
        return prepare(batch)

    monkeypatch.setattr(module, "prepare", slow_prepare)
    answers: list[str] = []

    def client() -> None:
        try:
            answers.append("stored" if ingest.submit(one()).result(3).events_stored else "duplicate")
        except (StoreUnavailable, TimeoutError) as exc:
            answers.append(type(exc).__name__)

    sender, closer = Thread(target=client), Thread(target=ingest.close)
    sender.start()
    inside.wait(SOON)
    closer.start()
    closer.join(0.3)
    go_on.set()
    sender.join(SOON)
    closer.join(SOON)
    assert answers == ["stored" if stored(db) else "StoreUnavailable"]


# Failures


def failing_after_writing(monkeypatch: pytest.MonkeyPatch, error: Callable[[], Exception]) -> None:
    """Let every commit fail after it has written everything."""

    def failing(*arguments: Any) -> Any:
        commit_facts(*arguments)
        raise error()

    monkeypatch.setattr(committing, "commit_facts", failing)


def test_when_the_store_fails_everybody_is_told_and_nothing_is_kept(
    db: Database, waiting: Ingest, monkeypatch: pytest.MonkeyPatch
):
    with monkeypatch.context() as broken:
        disk_full = Exception("database or disk is full")
        failing_after_writing(broken, lambda: OperationalError("INSERT", {}, disk_full))
        futures = [waiting.submit(one()) for _ in range(5)]
        waiting.start()
        assert outcomes(futures) == ["StoreUnavailable"] * 5
        assert "disk is full" in str(futures[0].exception(0))
        assert stored(db) == 0
        assert waiting.figures() == (0, 0, 0, 1, 0, 0)
    assert outcomes([waiting.submit(one())]) == ["ok"]


def test_a_defect_is_logged_with_its_cause_and_the_writer_lives_on(
    db: Database, ingest: Ingest, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    with monkeypatch.context() as broken:
        failing_after_writing(broken, lambda: KeyError("a defect"))
        assert outcomes([ingest.submit(one())]) == ["StoreUnavailable"]
    assert "a defect" in caplog.text
    assert outcomes([ingest.submit(one())]) == ["ok"]
    assert stored(db) == 1


def a_sample(queue: str) -> QueueSample:
    return QueueSample("rabbitmq", queue, "", us(NOW), "depth", 1.0)


POISONS = {
    # Edges should let none of these through; the writer must not rely on it.
    "a number too large": lambda: FactBatch(events=[an_event()._replace(occurred_us=2**70)]),
    "half a surrogate pair": lambda: FactBatch(samples=[a_sample("\ud800")]),
    "NUL in a text": lambda: FactBatch(samples=[a_sample("a\0b")]),
    "a name too long for an index": lambda: FactBatch(
        samples=[a_sample("".join(chr(0x4E00 + n) for n in range(9_000)))]
    ),
}


@pytest.mark.parametrize("poison", POISONS.values(), ids=POISONS)
def test_a_batch_that_cannot_be_stored_does_not_take_its_neighbours_down(
    db: Database, waiting: Ingest, poison: Callable[[], FactBatch]
):
    futures = [waiting.submit(one()), waiting.submit(poison()), waiting.submit(one())]
    waiting.start()
    told = outcomes(futures)
    assert (told[0], told[2]) == ("ok", "ok")
    assert stored(db) == 2 + (told[1] == "ok" and bool(poison().events))
    assert waiting.figures()[:2] == (0, 0)


def test_a_batch_that_cannot_be_prepared_leaves_nothing_waiting(waiting: Ingest):
    with pytest.raises(UnicodeEncodeError):
        waiting.submit(FactBatch(events=[an_event("note", ("order", "\ud800"))], size=9))
    assert waiting.figures()[:2] == (0, 0)


def test_a_client_that_has_gone_keeps_nobody_from_their_receipt(db: Database, waiting: Ingest):
    gone, staying = waiting.submit(one()), waiting.submit(one())
    assert gone.cancel()
    waiting.start()
    assert staying.result(SOON).events_stored == 1
    waiting.close()
    assert stored(db) == 2
    assert waiting.figures()[:2] == (0, 0)
