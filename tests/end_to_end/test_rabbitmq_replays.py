"""All the way with RabbitMQ: rejected, dead-lettered, taken over, replayed to its queue, processed, resolved.

The tower is killed between the commit of the letters and their settlement.
"""

import json
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit
from urllib.request import Request, urlopen

import pika
import pytest

from controltower.domain.dead_letters import NEW, RESOLVED
from controltower.domain.replays import DONE
from controltower.domain.verdicts import SAFE
from controltower.services.replay.planning import Planner, Wish
from controltower.services.replay.steering import start
from controltower.store.engine import Database, reading
from controltower.store.letter_rows import LetterFilter, LetterRow
from controltower.store.letters import list_letters
from controltower.store.replays import Plan, get_plan
from tests.builders import order_to_cash
from tests.collectors.brokers.brokers import RabbitMQ
from tests.collectors.brokers.proxy import CuttingProxy
from tests.end_to_end.killable import Tower
from tests.end_to_end.test_brokers import metrics_of, wait_for
from tests.services.replay.rig import MemoryTargets
from tests.stores import opened

pytestmark = [pytest.mark.services, pytest.mark.timeout(240)]

ORDERS = 40


class Middleware:
    """A queue, its dead-letter queue, and the one who consumes it."""

    def __init__(self, folder: Path, tower: Tower) -> None:
        self.tower = tower
        self.broker = RabbitMQ()
        self.dead = self.broker.new_place()
        rejected = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": self.dead}
        self.queue = self.broker.new_place(**rejected)
        self.processed: Counter[str] = Counter()  # by order
        self.keys: dict[str, str] = {}  # of the order that came with an idempotency key
        parts = urlsplit(self.broker.url)
        self.proxy = CuttingProxy(parts.hostname or "", parts.port or 5672)
        file = folder / "connections.toml"
        file.write_text(
            "[connections.bus]\n"
            'kind = "rabbitmq"\n'
            f'url = "amqp://{parts.username}:${{RABBIT_PASSWORD}}@127.0.0.1:{self.proxy.port}/%2F"\n'
            f'dead_letters = [{{ place = "{self.dead}", type = "order.posted", system = "middleware" }}]\n'
            "timeout_seconds = 3\n"
        )
        tower.environment |= {
            "CONTROLTOWER_CONNECTIONS": str(file),
            "RABBIT_PASSWORD": unquote(parts.password or ""),
        }

    def publish(self, order: int) -> None:
        body = json.dumps(
            {"identifiers": {"order": f"R-{order}"}, "total": {"amount": "12.50", "currency": "EUR"}}
        )
        properties = pika.BasicProperties(content_type="application/json", message_id=f"m-{order}")
        self.broker.channel.basic_publish("", self.queue, body.encode(), properties)

    def reject_all(self) -> None:
        """What a consumer does that misses a mapping."""
        for tag, *_ in self._handed_out():
            self.broker.channel.basic_reject(tag, requeue=False)

    def process_all(self) -> None:
        """What it does once the mapping is there: the order is posted, and the message acknowledged."""
        for tag, headers, body in self._handed_out():
            order = json.loads(body)["identifiers"]["order"]
            self.processed[order] += 1
            self.keys[headers["idempotency-key"]] = order
            self.tell("order.posted", order)
            self.broker.channel.basic_ack(tag)

    def _handed_out(self) -> Iterator[tuple[int, dict[str, str], bytes]]:
        """Each message of the queue: what it is settled by, its headers and its body."""
        while True:
            method, properties, body = self.broker.channel.basic_get(self.queue)
            if method is None or properties is None or body is None:
                return
            yield method.delivery_tag, properties.headers or {}, body

    def tell(self, type: str, *orders: str) -> None:
        now = datetime.now(UTC).isoformat()
        events = [
            {"specversion": "1.0", "id": f"{order}-{type}", "source": "/erp", "type": type, "time": now,
             "data": {"identifiers": {"order": order}}}
            for order in orders
        ]  # fmt: skip
        headers = {"Content-Type": "application/cloudevents-batch+json"}
        url = f"http://{self.tower.http}/api/v1/events"
        with urlopen(Request(url, json.dumps(events).encode(), headers), timeout=20) as answer:
            assert answer.status == 200

    def waiting(self, queue: str) -> int:
        return int(self.broker.channel.queue_declare(queue, passive=True).method.message_count)

    def close(self) -> None:
        self.tower.kill()
        self.proxy.close()
        self.broker.close()


@pytest.fixture
def middleware(tmp_path: Path, tower: Tower) -> Iterator[Middleware]:
    made = Middleware(tmp_path, tower)
    yield made
    made.close()


@pytest.fixture
def store(tower: Tower, database_url: str) -> Iterator[Database]:
    """The tower's store, looked at from outside."""
    with opened(database_url) as database:
        yield database


def letters(store: Database, *states: str) -> list[LetterRow]:
    with reading(store) as c:
        return list_letters(c, LetterFilter(states=states), datetime.now(UTC), limit=1000)


def replay(store: Database, chosen: list[LetterRow]) -> Plan:
    process, now = order_to_cash(), datetime.now(UTC)
    planner = Planner(store, {process.name: process}, MemoryTargets("bus"))
    plan = planner.make(Wish([one.id for one in chosen]), by="sam", now=now)
    start(store, plan.id, plan.digest, by="sam", may_force=False, reason="", now=now)
    return plan


def state_of(store: Database, plan: Plan) -> str:
    with reading(store) as c:
        return get_plan(c, plan.id).state


def has_settled(tower: Tower) -> bool:
    """Whether the tower says that it has taken a dead letter, which it does after settling."""
    taken = [line for line in metrics_of(tower) if "_broker_taken_total" in line]
    return any('role="dead_letters"' in line and not line.endswith(" 0") for line in taken)


def test_what_was_rejected_comes_back_to_its_queue_is_processed_once_and_resolved(middleware, store):
    orders = [f"R-{number}" for number in range(ORDERS)]
    middleware.tower.start()
    middleware.tell("order.captured", *orders)
    middleware.publish(0)
    middleware.reject_all()
    wait_for(lambda: has_settled(middleware.tower), "the first is settled")
    middleware.proxy.hold()  # the tower hears of messages, and its word that it has them is lost
    for number in range(1, ORDERS):
        middleware.publish(number)
    middleware.reject_all()
    wait_for(lambda: len(letters(store, NEW)) > 1, "some are committed")
    middleware.tower.kill()
    committed = len(letters(store, NEW)) - 1
    middleware.proxy.cut()
    wait_for(lambda: middleware.waiting(middleware.dead) == ORDERS - 1, "the broker has them again")
    middleware.proxy.let_speak()
    middleware.tower.start()
    wait_for(lambda: len([one for one in letters(store, NEW) if one.journey_id]) == ORDERS, "all are placed")
    wait_for(lambda: middleware.waiting(middleware.dead) == 0, "the broker has given them up")

    kept = letters(store, NEW)
    assert {(one.deaths, one.origin_connection, one.origin_place) for one in kept} == {
        (1, "bus", middleware.queue)
    }
    assert {(one.stage, one.error_code) for one in kept} == {("posted", "rejected")}

    plan = replay(store, kept)
    assert plan.verdicts == {SAFE: ORDERS}

    def is_over() -> bool:
        middleware.process_all()
        return len(letters(store, RESOLVED)) == ORDERS

    wait_for(is_over, "all are resolved")
    wait_for(lambda: state_of(store, plan) == DONE, "the plan has ended")
    middleware.tower.terminate(within=20)
    assert middleware.processed == dict.fromkeys(orders, 1)
    assert len(middleware.keys) == ORDERS
    assert middleware.waiting(middleware.queue) == middleware.waiting(middleware.dead) == 0
    sys.stdout.write(
        f"{ORDERS} rejected; {committed} committed and not settled when killed; {len(kept)} letters; "
        f"{middleware.processed.total()} processed with {len(middleware.keys)} keys; {ORDERS} resolved\n"
    )
