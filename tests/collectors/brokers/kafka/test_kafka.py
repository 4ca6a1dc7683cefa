"""Consumer groups, delivery reports and lag, on a cluster in this process."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import takewhile

import pytest
from confluent_kafka import Producer

from collectors.brokers.connections import BadTable
from collectors.brokers.kafka import KIND, KafkaTable
from collectors.brokers.protocol import Connection, ConnectionLost, Source
from collectors.brokers.secrets import Secret
from controltower.domain.messages import CONFIRMED, REFUSED, UNAVAILABLE, Message, Outgoing, Received
from tests.collectors.brokers.brokers import own_name
from tests.collectors.brokers.kafka_cluster import MockCluster

QUICK = {"session.timeout.ms": Secret("3000"), "heartbeat.interval.ms": Secret("300")}


@pytest.fixture(scope="module")
def cluster() -> Iterator[MockCluster]:
    made = MockCluster()
    yield made
    made.close()


@pytest.fixture
def topic(cluster: MockCluster) -> str:
    name = own_name()
    cluster.create(name, partitions=4)
    return name


def connect(cluster: MockCluster, **keys: object) -> Connection:
    told = {"options": QUICK, "timeout_seconds": 3.0} | keys
    table = KafkaTable(kind="kafka", bootstrap_servers=cluster.bootstrap_servers, **told)  # type: ignore[arg-type]
    return KIND.connect("orders", table)


def send(cluster: MockCluster, topic: str, *messages: Message) -> None:
    with closing(connect(cluster).target()) as target:
        sent = target.send([Outgoing(message, topic) for message in messages])
    assert {one.delivery for one in sent} == {CONFIRMED}


def keyed(count: int) -> list[Message]:
    return [Message(str(number).encode(), key=f"SO-{number % 10}") for number in range(count)]


def take(source: Source, count: int, seconds: float = 30) -> list[Received]:
    taken: list[Received] = []
    until = time.monotonic() + seconds
    while len(taken) < count and time.monotonic() < until:
        taken += source.receive(count - len(taken), 0.5)
    return taken


def committed_of(taken: list[Received], settled: list[Received]) -> int:
    """How many messages of partitions come before the first that is not settled."""
    count = 0
    for partition in range(4):
        of_partition = [one for one in taken if one.position.split("/")[1] == str(partition)]
        count += len(list(takewhile(lambda one: one in settled, of_partition)))
    return count


def eventually(check: Callable[[], bool], seconds: float = 45) -> None:
    until = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < until, "it did not come about"
        time.sleep(0.05)


def test_messages_of_one_key_are_in_one_partition_and_in_order(cluster, topic):
    send(cluster, topic, *keyed(200))
    with closing(connect(cluster).source(topic)) as source:
        taken = take(source, 200)
    of_keys: dict[str, list[Received]] = {}
    for one in taken:
        of_keys.setdefault(one.message.key, []).append(one)
    assert len(of_keys) == 10
    for of_key in of_keys.values():
        assert len({one.position.split("/")[1] for one in of_key}) == 1
        assert [int(one.message.body) for one in of_key] == sorted(int(one.message.body) for one in of_key)
    assert len({one.position.split("/")[1] for one in taken}) > 1


def test_keys_go_to_the_partitions_that_javas_clients_choose(cluster, topic):
    # murmur2 of these keys, as org.apache.kafka.common.utils.Utils has it in its own tests.
    murmur2 = {"21": -973932308, "foobar": -790332482, "a-little-bit-long-string": -985981536}
    send(cluster, topic, *[Message(b"", key=key) for key in murmur2])
    with closing(connect(cluster).source(topic)) as source:
        found = {one.message.key: int(one.position.split("/")[1]) for one in take(source, 3)}
    assert found == {key: (value & 0x7FFFFFFF) % 4 for key, value in murmur2.items()}


def test_two_consumers_share_the_partitions_and_nothing_is_lost(cluster, topic):
    send(cluster, topic, *keyed(100))
    with closing(connect(cluster).source(topic)) as first, closing(connect(cluster).source(topic)) as second:
        seen: dict[str, set[int]] = {}

        def both() -> bool:
            for number, source in enumerate((first, second)):
                try:
                    received = source.receive(5, 0.05)
                    for one in received:
                        seen.setdefault(one.position, set()).add(number)
                    source.settle(received)
                except ConnectionLost:
                    pass  # partitions moved in between: their messages come again
            return len(seen) >= 100

        eventually(both)
        send(cluster, topic, *keyed(100))
        seen_before = set(seen)
        eventually(lambda: both() and len(seen) >= 200)
        late = {number for position in set(seen) - seen_before for number in seen[position]}
        assert late == {0, 1}, "both take part"
    with closing(connect(cluster).source(topic)) as third:
        assert list(third.receive(10, 1.0)) == []


def test_settling_what_went_to_another_consumer_says_so(cluster, topic):
    send(cluster, topic, *keyed(50))
    with closing(connect(cluster).source(topic)) as first:
        taken = take(first, 50)
        with closing(connect(cluster).source(topic)) as second:
            again: list[Received] = []

            def some_moved() -> bool:
                first.receive(1, 0.05)
                again.extend(second.receive(10, 0.05))
                return bool(again)

            eventually(some_moved)
            with pytest.raises(ConnectionLost, match="another consumer"):
                first.settle(taken)
            assert {one.position for one in again} <= {one.position for one in taken}


def test_a_broker_that_goes_and_comes_back(topic):
    cluster = MockCluster()
    cluster.create(topic)
    connection = connect(cluster, timeout_seconds=1.0)
    with closing(connection.source(topic)) as source, closing(connection.target()) as target:
        assert target.send([Outgoing(Message(b"1"), topic)])[0].delivery == CONFIRMED
        before = take(source, 1)
        cluster.down()
        assert target.send([Outgoing(Message(b"2"), topic)])[0].delivery == UNAVAILABLE
        with pytest.raises(ConnectionLost):
            source.settle(before)
        with pytest.raises(ConnectionLost):
            source.receive(1, 0.2)
        cluster.up()
        eventually(lambda: target.send([Outgoing(Message(b"3"), topic)])[0].delivery == CONFIRMED)
        taken: list[Received] = []

        def comes_again() -> bool:
            try:
                taken.extend(source.receive(10, 0.5))
            except ConnectionLost:
                return False
            return any(one.message.body == b"3" for one in taken)

        eventually(comes_again)
        assert before[0].position in {one.position for one in taken}
    cluster.close()


def test_a_topic_that_does_not_exist(cluster):
    with closing(connect(cluster).source(own_name())) as source, pytest.raises(ConnectionLost, match="topic"):
        source.receive(1, 0.1)


def test_a_message_that_the_cluster_never_takes_is_refused(cluster, topic):
    target = connect(cluster, options=QUICK | {"message.max.bytes": Secret("2000")}).target()
    with closing(target):
        sent = target.send([Outgoing(Message(b"x" * 5_000), topic), Outgoing(Message(b"x"), topic)])
    assert [one.delivery for one in sent] == [REFUSED, CONFIRMED]


def test_a_gauge_reads_depth_and_the_lag_of_each_group_and_partition(cluster, topic):
    send(cluster, topic, *keyed(40))
    connection = connect(cluster, samples=[topic], groups=["shipping"])
    with closing(connection.source(topic)) as source:
        taken = take(source, 40)
        of_one_key = [one for one in taken if one.message.key == "SO-1"]
        source.settle(of_one_key)
        settled = committed_of(taken, of_one_key)
    gauge = connection.gauge()
    assert gauge is not None
    with closing(gauge):
        samples = {(s.queue, s.group, s.measure): s.value for s in gauge.read(5)}
    group = f"controltower.{topic}"
    assert samples[topic, "", "depth"] == 40
    partitions = {key: value for key, value in samples.items() if key[0].startswith(f"{topic}/")}
    assert {(group_name, measure) for _, group_name, measure in partitions} == {(group, "lag")}
    assert samples[topic, group, "lag"] == sum(partitions.values()) == 40 - settled
    assert not any(group_name == "shipping" for _, group_name, _ in samples), "it has committed nothing"


def test_records_of_other_clients(cluster, topic):
    producer = Producer({"bootstrap.servers": cluster.bootstrap_servers})
    producer.produce(topic, None, key=b"\xff\x00", headers=[("a", None)])
    producer.flush()
    with closing(connect(cluster).source(topic)) as source:
        (received,) = take(source, 1)
        source.settle([received])
        with closing(connect(cluster).target()) as target:
            assert target.send([Outgoing(received.message, topic)])[0].delivery == CONFIRMED
        (again,) = take(source, 1)
    assert again.message == received.message
    assert again.message.header("kafka-tombstone") == "true"


@pytest.mark.parametrize(
    ("keys", "named"),
    [
        ({"bootstrap_servers": " "}, "bootstrap_servers"),
        ({"options": {"no.such.property": "hunter22"}}, "options"),
    ],
)
def test_a_mistake_is_found_at_the_start(keys, named):
    table = {"bootstrap_servers": "broker:9092"} | keys
    options = {name: Secret(value) for name, value in table.pop("options", {}).items()}
    with pytest.raises(BadTable) as refused:
        KIND.connect("orders", KafkaTable(kind="kafka", **table, options=options))
    assert refused.value.args[0] == named
    assert "hunter22" not in str(refused.value)
