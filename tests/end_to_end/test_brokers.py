"""Events from RabbitMQ to journeys, through a tower that is killed and a connection that is cut."""

import json
import random
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pika
import pytest
from sqlalchemy import select

from controltower.domain.identifiers import Identifier, key_of
from controltower.store.dead_letter_tables import dead_letter
from controltower.store.engine import reading
from tests.collectors.brokers.brokers import RabbitMQ
from tests.collectors.brokers.proxy import CuttingProxy
from tests.end_to_end.kept import Kept, kept_in
from tests.end_to_end.killable import Tower
from tests.stores import opened

pytestmark = [pytest.mark.services, pytest.mark.timeout(240)]


class Estate:
    """A queue that orders are published to, and a proxy between it and the tower."""

    def __init__(self, folder: Path, tower: Tower, database_url: str) -> None:
        self.tower = tower
        self.broker = RabbitMQ()
        self.queue = self.broker.new_place()
        self.dead = self.broker.new_place()
        refusing = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": self.dead, "x-message-ttl": 0}
        self.work = self.broker.new_place(**refusing)  # nobody is there in time
        parts = urlsplit(self.broker.url)
        self.proxy = CuttingProxy(parts.hostname or "", parts.port or 5672)
        self.published: set[str] = set()
        self._numbers = count(1)
        self._database_url = database_url
        file = folder / "connections.toml"
        file.write_text(
            "[connections.orders]\n"
            'kind = "rabbitmq"\n'
            f'url = "amqp://{parts.username}:${{RABBIT_PASSWORD}}@127.0.0.1:{self.proxy.port}/%2F"\n'
            f'dead_letters = ["{self.dead}"]\n'
            f'events = [{{ place = "{self.queue}" }}]\n'
            f'samples = ["{self.queue}"]\n'
            "timeout_seconds = 3\n"
        )
        tower.environment |= {
            "CONTROLTOWER_CONNECTIONS": str(file),
            "RABBIT_PASSWORD": unquote(parts.password or ""),
        }

    def publish(self, orders: int) -> None:
        """Two events of each order."""
        for number in (next(self._numbers) for _ in range(orders)):
            for type in ("order.captured", "order.accepted"):
                event = {"specversion": "1.0", "id": f"{number}-{type}", "source": "/shop", "type": type,
                         "time": "2026-11-21T12:00:00Z", "correlationid": f"c-{number}"}  # fmt: skip
                properties = pika.BasicProperties(content_type="application/cloudevents+json")
                self.broker.channel.basic_publish("", self.queue, json.dumps(event).encode(), properties)
                self.published.add(event["id"])

    def kept(self) -> Kept:
        with opened(self._database_url) as database:
            return kept_in(database)

    def letters(self) -> Counter[str]:
        """Where the dead letters belong that are kept."""
        with opened(self._database_url) as database, reading(database) as connection:
            return Counter(connection.execute(select(dead_letter.c.origin_place)).scalars())

    def waiting(self, queue: str = "") -> int:
        """Messages that the queue would hand out to somebody else."""
        declared = self.broker.channel.queue_declare(queue or self.queue, passive=True)
        return int(declared.method.message_count)

    def is_empty(self) -> bool:
        """Whether nothing waits in the queue."""
        return self.waiting() == 0

    def check_all_kept_once(self) -> None:
        kept = self.kept()
        assert kept.events == dict.fromkeys(self.published, 1)
        numbers = {event_id.partition("-")[0] for event_id in self.published}
        assert kept.journeys == {key_of(Identifier("correlation", f"c-{number}")): 2 for number in numbers}

    def close(self) -> None:
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


def test_killed_between_commit_and_settle_nothing_is_lost_and_nothing_is_there_twice(estate):
    estate.tower.start()
    estate.publish(1)
    wait_for(lambda: len(estate.kept().events) == 2, "the first order is kept")
    wait_for(lambda: has_settled(estate), "the first order is settled")
    estate.proxy.hold()  # the tower hears of messages, and its word that it has them is lost
    estate.publish(150)
    wait_for(lambda: len(estate.kept().events) > 2, "some are committed")
    estate.tower.kill()
    committed = len(estate.kept().events) - 2
    estate.proxy.cut()
    wait_for(lambda: estate.waiting() == 300, "the broker has them again")
    estate.proxy.let_speak()
    estate.tower.start()
    wait_for(estate.is_empty, "they are taken a second time")
    wait_for(lambda: has_settled(estate), "and settled")
    estate.check_all_kept_once()
    kept = len(estate.kept().events) - 2
    sys.stdout.write(f"300 published; {committed} committed and not settled when killed; {kept} kept\n")


def has_settled(estate: Estate) -> bool:
    """Whether the tower says that it has taken something, which it does after settling."""
    taken = [line for line in metrics_of(estate.tower) if "_broker_taken_total" in line]
    return any('role="events"' in line and not line.endswith(" 0") for line in taken)


def metrics_of(tower: Tower) -> list[str]:
    with urllib.request.urlopen(f"http://{tower.http}/metrics", timeout=10) as answer:
        text: str = answer.read().decode()
    return text.splitlines()


def test_kills_and_cuts_at_any_moment_lose_nothing_and_repeat_nothing(estate, database_url):
    moments = random.Random(database_url)
    estate.tower.start()
    for round in range(4):
        estate.publish(150)
        time.sleep(moments.uniform(0.0, 0.7))
        if round % 2:
            estate.proxy.cut()
        else:
            estate.tower.kill()
            estate.tower.start()
    wait_for(lambda: len(estate.kept().events) == len(estate.published), "everything is kept")
    wait_for(estate.is_empty, "the queue is empty")
    estate.check_all_kept_once()
    estate.tower.terminate(within=20)
    assert estate.waiting() == 0, "what was settled came back"
    sys.stdout.write(f"{len(estate.published)} published; {len(estate.kept().events)} kept\n")


def test_dead_letters_are_taken_over_once_though_the_tower_is_killed(estate):
    estate.tower.start()
    for number in range(200):
        estate.broker.channel.basic_publish("", estate.work, b"order %d" % number)
        if number % 90 == 60:
            estate.tower.kill()
            estate.tower.start()
    wait_for(lambda: estate.letters().total() >= 200, "all letters are kept")
    wait_for(lambda: estate.waiting(estate.dead) == 0, "they have left the broker")
    estate.tower.terminate(within=20)
    assert estate.letters() == {estate.work: 200}
    assert estate.waiting(estate.dead) == 0, "what was settled came back"


def test_a_broker_that_is_down_is_seen_and_does_not_keep_the_tower_from_serving(estate):
    estate.proxy.down()
    estate.tower.start()
    wait_for(lambda: any(is_down(line) for line in metrics_of(estate.tower)), "it is seen")
    assert "guest:guest" not in estate.tower.log
    estate.proxy.up()
    estate.publish(2)
    wait_for(lambda: len(estate.kept().events) == 4, "it is over by itself")


def is_down(line: str) -> bool:
    return line.startswith("controltower_broker_losses_total") and not line.endswith(" 0")
