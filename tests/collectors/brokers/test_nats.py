"""What is particular to NATS JetStream: dead letters are told of in advisories, and servers drop repeats."""

from contextlib import closing

import pytest
from nats.js.api import ConsumerConfig

from controltower.domain.messages import CONFIRMED, IDEMPOTENCY_KEY, Message, Outgoing, Received
from tests.collectors.brokers.brokers import Nats, own_name

pytestmark = pytest.mark.services


@pytest.fixture
def jetstream():
    broker = Nats()
    yield broker
    broker.close()


def take(jetstream: Nats, place: str, count: int) -> list[Received]:
    found: list[Received] = []
    with closing(jetstream.connect().source(place)) as source:
        for _ in range(20):
            found += source.receive(count - len(found), 0.5)
            if len(found) == count:
                break
        source.settle(found)
    return found


def a_message_that_nobody_could_process(jetstream: Nats) -> tuple[str, str]:
    """The subject of the message, and that of the advisory about it."""
    stream, told = own_name(), own_name()
    advisories = f"$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.{stream}.>"
    jetstream.add_stream(stream, f"{stream}.orders")
    jetstream.add_stream(told, advisories)

    async def fail(js) -> None:
        await js.publish(f"{stream}.orders", b"order", headers={"x-tenant": "eu"})
        config = ConsumerConfig(max_deliver=2, ack_wait=0.2)
        worker = await js.pull_subscribe(f"{stream}.orders", durable="worker", config=config)
        for _ in range(2):
            (message,) = await worker.fetch(1, timeout=5)
            await message.nak()
        try:
            await worker.fetch(1, timeout=0.5)
        except TimeoutError:
            pass

    jetstream.do(fail)
    return f"{stream}.orders", advisories


def test_an_advisory_brings_the_message_that_it_tells_of(jetstream):
    subject, advisories = a_message_that_nobody_could_process(jetstream)
    (received,) = take(jetstream, advisories, 1)
    assert received.message == Message(b"order", (("x-tenant", "eu"),))
    assert received.origin == subject
    (death,) = received.deaths
    assert (death.place, death.reason, death.times) == (
        f"{subject.partition('.')[0]}/worker",
        "max_deliveries",
        2,
    )
    assert death.died_us >= received.sent_us > 0


def test_an_advisory_whose_message_is_gone_is_handed_out_itself_and_says_so(jetstream):
    subject, advisories = a_message_that_nobody_could_process(jetstream)
    jetstream.do(lambda js: js.purge_stream(subject.partition(".")[0]))
    (received,) = take(jetstream, advisories, 1)
    assert b'"stream_seq"' in received.message.body
    assert "not in its stream any more" in received.error_message


def test_the_same_idempotency_key_is_kept_once(jetstream):
    place = jetstream.new_place()
    message = Message(b"order", ((IDEMPOTENCY_KEY, "k-1"),), message_id="m-1")
    with closing(jetstream.connect().target()) as target:
        first, second = (target.send([Outgoing(message, place)])[0] for _ in range(2))
    assert (first.delivery, second.delivery) == (CONFIRMED, CONFIRMED)
    assert second.detail == "was there already"
    (received,) = take(jetstream, place, 1)
    assert received.message.message_id == "m-1"
    assert len(take(jetstream, place, 1)) == 0


def test_the_id_that_a_publisher_gave_for_the_server_is_the_id_of_the_message(jetstream):
    place = jetstream.new_place()
    jetstream.do(lambda js: js.publish(place, b"order", headers={"Nats-Msg-Id": "m-7"}))
    (received,) = take(jetstream, place, 1)
    assert received.message.message_id == "m-7"


def test_a_gauge_tells_lag_and_unacknowledged_of_each_consumer(jetstream):
    place = jetstream.new_place()
    with closing(jetstream.connect().target()) as target:
        target.send([Outgoing(Message(b"x"), place)] * 5)
    with closing(jetstream.connect().source(place)) as source:
        received = source.receive(3, 5.0)
        source.settle(received[:1])
        gauge = jetstream.connect(samples=[place]).gauge()
        assert gauge is not None
        with closing(gauge):
            samples = gauge.read(0)
    totals = {sample.measure: sample.value for sample in samples if not sample.group}
    of_group = {sample.measure: sample.value for sample in samples if sample.group}
    assert totals == {"depth": 5, "consumers": 1}
    assert (of_group["lag"], of_group["unacknowledged"]) == (2, 2)
