"""What is particular to Redis Streams: fields, groups, and consumers that died."""

from contextlib import closing

import pytest

from controltower.domain.messages import CONFIRMED, REFUSED, Message, Outgoing, Received
from tests.collectors.brokers.brokers import RedisStreams

pytestmark = pytest.mark.services


@pytest.fixture
def streams():
    broker = RedisStreams()
    yield broker
    broker.close()


def test_an_entry_without_a_body_is_its_own_message_and_becomes_the_same_entry_again(streams):
    stream, other = streams.new_place(), streams.new_place()
    fields = {b"order": b"1001", b"blob": b"\xff\0", b"note": "Zürich".encode()}
    streams.client.xadd(stream, fields)
    with closing(streams.connect().source(stream)) as source:
        (received,) = source.receive(1, 5.0)
    assert received.message.content_type == "application/json"
    assert received.message.body == '{"order":"1001","blob":{"base64":"/wA="},"note":"Zürich"}'.encode()
    with closing(streams.connect().target()) as target:
        headers = (*received.message.headers, ("idempotency-key", "k-1"))
        (sent,) = target.send([Outgoing(received.message._replace(headers=headers), other)])
    assert sent.delivery == CONFIRMED
    ((_, again),) = streams.client.xrange(other)
    assert again == fields | {b"idempotency-key": b"k-1"}


def test_settled_dead_letters_leave_the_stream_and_settled_events_stay(streams):
    dead, events = streams.new_place(), streams.new_place()
    connection = streams.connect(dead_letters=[dead], events=[{"place": events}])
    for stream in (dead, events):
        streams.client.xadd(stream, {"body": "x"})
        with closing(connection.source(stream)) as source:
            source.settle(source.receive(1, 5.0))
        assert streams.client.xpending(stream, "controltower")["pending"] == 0
    assert (streams.client.xlen(dead), streams.client.xlen(events)) == (0, 1)


def test_what_a_consumer_held_that_died_is_taken_over(streams):
    stream = streams.new_place()
    streams.client.xadd(stream, {"body": "x"})
    streams.client.xgroup_create(stream, "controltower", "0")
    streams.client.xreadgroup("controltower", "a-tower-that-died", {stream: ">"})
    with closing(streams.connect(claim_seconds=0.3).source(stream)) as source:
        received: list[Received] = []
        while not received:
            received += source.receive(10, 0.4)
        assert received[0].message.body == b"x"
        assert received[0].deliveries == 2


def test_what_another_consumer_holds_is_not_taken_from_it(streams):
    stream = streams.new_place()
    streams.client.xadd(stream, {"body": "x"})
    with closing(streams.connect().source(stream)) as one, closing(streams.connect().source(stream)) as two:
        assert len(one.receive(10, 1.0)) == 1
        assert list(two.receive(10, 0.3)) == []


def test_consumers_do_not_pile_up(streams):
    stream = streams.new_place()
    for _ in range(5):
        with closing(streams.connect().source(stream)) as source:
            source.receive(1, 0.05)
    assert streams.client.xinfo_consumers(stream, "controltower") == []


def test_what_is_no_stream_is_refused(streams):
    place = streams.new_place()
    streams.client.delete(place)
    streams.client.set(place, "text")
    with closing(streams.connect().target()) as target:
        (sent,) = target.send([Outgoing(Message(b"x"), place)])
    assert sent.delivery == REFUSED
    assert "WRONGTYPE" in sent.detail


def test_a_gauge_tells_lag_and_unacknowledged_of_each_group(streams):
    stream = streams.new_place()
    for number in range(5):
        streams.client.xadd(stream, {"body": "x"}, id=f"1700000000000-{number + 1}")
    with closing(streams.connect().source(stream)) as source:
        received = source.receive(3, 5.0)
        source.settle(received[:1])
        gauge = streams.connect(samples=[stream]).gauge()
        assert gauge is not None
        with closing(gauge):
            samples = gauge.read(1_700_000_030_000_000)
    by_group = {(sample.group, sample.measure): sample.value for sample in samples}
    assert by_group == {
        ("", "depth"): 5, ("", "oldest_age_seconds"): 30, ("controltower", "lag"): 2,
        ("controltower", "unacknowledged"): 2, ("controltower", "consumers"): 1,
        ("controltower", "oldest_age_seconds"): 30,
    }  # fmt: skip
