"""A thousand dead letters over a real RabbitMQ, through a tower that is killed and connections that are cut,
taken over and sent again: none lost, none delivered under two keys.
"""

from __future__ import annotations

import json
import random
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread
from typing import Any
from urllib.parse import unquote, urlsplit

import pika
import pytest

from controltower.domain.dead_letters import RESOLVED, STATES
from controltower.domain.messages import IDEMPOTENCY_KEY
from controltower.domain.processes import ProcessBook
from controltower.services.replay.planning import Planner, Wish
from controltower.services.replay.steering import approve, start
from controltower.store.engine import Database, reading
from controltower.store.letter_rows import LetterFilter
from controltower.store.letters import count_letters
from controltower.store.replays import get_plan
from tests.builders import order_to_cash
from tests.collectors.brokers.brokers import RabbitMQ
from tests.collectors.brokers.proxy import CuttingProxy
from tests.end_to_end.killable import Tower
from tests.services.replay.rig import MemoryTargets
from tests.stores import opened

pytestmark = [pytest.mark.services, pytest.mark.timeout(400)]

MESSAGES = 1000
BATCH = 100


@dataclass
class Erp(Thread):
    """Consumes the queue of orders to post: rejects them until it is mended, then posts each key once."""

    url: str
    queue: str
    tower: Tower
    is_mended: bool = False
    stopping: Event = field(default_factory=Event)
    rejected: int = 0
    deliveries: Counter[str] = field(default_factory=Counter)  # by order
    keys: dict[str, set[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__init__(daemon=True)

    __hash__ = Thread.__hash__

    def run(self) -> None:
        connection = pika.BlockingConnection(pika.URLParameters(self.url))
        channel = connection.channel()
        channel.basic_qos(prefetch_count=BATCH)
        waiting: list[str] = []
        for method, properties, body in channel.consume(self.queue, inactivity_timeout=0.2):
            if method is not None and not self.is_mended:
                channel.basic_nack(method.delivery_tag, requeue=False)
                self.rejected += 1
            elif method is not None:
                waiting.append(self._note(properties, body))
                channel.basic_ack(method.delivery_tag)
            if len(waiting) >= BATCH or (method is None and waiting):
                post(self.tower, [posted(order) for order in waiting])
                waiting = []
            if self.stopping.is_set():
                break
        connection.close()

    def _note(self, properties: Any, body: Any) -> str:
        order: str = json.loads(body)["order"]
        self.deliveries[order] += 1
        self.keys.setdefault(order, set()).add(str(properties.headers[IDEMPOTENCY_KEY]))
        return order


def an_event(order: str, event_type: str) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": f"{order}-{event_type}",
        "source": "/erp",
        "type": event_type,
        "time": datetime.now(UTC).isoformat(),
        "correlationid": order,
    }


def posted(order: str) -> dict[str, Any]:
    return an_event(order, "order.posted")


def post(tower: Tower, events: list[dict[str, Any]]) -> None:
    """Post events until the tower has them: it may be down for a moment."""
    request = urllib.request.Request(
        f"http://{tower.http}/api/v1/events",
        json.dumps(events).encode(),
        {"Content-Type": "application/cloudevents-batch+json"},
    )
    give_up_at = time.monotonic() + 90
    while True:
        try:
            urllib.request.urlopen(request, timeout=10).close()
            return
        except OSError:
            assert time.monotonic() < give_up_at, "the tower stays down"
            time.sleep(0.1)


class Estate:
    """A queue whose rejected messages die, and a tower that takes them over through a proxy."""

    def __init__(self, folder: Path, tower: Tower, database_url: str) -> None:
        self.tower = tower
        self.database_url = database_url
        self.broker = RabbitMQ()
        self.dead = self.broker.new_place()
        work = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": self.dead}
        self.queue = self.broker.new_place(**work)
        parts = urlsplit(self.broker.url)
        self.proxy = CuttingProxy(parts.hostname or "", parts.port or 5672)
        file = folder / "connections.toml"
        file.write_text(
            "[connections.orders]\n"
            'kind = "rabbitmq"\n'
            f'url = "amqp://{parts.username}:${{RABBIT_PASSWORD}}@127.0.0.1:{self.proxy.port}/%2F"\n'
            f'dead_letters = [{{ place = "{self.dead}", type = "order.posted", system = "middleware" }}]\n'
            "timeout_seconds = 3\nrate = 2000\n"
        )
        tower.environment |= {
            "CONTROLTOWER_CONNECTIONS": str(file),
            "RABBIT_PASSWORD": unquote(parts.password or ""),
        }
        self.erp = Erp(self.broker.url, self.queue, tower)

    def disturb(self, round: int) -> None:
        """Kill the tower, cut its connections, or take the broker away from it for a while."""
        if round % 3 == 0:
            self.tower.kill()
            self.tower.start()
        elif round % 3 == 1:
            self.proxy.cut()
        else:
            self.proxy.down()
            time.sleep(1.5)
            self.proxy.up()

    def publish(self) -> list[str]:
        orders = [f"chaos-{number}" for number in range(MESSAGES)]
        for begin in range(0, MESSAGES, BATCH):
            post(self.tower, [an_event(order, "order.captured") for order in orders[begin : begin + BATCH]])
        for order in orders:
            properties = pika.BasicProperties(
                content_type="application/json",
                message_id=f"m-{order}",
                correlation_id=order,
                delivery_mode=2,
            )
            body = json.dumps({"order": order}).encode()
            self.broker.channel.basic_publish("", self.queue, body, properties)
        return orders

    def is_empty(self, queue: str) -> bool:
        return int(self.broker.channel.queue_declare(queue, passive=True).method.message_count) == 0

    def count(self, database: Database, *states: str) -> int:
        with reading(database) as c:
            return count_letters(c, LetterFilter(states=states or STATES), datetime.now(UTC))

    def close(self) -> None:
        self.erp.stopping.set()
        self.erp.join(10)
        self.tower.kill()
        self.proxy.close()
        self.broker.close()


@pytest.fixture
def estate(tmp_path: Path, tower: Tower, database_url: str) -> Iterator[Estate]:
    made = Estate(tmp_path, tower, database_url)
    yield made
    made.close()


def wait_for(condition: Callable[[], bool], what: str, within: float = 60) -> None:
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


def replay_everything(estate: Estate, database: Database) -> bytes:
    """Plan, agree to and start a replay of all, as the screens do."""
    now = datetime.now(UTC)
    planner = Planner(database, ProcessBook({"order-to-cash": order_to_cash()}), MemoryTargets("orders"))
    plan = planner.make(Wish(LetterFilter(), ramp=False), by="sam", now=now)
    while planner.draft_some(plan.id, now):
        pass
    with reading(database) as c:
        plan = get_plan(c, plan.id)
    assert plan.verdicts == {"safe": MESSAGES}
    approve(database, plan.id, by="olga", now=now)
    start(database, plan.id, plan.digest, by="sam", may_force=False, reason="", now=now)
    return plan.id


def test_a_thousand_letters_survive_kills_and_cuts_from_the_queue_back_to_the_queue(estate, database_url):
    moments = random.Random(database_url)
    estate.tower.start()
    orders = estate.publish()
    estate.erp.start()
    for round in range(4):
        time.sleep(moments.uniform(0.1, 0.8))
        estate.disturb(round)
    with opened(database_url) as database:
        wait_for(lambda: estate.count(database) == MESSAGES, "every message is a letter")
        wait_for(lambda: estate.is_empty(estate.dead), "nothing waits to be taken over")
        assert estate.erp.rejected == MESSAGES
        wait_for(lambda: all_linked(database), "every letter is on its journey")

        estate.erp.is_mended = True
        plan_id = replay_everything(estate, database)
        for round in range(4):
            time.sleep(moments.uniform(0.1, 1.5))
            estate.disturb(round)
        wait_for(lambda: plan_state(database, plan_id) == "done", "the replay ends", within=240)
        wait_for(lambda: estate.count(database, RESOLVED) == MESSAGES, "every letter is resolved")
    deliveries, keys = estate.erp.deliveries, estate.erp.keys
    again = sum(deliveries.values()) - len(deliveries)
    under_two = sum(len(found) > 1 for found in keys.values())
    sys.stdout.write(
        f"{MESSAGES} died, {len(deliveries)} delivered, {MESSAGES - len(deliveries)} lost, "
        f"{again} delivered again under the same key, {under_two} under two keys\n"
    )
    assert sorted(deliveries) == sorted(orders)
    assert under_two == 0
    assert {key for found in keys.values() for key in found} == {key for [key] in keys.values()}
    assert len({key for [key] in keys.values()}) == MESSAGES


def all_linked(database: Database) -> bool:
    with reading(database) as c:
        unplaced = LetterFilter(states=STATES, impact="unplaced")
        return count_letters(c, unplaced, datetime.now(UTC)) == 0


def plan_state(database: Database, plan_id: bytes) -> str:
    with reading(database) as c:
        return get_plan(c, plan_id).state
