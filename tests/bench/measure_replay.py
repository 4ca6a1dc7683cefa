"""Measuring a large replay over RabbitMQ: how fast messages reach the broker, and how the screens answer
meanwhile.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread
from urllib.parse import unquote, urlsplit

import pika

from controltower.declared import declared_processes
from controltower.domain.processes import ProcessBook
from controltower.domain.times import from_us
from controltower.services.dead_letters.following import follow_once
from controltower.services.dead_letters.intake import LetterIntake
from controltower.services.failure_rules import RuleShelf
from controltower.services.ingest import FactBatch, Ingest
from controltower.services.replay.planning import Planner, Wish
from controltower.services.replay.steering import approve, start
from controltower.services.writers import InlineWriter
from controltower.settings import Settings
from controltower.store.engine import Database, open_database, reading
from controltower.store.letter_rows import LetterFilter
from controltower.store.maintenance import checkpoint
from controltower.store.replays import get_plan
from controltower.store.schema import upgrade
from controltower.wiring import now_us
from tests.bench.figures import Figure, Result, percentile
from tests.bench.machine import peak_memory_mb, usage
from tests.bench.stores import Store
from tests.bench.towers import new_store, tower_on
from tests.builders import an_event
from tests.running import ADMIN, Tower, Visitor
from tests.services.replay.rig import MemoryTargets, a_letter

RABBITMQ = "amqp://guest:guest@127.0.0.1:5672/%2F"
_RATE = 1000.0
_SCREEN_MS = 100.0
_BATCH = 500
_WITHIN = 300.0


def measure_replay(store_name: str, letters: int) -> None:
    """Store dead letters, replay all of them in one step, and look at screens while they leave."""
    with new_store(store_name) as store, _queue() as queue:
        _seed(store, letters, queue)
        _declare(store)
        with tower_on(store) as tower, _opened(store) as database:
            result = Result(
                f"replay over RabbitMQ, {store_name}, {letters:,} dead letters",
                ("without a ramp; each message confirmed by the broker; screens one after the other",),
            )
            looked = _Looker(tower, letters)
            memory = peak_memory_mb(tower.process.pid)
            before = usage(tower.process.pid)
            plan_id = _plan(database)
            began = time.monotonic()
            looked.begin()
            sent = _wait_for(queue, letters)
            seconds = time.monotonic() - began
            looked.end()
            spent = usage(tower.process.pid).since(before)
            result.figures += [
                Figure("messages that reached the broker", sent / seconds, "messages/s", _RATE),
                Figure("server CPU", spent.server * 1e6 / max(1, sent), "us/message"),
                Figure("machine busy with other things", spent.others / seconds, "cores"),
                *looked.figures(),
                Figure("memory, grown by", peak_memory_mb(tower.process.pid) - memory, "MB"),
            ]
            if sent < letters:
                result.notes.append(f"NOT SENT: {letters - sent} messages of plan {plan_id.hex()}")
            result.show()


class _Looker:
    """A person who opens one screen after the other."""

    _PATHS = ("/", "/dead-letters", "/replays", "/journeys?status=failed")

    def __init__(self, tower: Tower, letters: int) -> None:
        self._visitor = Visitor(tower)
        self._visitor.use_setup_link(tower.setup_link, ADMIN)
        self._done = Event()
        self._took: list[float] = []
        self._thread = Thread(target=self._look, daemon=True)

    def begin(self) -> None:
        self._thread.start()

    def end(self) -> None:
        self._done.set()
        self._thread.join()

    def figures(self) -> Iterator[Figure]:
        for name, share, target in (("p50", 0.5, None), ("p95", 0.95, _SCREEN_MS)):
            value = percentile(self._took, share) * 1000
            yield Figure(
                f"screens meanwhile, {name}", value, f"ms, {len(self._took)} looks", target, is_most=True
            )

    def _look(self) -> None:
        while not self._done.is_set():
            for path in self._PATHS:
                began = time.monotonic()
                assert self._visitor.get(path).status == 200, path
                self._took.append(time.monotonic() - began)


@contextmanager
def _queue() -> Iterator[str]:
    connection = pika.BlockingConnection(pika.URLParameters(RABBITMQ))
    name = f"ct-bench-{secrets.token_hex(4)}"
    connection.channel().queue_declare(name, durable=True)
    connection.close()
    try:
        yield name
    finally:
        connection = pika.BlockingConnection(pika.URLParameters(RABBITMQ))
        connection.channel().queue_delete(name)
        connection.close()


def _wait_for(queue: str, letters: int) -> int:
    connection = pika.BlockingConnection(pika.URLParameters(RABBITMQ))
    channel = connection.channel()
    give_up_at = time.monotonic() + _WITHIN
    found = 0
    while found < letters and time.monotonic() < give_up_at:
        time.sleep(0.05)
        found = int(channel.queue_declare(queue, passive=True).method.message_count)
    connection.close()
    return found


def _declare(store: Store) -> None:
    """A connections file where `tower_on` finds it: beside the store."""
    parts = urlsplit(RABBITMQ)
    Path(store.home / "connections.toml").write_text(
        f'[connections.bus]\nkind = "rabbitmq"\nrate = 100000\n'
        f'url = "amqp://{parts.username}:{unquote(parts.password or "")}@{parts.hostname}:{parts.port}/%2F"\n'
    )


@contextmanager
def _opened(store: Store) -> Iterator[Database]:
    database = open_database(store.url or f"sqlite:///{store.home / 'controltower.db'}")
    try:
        yield database
    finally:
        database.dispose()


def _processes() -> ProcessBook:
    return ProcessBook(declared_processes(Settings()))


def _seed(store: Store, letters: int, queue: str) -> None:
    """Accepted orders, each with a letter that could not be posted."""
    with _opened(store) as database:
        upgrade(database)
        ingest = Ingest(InlineWriter(database, _processes()), now_us)
        ingest.start()
        intake = LetterIntake(database, ingest, RuleShelf(), now_us)
        for first in range(0, letters, _BATCH):
            orders = [f"B-{number}" for number in range(first, min(letters, first + _BATCH))]
            events = [an_event("order.captured", ("order", order), amount="90.00") for order in orders]
            ingest.submit(FactBatch(events=events, size=1)).result(60)
            intake.take([a_letter(order, origin_place=queue) for order in orders])
            checkpoint(database)
        while follow_once(database, _processes(), from_us(now_us())):
            pass
        checkpoint(database)
        ingest.close()


def _plan(database: Database) -> bytes:
    """Plan, agree to and start the replay of everything."""
    now = datetime.now(UTC)
    planner = Planner(database, _processes(), MemoryTargets("bus"))
    plan = planner.make(Wish(LetterFilter(), ramp=False), by="sam", now=now)
    while planner.draft_some(plan.id, now):
        pass
    with reading(database) as c:
        plan = get_plan(c, plan.id)
    approve(database, plan.id, by="olga", now=now)
    start(database, plan.id, plan.digest, by="sam", may_force=True, reason="bench", now=now)
    return plan.id
