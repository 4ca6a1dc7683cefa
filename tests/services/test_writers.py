"""Writers: the same contract, in this process or in one of its own."""

import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from importlib.resources import files

import pytest
from sqlalchemy import func, select

from controltower.domain.errors import StoreUnavailable
from controltower.domain.facts import QueueSample
from controltower.services.committing import Outcome
from controltower.services.writer_process import ProcessWriter
from controltower.services.writers import InlineWriter, Writer
from controltower.store import tables
from controltower.store.engine import Database, reading
from controltower.store.prepared import FactBatch, Group, group_of, prepare
from tests.builders import NOW, a_segment, an_event, us
from tests.model import PROCESS
from tests.stores import url_of

TRACE = bytes([7]) * 16
PROCESS_FILE = "order_to_cash.toml"


def in_another_process(db: Database) -> ProcessWriter:
    text = (files("controltower") / "processes" / PROCESS_FILE).read_text()
    return ProcessWriter(url_of(db), [(PROCESS_FILE, text)])


@pytest.fixture(params=["inline", "process"])
def writer(request: pytest.FixtureRequest, db: Database) -> Iterator[Writer]:
    made: Writer = InlineWriter(db, {PROCESS.name: PROCESS})
    if request.param == "process":
        made = in_another_process(db)
    made.start()
    yield made
    made.close()


@pytest.fixture
def process(db: Database) -> Iterator[ProcessWriter]:
    made = in_another_process(db)
    made.start()
    yield made
    made.close()


def a_group(*batches: FactBatch) -> Group:
    return group_of([prepare(batch) for batch in batches], us(NOW))


def one() -> FactBatch:
    return FactBatch(events=[an_event("order.captured", ("order", "1"))])


def stored(db: Database) -> int:
    with reading(db) as connection:
        return connection.execute(select(func.count()).select_from(tables.event)).scalar_one()


def kinds(outcomes: Sequence[Outcome]) -> list[str]:
    return ["stored" if o.receipt else "bad" if o.is_bad else "unavailable" for o in outcomes]


def unstorable(db: Database) -> FactBatch:
    """A batch that a database cannot hold: SQLite takes no number of 9 bytes, PostgreSQL no long key."""
    name = "".join(chr(0x4E00 + n) for n in range(9_000))
    sample = QueueSample("rabbitmq", "orders", "", 2**64 - 1, name, 1.0)
    return FactBatch(samples=[sample])


def test_outcomes_come_in_the_order_of_the_groups(db: Database, writer: Writer):
    shared = an_event()
    writer.send(a_group(FactBatch(events=[shared]), one()))
    writer.send(a_group(FactBatch(events=[shared], segments=[a_segment(TRACE)])))
    first, second = writer.receive(), writer.receive()
    assert kinds(first) == ["stored", "stored"]
    assert [outcome.receipt and outcome.receipt[:4] for outcome in second] == [(0, 1, (False,), 1)]
    assert stored(db) == 2


def test_one_batch_that_cannot_be_stored_is_refused_alone(db: Database, writer: Writer):
    writer.send(a_group(one(), unstorable(db), one()))
    assert kinds(writer.receive()) == ["stored", "bad", "stored"]
    assert stored(db) == 2


def test_closing_finishes_what_was_sent(db: Database, writer: Writer):
    for _ in range(2):
        writer.send(a_group(one()))
    for _ in range(2):
        assert kinds(writer.receive()) == ["stored"]
    writer.close()
    assert stored(db) == 2


def test_a_group_that_has_no_form_to_be_sent_in_is_not_spoken_of(process: ProcessWriter):
    with pytest.raises(UnicodeEncodeError):
        process.send(a_group(FactBatch(samples=[QueueSample("a", "\ud800", "", us(NOW), "depth", 1.0)])))
    process.send(a_group(one()))
    assert kinds(process.receive()) == ["stored"]


def until(condition: Callable[[], bool]) -> None:
    give_up_at = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < give_up_at
        time.sleep(0.01)


def test_a_process_that_dies_is_replaced(db: Database, process: ProcessWriter):
    first = process.pid
    assert first is not None
    os.kill(first, signal.SIGSTOP)
    process.send(a_group(one()))
    os.kill(first, signal.SIGKILL)
    with pytest.raises(StoreUnavailable):
        process.receive()
    process.send(a_group(one()))
    assert kinds(process.receive()) == ["stored"]
    assert process.pid != first
    assert stored(db) == 1


def test_signals_to_the_whole_group_do_not_end_it(process: ProcessWriter):
    assert process.pid is not None
    process.send(a_group(one()))
    assert kinds(process.receive()) == ["stored"]
    for number in (signal.SIGINT, signal.SIGTERM):
        os.kill(process.pid, number)
    process.send(a_group(one()))
    assert kinds(process.receive()) == ["stored"]


def test_it_ends_when_nobody_is_there_any_more(process: ProcessWriter):
    pid = process.pid
    assert pid is not None
    process.close()
    until(lambda: not os.path.exists(f"/proc/{pid}"))
