"""The page on connecting a broker is true of Kafka, SQS and HTTP endpoints as well."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from confluent_kafka import Producer
from sqlalchemy import select

from collectors.brokers.connections import load_connections
from controltower.domain.messages import CONFIRMED, Message, Outgoing
from controltower.store import tables
from controltower.store.engine import reading
from tests.collectors.brokers.brokers import Sqs, own_name
from tests.collectors.brokers.http.endpoint import listening
from tests.collectors.brokers.kafka_cluster import MockCluster
from tests.end_to_end.hammer import a_request
from tests.end_to_end.kept import Kept, kept_in
from tests.end_to_end.killable import Tower, a_tower
from tests.stores import opened

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "connect-a-broker.md"
AN_EVENT = (
    '{"specversion": "1.0", "id": "e-1", "source": "/shop", "type": "order.captured", "correlationid": "c-1"}'
)


def declaration(name: str) -> str:
    """What the page says to write for a connection."""
    (found,) = re.findall(
        rf"^```toml\n(\[connections\.{name}\]\n.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL
    )
    return str(found)


@pytest.fixture
def tower(tmp_path: Path) -> Iterator[Tower]:
    with a_tower(tmp_path / "home", f"sqlite:///{tmp_path / 'tower.db'}") as made:
        made.environment["CONTROLTOWER_CONNECTIONS"] = str(tmp_path / "connections.toml")
        yield made


def kept(tower: Tower) -> Kept:
    with opened(tower.environment["CONTROLTOWER_DATABASE_URL"]) as database:
        return kept_in(database)


def quarantined(tower: Tower) -> list[bytes]:
    url = tower.environment["CONTROLTOWER_DATABASE_URL"]
    with opened(url) as database, reading(database) as connection:
        return [
            bytes(payload) for payload in connection.execute(select(tables.quarantine.c.payload)).scalars()
        ]


def wait_for(condition: Callable[[], bool], within: float = 30) -> None:
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.1)


def test_bytes_that_a_collector_writes_to_kafka_become_traces(tower, tmp_path):
    cluster, topic = MockCluster(), own_name()
    cluster.create(topic, partitions=3)
    text = declaration("telemetry").replace("127.0.0.1:9092", cluster.bootstrap_servers)
    (tmp_path / "connections.toml").write_text(text.replace("otlp_spans", topic))
    requests = [a_request(number) for number in range(0, 60, 2)]
    producer = Producer({"bootstrap.servers": cluster.bootstrap_servers})
    try:
        for request in requests:  # the exporter sets neither a key nor headers
            producer.produce(topic, request.body)
        producer.produce(topic, b"\xff no OTLP")
        producer.flush()
        tower.start()
        wait_for(lambda: len(kept(tower).traces) == 60 and quarantined(tower) != [])
        kept(tower).check_once(requests)
        assert quarantined(tower) == [b"\xff no OTLP"]
        producer.produce(topic, requests[0].body)  # once more: what is kept does not change
        producer.produce(topic, a_request(60).body)
        producer.flush()
        wait_for(lambda: len(kept(tower).traces) == 62)
        kept(tower).check_once([*requests, a_request(60)])
    finally:
        tower.terminate(30)
        cluster.close()


def test_an_event_from_sqs_is_kept(tower, tmp_path):
    sqs = Sqs()
    queue = sqs.new_place()
    access = f'endpoint_url = "{sqs.url}"\naccess_key_id = "a"\nsecret_access_key = "s"\n'
    (tmp_path / "connections.toml").write_text(
        declaration("fulfilment").replace("order-events", queue) + access
    )
    try:
        address = sqs.client.get_queue_url(QueueName=queue)["QueueUrl"]
        sqs.client.send_message(QueueUrl=address, MessageBody=AN_EVENT)
        tower.start()
        wait_for(lambda: kept(tower).events == {"e-1": 1})
        wanted = {"ApproximateNumberOfMessages": "0", "ApproximateNumberOfMessagesNotVisible": "0"}
        wait_for(
            lambda: wanted
            == sqs.client.get_queue_attributes(QueueUrl=address, AttributeNames=list(wanted))["Attributes"]
        )
    finally:
        tower.terminate(30)
        sqs.close()


def test_a_replay_to_an_http_endpoint_is_the_request_that_the_page_says(tmp_path):
    with listening() as endpoint:
        file = tmp_path / "connections.toml"
        file.write_text(declaration("erp").replace("https://erp.example.com", endpoint.url))
        (declared,) = load_connections(str(file), {"ERP_TOKEN": "t0ken"}).values()
        message = Message(b"<order/>", (("idempotency-key", "r-1"), ("x-shop", "de")), "application/xml")
        with closing(declared.connection.target()) as target:
            assert [sent.delivery for sent in target.send([Outgoing(message, "/orders")] * 2)] == [
                CONFIRMED
            ] * 2
    for asked in endpoint.asked:
        assert (asked.method, asked.path, asked.body) == ("POST", "/in/orders", b"<order/>")
        assert asked.headers["authorization"] == "Bearer t0ken"
        assert asked.headers["idempotency-key"] == "r-1"
        assert (asked.headers["content-type"], asked.headers["x-shop"]) == ("application/xml", "de")
