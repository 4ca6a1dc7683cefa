"""What every kind of connection promises: see collectors/brokers/protocol.py."""

import time
from collections.abc import Iterator
from contextlib import closing
from itertools import groupby

import pytest

from collectors.brokers.connections import KINDS
from collectors.brokers.protocol import ConnectionLost, Source
from controltower.domain.messages import (
    CONFIRMED,
    REFUSED,
    UNAVAILABLE,
    Message,
    Outgoing,
    Received,
)
from tests.collectors.brokers.brokers import BROKERS, NAME, PASSWORD, Broker

PATIENCE = 10.0
QUIET = 0.5  # how long to look whether nothing comes


@pytest.fixture
def with_sources(broker: Broker) -> Broker:
    """A broker that messages can be taken from."""
    if not broker.has_sources:
        pytest.skip(f"{broker.kind} has no sources")
    return broker


@pytest.fixture
def place(with_sources: Broker) -> str:
    """An empty place."""
    return with_sources.new_place()


def send(broker: Broker, place: str, *messages: Message) -> None:
    with closing(broker.connect().target()) as target:
        sent = target.send([Outgoing(message, place) for message in messages])
    assert [one.delivery for one in sent] == [CONFIRMED] * len(messages)


def take(source: Source, count: int, *, batch: int = 100) -> list[Received]:
    """So many messages; fewer only when they do not come."""
    taken: list[Received] = []
    deadline = time.monotonic() + PATIENCE
    while len(taken) < count and time.monotonic() < deadline:
        taken += source.receive(min(batch, count - len(taken)), 1.0)
    return taken


@pytest.fixture
def source(with_sources: Broker, place: str) -> Iterator[Source]:
    """A consumer of `place`."""
    with closing(with_sources.connect().source(place)) as opened:
        yield opened


def bodies(received: list[Received]) -> list[bytes]:
    return [one.message.body for one in received]


# One message


def test_every_byte_arrives_as_it_was_sent(broker, place, source):
    body = bytes(range(256)) * 3
    send(broker, place, Message(body))
    assert bodies(take(source, 1)) == [body]


def test_an_empty_body_arrives(broker, place, source):
    send(broker, place, Message(b""))
    assert bodies(take(source, 1)) == [b""]


def test_what_belongs_to_a_message_arrives_with_it(broker, place, source):
    traceparent = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
    headers = (("x-Tenant", "Zürich ☃"), ("empty", ""), ("traceparent", traceparent))
    sent = Message(b"{}", headers, "application/json", "m-4711", "order-1001")
    send(broker, place, sent)
    (received,) = take(source, 1)
    assert {name: received.message.header(name) for name, _ in headers} == dict(headers)
    assert received.message._replace(headers=()) == sent._replace(headers=())
    assert received.place == place


def test_a_message_without_anything_has_nothing_added(broker, place, source):
    send(broker, place, Message(b"x"))
    (received,) = take(source, 1)
    assert received.message == Message(b"x")
    assert (received.origin, received.deaths) == ("", ())


def test_a_message_that_was_received_can_be_sent_again_as_it_is(broker, place, source):
    send(broker, place, Message(b"\0\xff", (("a", "1"),), "application/octet-stream", "m-1", "k"))
    (first,) = take(source, 1)
    source.settle([first])
    send(broker, place, first.message)
    (second,) = take(source, 1)
    assert second.message == first.message


# Many


def test_messages_come_in_the_order_in_which_they_were_sent(broker, place, source):
    messages = [Message(str(number).encode(), key="one") for number in range(300)]
    send(broker, place, *messages)
    taken = take(source, 300, batch=70)
    # Where a message may come twice, it is the first time that counts.
    assert [body for body, _ in groupby(bodies(taken))] == [message.body for message in messages]


def test_a_thousand_messages_are_confirmed_and_arrive(broker, place, source):
    messages = [Message(f"order {number}".encode() * 10, (("n", str(number)),)) for number in range(1000)]
    send(broker, place, *messages)
    taken: dict[str, bytes] = {}
    while received := source.receive(250, 2.0):
        taken |= {one.position: one.message.body for one in received}
        source.settle(received)
    assert sorted(taken.values()) == sorted(message.body for message in messages)


def test_receive_returns_no_more_than_asked_for_and_soon_what_there_is(broker, place, source):
    send(broker, place, *[Message(str(number).encode()) for number in range(5)])
    first = source.receive(2, PATIENCE)
    assert len(first) <= 2
    began = time.monotonic()
    rest = take(source, 5 - len(first))
    assert len(first) + len(rest) == 5
    assert time.monotonic() - began < PATIENCE / 2


def test_receive_of_an_empty_place_waits_as_long_as_it_is_told(source):
    source.receive(1, 0.1)  # whatever it takes to connect
    began = time.monotonic()
    assert list(source.receive(10, 0.5)) == []
    assert 0.3 < time.monotonic() - began < 4


# Settle, release, close


def test_what_is_not_settled_is_handed_out_again_after_close(broker, place):
    send(broker, place, Message(b"1"), Message(b"2"))
    with closing(broker.connect().source(place)) as source:
        before = take(source, 2)
    with closing(broker.connect().source(place)) as source:
        after = take(source, 2)
        source.settle(after)
    assert {(one.position, one.message) for one in after} == {(one.position, one.message) for one in before}


def test_what_is_settled_never_comes_again(broker, place):
    send(broker, place, Message(b"1"), Message(b"2"), Message(b"3"))
    with closing(broker.connect().source(place)) as source:
        taken = take(source, 3)
        source.settle([one for one in taken if one.message.body != b"2"])
    with closing(broker.connect().source(place)) as source:
        again = take(source, 1)
        assert bodies(again) == [b"2"]
        source.settle(again)
    with closing(broker.connect().source(place)) as source:
        assert list(source.receive(1, QUIET)) == []


def test_what_is_released_is_handed_out_again_with_the_same_position(broker, place, source):
    send(broker, place, Message(b"1"), Message(b"2"))
    first = take(source, 2)
    source.release(first)
    again = take(source, 2)
    assert {(one.position, one.message) for one in again} == {(one.position, one.message) for one in first}
    source.settle(again)
    assert list(source.receive(1, QUIET)) == []


def test_settling_and_releasing_nothing_is_fine(source):
    source.receive(1, 0.1)
    source.settle([])
    source.release([])


def test_closing_twice_is_fine(broker, place):
    source = broker.connect().source(place)
    source.receive(1, 0.1)
    source.close()
    source.close()
    target = broker.connect().target()
    target.close()
    target.close()


# Positions


def test_messages_with_equal_bodies_have_positions_of_their_own(broker, place, source):
    send(broker, place, *[Message(b"same")] * 5)
    assert len({one.position for one in take(source, 5)}) == 5


def test_a_message_equal_to_one_that_was_settled_has_a_position_of_its_own(broker, place, source):
    if not broker.tells_equal_messages_apart:
        pytest.skip(f"{broker.kind} cannot tell them apart")
    positions = []
    for _ in range(3):
        send(broker, place, Message(b"same"))
        (one,) = take(source, 1)
        source.settle([one])
        positions.append(one.position)
    assert len(set(positions)) == 3


# Sending


def test_an_unknown_place_is_refused_and_costs_the_other_messages_nothing(broker):
    if not broker.refuses_unknown_places:
        pytest.skip(f"{broker.kind} makes places as they are written to")
    known, unknown = broker.new_place(), broker.unknown_place()
    with closing(broker.connect().target()) as target:
        sent = target.send([Outgoing(Message(b"x"), place) for place in (known, unknown, known)])
    assert [one.delivery for one in sent] == [CONFIRMED, REFUSED, CONFIRMED]
    assert sent[1].detail


def test_sending_nothing_has_no_outcomes(broker):
    with closing(broker.connect().target()) as target:
        assert target.send([]) == []


def test_a_target_can_be_used_many_times(broker):
    place = broker.new_place()
    with closing(broker.connect().target()) as target:
        for number in range(20):
            (sent,) = target.send([Outgoing(Message(str(number).encode()), place)])
            assert sent.delivery == CONFIRMED


# A broker that is down


def test_sending_to_a_broker_that_is_down_says_so_and_no_secret(broker):
    with closing(broker.connect_to_nobody().target()) as target:
        sent = target.send([Outgoing(Message(b"1"), "a"), Outgoing(Message(b"2"), "a")])
    assert [one.delivery for one in sent] == [UNAVAILABLE] * 2
    assert_tells_no_secret(repr(sent))


def test_receiving_from_a_broker_that_is_down_says_so_and_no_secret(with_sources, caplog):
    connection = with_sources.connect_to_nobody()
    with pytest.raises(ConnectionLost) as lost, closing(connection.source("a")) as source:
        source.receive(1, 0.5)
    assert NAME in str(lost.value)
    assert_tells_no_secret(f"{lost.value!r} {connection!r} {source!r} {vars(source)!r} {caplog.text}")


def test_reading_queues_of_a_broker_that_is_down_says_so_and_no_secret(broker):
    gauge = broker.connect_to_nobody(samples=["a"]).gauge()
    if gauge is None:
        pytest.skip(f"{broker.kind} has no queues to read")
    with pytest.raises(ConnectionLost) as lost, closing(gauge):
        gauge.read(0)
    assert_tells_no_secret(repr(lost.value))


def test_whether_a_broker_answers_is_found_out_without_changing_anything(broker):
    broker.connect().check()
    broker.connect(samples=[broker.new_place()]).check()


def test_checking_a_broker_that_is_down_says_so_and_no_secret(broker):
    with pytest.raises(ConnectionLost) as lost:
        broker.connect_to_nobody().check()
    assert NAME in str(lost.value)
    assert_tells_no_secret(repr(lost.value))


def assert_tells_no_secret(text: str) -> None:
    assert PASSWORD not in text
    assert PASSWORD.replace("/", "%2F") not in text


def test_a_source_carries_on_after_its_connection_was_cut(with_sources, place):
    found = with_sources.connect_through_proxy()
    if found is None:
        pytest.skip(f"{with_sources.kind} does not go through a proxy")
    connection, proxy = found
    send(with_sources, place, Message(b"1"), Message(b"2"))
    with closing(connection.source(place)) as source:
        before = take(source, 2)
        proxy.cut()
        try:
            source.settle(before)
        except ConnectionLost:
            after = take_in_spite_of_losses(source, 2)
            assert {one.position for one in after} == {one.position for one in before}
            source.settle(after)
        send(with_sources, place, Message(b"3"))
        last = take_in_spite_of_losses(source, 1)
        assert bodies(last) == [b"3"]
        assert last[0].position not in {one.position for one in before}


def test_a_target_carries_on_after_its_connection_was_cut(broker):
    found = broker.connect_through_proxy()
    if found is None:
        pytest.skip(f"{broker.kind} does not go through a proxy")
    connection, proxy = found
    place = broker.new_place()
    with closing(connection.target()) as target:
        assert target.send([Outgoing(Message(b"1"), place)])[0].delivery == CONFIRMED
        proxy.down()
        assert target.send([Outgoing(Message(b"2"), place)])[0].delivery == UNAVAILABLE
        proxy.up()
        deadline = time.monotonic() + PATIENCE
        while target.send([Outgoing(Message(b"3"), place)])[0].delivery != CONFIRMED:
            assert time.monotonic() < deadline


def take_in_spite_of_losses(source: Source, count: int) -> list[Received]:
    """So many different messages; after a loss, what was taken before comes again."""
    taken: dict[str, Received] = {}
    deadline = time.monotonic() + 2 * PATIENCE
    while len(taken) < count and time.monotonic() < deadline:
        try:
            taken |= {one.position: one for one in source.receive(100, 1.0)}
        except ConnectionLost:
            taken.clear()
            time.sleep(0.1)
    return list(taken.values())


# Gauges


def test_a_gauge_reads_how_many_messages_wait(broker):
    place = broker.new_place()
    gauge = broker.connect(samples=[place]).gauge()
    if gauge is None:
        pytest.skip(f"{broker.kind} has no queues to read")
    send(broker, place, *[Message(b"x")] * 7)
    with closing(gauge):
        deadline = time.monotonic() + PATIENCE
        while True:
            samples = gauge.read(1_700_000_000_000_000)
            waiting = {s.measure: s.value for s in samples if s.measure in ("ready", "depth", "lag")}
            if 7.0 in waiting.values() or time.monotonic() > deadline:
                break
            time.sleep(0.1)
    assert 7.0 in waiting.values()
    assert {(s.system, s.sampled_us) for s in samples} == {(NAME, 1_700_000_000_000_000)}
    # Partitions are queues below a topic.
    assert {s.queue for s in samples} == {place} | {
        s.queue for s in samples if s.queue.startswith(f"{place}/")
    }


def test_a_gauge_leaves_out_a_place_that_does_not_exist(broker):
    place, unknown = broker.new_place(), broker.unknown_place()
    gauge = broker.connect(samples=[unknown, place]).gauge()
    if gauge is None:
        pytest.skip(f"{broker.kind} has no queues to read")
    with closing(gauge):
        assert {sample.queue for sample in gauge.read(0)} <= {place}


# The suite itself


def test_every_kind_of_connection_is_in_this_suite():
    assert KINDS.keys() | {"memory"} == BROKERS.keys()
