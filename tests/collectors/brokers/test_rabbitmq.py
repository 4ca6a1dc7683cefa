"""What is particular to RabbitMQ: dead lettering, exchanges, typed headers."""

import json
import threading
import time
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer

import pika
import pytest

from collectors.brokers.protocol import ConnectionLost
from controltower.domain.messages import CONFIRMED, REFUSED, UNAVAILABLE, Message, Outgoing, Received
from tests.collectors.brokers.brokers import NAME, RabbitMQ, connection_of, own_name

pytestmark = pytest.mark.services


@pytest.fixture
def rabbitmq():
    broker = RabbitMQ()
    yield broker
    broker.close()


def take_one(rabbitmq: RabbitMQ, place: str) -> Received:
    with closing(rabbitmq.connect().source(place)) as source:
        (received,) = source.receive(1, 5.0)
        source.settle([received])
    return received


def a_queue_with_dead_letters(rabbitmq: RabbitMQ, **arguments: object) -> tuple[str, str]:
    dead = rabbitmq.new_place()
    more = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead}
    return rabbitmq.new_place(**more, **arguments), dead


def reject(rabbitmq: RabbitMQ, queue: str) -> None:
    deadline = time.monotonic() + 5
    method = None
    while method is None and time.monotonic() < deadline:
        method, _, _ = rabbitmq.channel.basic_get(queue)
    assert method is not None
    rabbitmq.channel.basic_nack(method.delivery_tag, requeue=False)


def test_a_rejected_message_says_where_it_died_and_where_it_belongs(rabbitmq):
    queue, dead = a_queue_with_dead_letters(rabbitmq)
    rabbitmq.channel.basic_publish("", queue, b"order")
    reject(rabbitmq, queue)
    received = take_one(rabbitmq, dead)
    (death,) = received.deaths
    assert (death.place, death.reason, death.times, type(death.times)) == (queue, "rejected", 1, int)
    assert abs(death.died_us / 1e6 - time.time()) < 60
    assert received.origin == queue


def test_a_message_that_expired_on_its_second_way_belongs_to_the_queue_that_rejected_it(rabbitmq):
    dead = rabbitmq.new_place()
    retry = rabbitmq.new_place(
        **{"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead, "x-message-ttl": 1}
    )
    queue = rabbitmq.new_place(**{"x-dead-letter-exchange": "", "x-dead-letter-routing-key": retry})
    rabbitmq.channel.basic_publish("", queue, b"order")
    reject(rabbitmq, queue)
    received = take_one(rabbitmq, dead)
    assert [(death.place, death.reason) for death in received.deaths] == [
        (retry, "expired"),
        (queue, "rejected"),
    ]
    assert received.origin == queue


def test_a_dead_letter_sent_again_begins_a_new_life(rabbitmq):
    queue, dead = a_queue_with_dead_letters(rabbitmq)
    rabbitmq.channel.basic_publish("", queue, b"order")
    reject(rabbitmq, queue)
    first = take_one(rabbitmq, dead)
    with closing(rabbitmq.connect().target()) as target:
        target.send([Outgoing(first.message, first.origin)])
    reject(rabbitmq, queue)
    second = take_one(rabbitmq, dead)
    assert [death.times for death in second.deaths] == [1]


def test_typed_headers_and_properties_are_readable_and_properties_come_back(rabbitmq):
    queue = rabbitmq.new_place()
    properties = pika.BasicProperties(
        headers={"retries": 3, "is_test": True, "blob": b"\xff", "path": ["a", "b"]},
        correlation_id="c-1001",
        type="order.created",
        timestamp=1_700_000_000,
        content_type="application/json",
    )
    rabbitmq.channel.basic_publish("", queue, b"{}", properties)
    received = take_one(rabbitmq, queue)
    found = {name: received.message.header(name) for name in ("retries", "is_test", "blob", "path")}
    assert found == {"retries": "3", "is_test": "true", "blob": "/w==", "path": '["a","b"]'}
    assert received.message.header("amqp-correlation-id") == "c-1001"
    assert received.sent_us == 1_700_000_000_000_000
    with closing(rabbitmq.connect().target()) as target:
        target.send([Outgoing(received.message, queue)])
    _, again, _ = rabbitmq.channel.basic_get(queue, auto_ack=True)
    assert (again.correlation_id, again.type, again.delivery_mode) == ("c-1001", "order.created", 2)


def test_an_exchange_routes_by_key_and_what_it_routes_nowhere_is_refused(rabbitmq):
    exchange, queue = own_name(), rabbitmq.new_place()
    rabbitmq.channel.exchange_declare(exchange, "topic", auto_delete=True)
    rabbitmq.channel.queue_bind(queue, exchange, "order.*")
    with closing(rabbitmq.connect().target()) as target:
        keys = ["order.created", "invoice.created", "order.shipped"]
        sent = target.send([Outgoing(Message(key.encode()), f"{exchange}>{key}") for key in keys])
        nowhere = target.send([Outgoing(Message(b"x"), f"{own_name()}>order.created")])
    assert [one.delivery for one in sent] == [CONFIRMED, REFUSED, CONFIRMED]
    assert "NO_ROUTE" in sent[1].detail
    assert nowhere[0].delivery == REFUSED
    assert "no exchange" in nowhere[0].detail


def test_of_many_messages_exactly_those_come_back_that_no_queue_takes(rabbitmq):
    known, unknown = rabbitmq.new_place(), rabbitmq.unknown_place()
    places = [unknown if number % 3 == 0 else known for number in range(900)]
    messages = [Outgoing(Message(b"same" if number % 2 else str(number).encode()), place)
                for number, place in enumerate(places)]  # fmt: skip
    with closing(rabbitmq.connect().target()) as target:
        sent = target.send(messages)
    assert [one.delivery for one in sent] == [REFUSED if place == unknown else CONFIRMED for place in places]


def test_what_amqp_cannot_carry_is_refused_and_costs_the_others_nothing(rabbitmq):
    place = rabbitmq.new_place()
    messages = [Message(b"1"), Message(b"2", message_id="m" * 300), Message(b"3")]
    with closing(rabbitmq.connect().target()) as target:
        sent = target.send([Outgoing(message, place) for message in messages])
    assert [one.delivery for one in sent] == [CONFIRMED, REFUSED, CONFIRMED]


def test_a_full_queue_that_refuses_is_unavailable(rabbitmq):
    place = rabbitmq.new_place(**{"x-max-length": 1, "x-overflow": "reject-publish"})
    with closing(rabbitmq.connect().target()) as target:
        sent = [target.send([Outgoing(Message(b"x"), place)])[0].delivery for _ in range(3)]
    assert CONFIRMED in sent
    assert sent[-1] == UNAVAILABLE


def test_a_queue_that_is_not_there_or_goes_away_is_a_lost_connection(rabbitmq):
    gone = rabbitmq.connect().source(own_name())
    with pytest.raises(ConnectionLost, match="no queue"), closing(gone):
        gone.receive(1, 0.2)
    place = rabbitmq.new_place()
    with closing(rabbitmq.connect().source(place)) as source:
        source.receive(1, 0.1)
        rabbitmq.channel.queue_delete(place)
        with pytest.raises(ConnectionLost, match="deleted|no queue"):
            source.receive(1, 5.0)


def test_wrong_credentials_are_said_without_them(rabbitmq):
    url = rabbitmq.url.replace("guest:guest", "guest:not-the-password")
    connection = connection_of("rabbitmq", {"url": url})
    with pytest.raises(ConnectionLost) as lost, closing(connection.source("a")) as source:
        source.receive(1, 0.1)
    assert "ACCESS_REFUSED" in str(lost.value)
    assert "not-the-password" not in str(lost.value)


# The management API. Few test machines have the plugin: what it answers was recorded from one that had.

ANSWER = {
    "messages": 12, "messages_ready": 9, "messages_unacknowledged": 3, "consumers": 2, "name": "orders",
    "message_stats": {
        "publish": 100, "publish_details": {"rate": 4.5}, "deliver_get_details": {"rate": 4.0}, "ack": 88,
    },
    "head_message_timestamp": 1_700_000_000,
}  # fmt: skip


@pytest.fixture
def management():
    asked: list[tuple[str, str]] = []

    class Api(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append((self.path, self.headers["Authorization"]))
            is_known = self.path.endswith("/orders")
            body = json.dumps(ANSWER if is_known else {"error": "Object Not Found"}).encode()
            self.send_response(200 if is_known else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Silence."""

    server = HTTPServer(("127.0.0.1", 0), Api)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()


def test_the_management_api_says_all_that_there_is_to_say(management):
    address, asked = management
    keys = {"url": "amqp://tower:pw@h/%2Fprod", "management": address, "samples": ["none", "orders"]}
    gauge = connection_of("rabbitmq", keys).gauge()
    assert gauge is not None
    samples = gauge.read(1_700_000_060_000_000)
    assert {sample.measure: sample.value for sample in samples} == {
        "depth": 12, "ready": 9, "unacknowledged": 3, "consumers": 2,
        "publish_rate": 4.5, "deliver_rate": 4.0, "oldest_age_seconds": 60,
    }  # fmt: skip
    assert {(sample.system, sample.queue) for sample in samples} == {(NAME, "orders")}
    assert asked[1] == ("/api/queues/%2Fprod/orders", "Basic dG93ZXI6cHc=")
