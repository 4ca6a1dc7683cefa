"""The loops: what is taken is settled, what cannot be is given back, a broker that is down is said once."""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Event

import pytest

from collectors.brokers import consuming
from collectors.brokers.consuming import GaugeLoop, Loops, PlaceLoop, Take
from collectors.brokers.statuses import CONNECTED, DOWN, EVENTS, SAMPLES, Status, Statuses, Use
from controltower.domain.errors import BadPayload, Overloaded
from controltower.domain.facts import QueueSample
from controltower.domain.messages import Message, Received
from tests.collectors.brokers.memory import MemoryBroker, MemoryConnection

USE = Use("orders", "in", EVENTS)


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch):
    monkeypatch.setattr(consuming, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(consuming, "LONGEST_PAUSE", 0.05)


@pytest.fixture
def broker() -> MemoryBroker:
    made = MemoryBroker()
    made.declare("in")
    return made


class Taker:
    """Keeps what it takes, and refuses as told."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.refusals: list[Exception] = []
        self.poison: bytes = b""

    def __call__(self, received: Sequence[Received]) -> None:
        if self.refusals:
            raise self.refusals.pop()
        if any(one.message.body == self.poison for one in received):
            raise BadPayload("cannot be stored")
        self.bodies += [one.message.body for one in received]


@contextmanager
def consuming_from(broker: MemoryBroker, take: Take, use: Use = USE) -> Iterator[Statuses]:
    statuses = Statuses(time.monotonic_ns)
    loops = Loops([PlaceLoop(MemoryConnection("orders", broker), use, take, statuses)], statuses)
    loops.start()
    try:
        yield statuses
    finally:
        loops.stop()


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def only(statuses: Statuses) -> Status:
    (status,) = statuses.all()
    return status


def test_what_is_taken_leaves_the_broker(broker):
    for number in range(3):
        broker.add("in", Message(str(number).encode()))
    take = Taker()
    with consuming_from(broker, take) as statuses:
        wait_for(lambda: only(statuses).taken == 3)
    assert take.bodies == [b"0", b"1", b"2"]
    assert broker.bodies("in") == []
    assert only(statuses).state == CONNECTED


def test_while_the_store_is_overloaded_messages_stay_the_brokers_and_come_again(broker):
    broker.add("in", Message(b"1"))
    take = Taker()
    take.refusals = [Overloaded("more is waiting than memory allows")] * 3
    with consuming_from(broker, take) as statuses:
        wait_for(lambda: only(statuses).taken == 1)
    assert take.bodies == [b"1"]
    assert only(statuses).error == ""


def test_why_nothing_is_taken_can_be_seen(broker):
    broker.add("in", Message(b"1"))
    take = Taker()
    take.refusals = [Overloaded("more is waiting than memory allows")] * 100_000
    with consuming_from(broker, take) as statuses:
        wait_for(lambda: only(statuses).error == "more is waiting than memory allows")
        assert only(statuses).state == CONNECTED
    assert broker.bodies("in") == [b"1"]


def test_a_message_that_cannot_be_taken_costs_the_others_nothing(broker):
    for body in (b"1", b"poison", b"2"):
        broker.add("in", Message(body))
    take = Taker()
    take.poison = b"poison"
    with consuming_from(broker, take) as statuses:
        wait_for(lambda: only(statuses).taken == 2)
        assert take.bodies == [b"1", b"2"]
    assert broker.bodies("in") == [b"poison"]


def test_a_bug_in_what_takes_ends_nothing(broker):
    broker.add("in", Message(b"1"))
    take = Taker()
    take.refusals = [ZeroDivisionError()]
    with consuming_from(broker, take) as statuses:
        wait_for(lambda: only(statuses).taken == 1)
    assert take.bodies == [b"1"]


def test_an_outage_is_seen_logged_once_and_over_by_itself(broker, caplog):
    caplog.set_level(logging.INFO)
    take = Taker()
    with consuming_from(broker, take) as statuses:
        wait_for(lambda: only(statuses).state == CONNECTED)
        broker.go_down()
        wait_for(lambda: only(statuses).state == DOWN)
        time.sleep(0.3)  # some attempts
        assert only(statuses).error == "orders: the broker is down"
        broker.is_down = False
        broker.add("in", Message(b"after"))
        wait_for(lambda: only(statuses).taken == 1)
    assert (only(statuses).state, only(statuses).error, only(statuses).losses) == (CONNECTED, "", 1)
    assert [record.message for record in caplog.records if record.levelno == logging.WARNING] == [
        "lost: orders: the broker is down (events in)"
    ]


def test_a_broker_that_is_down_holds_up_nothing_else(broker):
    down = MemoryBroker()
    down.go_down()
    statuses = Statuses(time.monotonic_ns)
    take = Taker()
    loops = Loops(
        [
            PlaceLoop(MemoryConnection("down", down), Use("down", "in", EVENTS), take, statuses),
            PlaceLoop(MemoryConnection("orders", broker), USE, take, statuses),
        ],
        statuses,
    )
    broker.add("in", Message(b"1"))
    loops.start()
    wait_for(lambda: {status.state for status in statuses.all()} == {CONNECTED, DOWN})
    wait_for(lambda: take.bodies == [b"1"])
    loops.stop()


def test_loops_stop_within_two_seconds_though_the_broker_is_down(broker, monkeypatch):
    monkeypatch.setattr(consuming, "FIRST_PAUSE", 30.0)
    broker.go_down()
    began = 0.0
    with consuming_from(broker, Taker()) as statuses:
        wait_for(lambda: only(statuses).state == DOWN)
        began = time.monotonic()
    assert time.monotonic() - began < 2


def test_what_is_being_taken_when_it_is_told_to_stop_is_given_back_or_settled(broker):
    broker.add("in", Message(b"1"))
    entered, go_on = Event(), Event()

    def take(received: Sequence[Received]) -> None:
        entered.set()
        go_on.wait(5)

    with consuming_from(broker, take):
        entered.wait(5)
        go_on.set()
    assert broker.bodies("in") == []


def test_queues_are_read_on_a_schedule_and_a_broker_that_is_down_is_seen(broker):
    broker.add("in", Message(b"1"))
    statuses = Statuses(time.monotonic_ns)
    kept: list[QueueSample] = []
    use = Use("orders", "", SAMPLES)
    connection = MemoryConnection("orders", broker, ["in"])
    loop = GaugeLoop(connection, use, 0.01, kept.extend, statuses, lambda: 7)
    loops = Loops([loop], statuses)
    loops.start()
    wait_for(lambda: len(kept) > 2)
    broker.go_down()
    wait_for(lambda: only(statuses).state == DOWN)
    loops.stop()
    assert {(sample.queue, sample.measure, sample.value, sample.sampled_us) for sample in kept} == {
        ("in", "ready", 1.0, 7)
    }


def test_pauses_grow_up_to_a_limit_and_begin_anew():
    pauses = consuming.Pauses()
    grown = [pauses.next() for _ in range(20)]
    assert grown[0] <= 0.01
    assert 0.025 <= grown[-1] <= 0.05
    pauses.reset()
    assert pauses.next() <= 0.01


def test_metrics_count_by_connection_place_and_role(broker):
    broker.add("in", Message(b"1"))
    odd = Use('or"ders', "in", EVENTS)
    with consuming_from(broker, Taker(), odd) as statuses:
        wait_for(lambda: only(statuses).taken == 1)
    labels = r'{connection="or\"ders",place="in",role="events"}'
    lines = statuses.metrics().splitlines()
    assert f"controltower_broker_connected{labels} 1" in lines
    assert f"controltower_broker_taken_total{labels} 1" in lines
    assert f"controltower_broker_losses_total{labels} 0" in lines
