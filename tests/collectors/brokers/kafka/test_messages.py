"""Records as messages, and back."""

from __future__ import annotations

from confluent_kafka import TIMESTAMP_CREATE_TIME, TIMESTAMP_NOT_AVAILABLE
from confluent_kafka import Message as Record
from hypothesis import given
from hypothesis import strategies as st

from collectors.brokers.kafka.messages import message_of, received_of, record_of
from controltower.domain.messages import Death

MAY_1_MS = 1_714_564_800_000


def a_record(value: bytes | None = b"{}", key: bytes | None = None, **more: object) -> Record:
    told = {"timestamp": (TIMESTAMP_NOT_AVAILABLE, 0)} | more
    return Record(topic="orders.DLT", partition=2, offset=7, key=key, value=value, **told)  # type: ignore[arg-type]


def sent_again(record: Record) -> Record:
    again = record_of(message_of(record))
    return a_record(again["value"], again["key"], headers=again["headers"])


@given(st.binary(min_size=1))
def test_every_key_is_kept_byte_for_byte(key):
    assert sent_again(a_record(key=key)).key() == key


def test_a_record_without_a_value_stays_one():
    assert sent_again(a_record(None)).value() is None
    assert sent_again(a_record(b"")).value() == b""


def test_headers_that_come_twice_and_some_without_a_value():
    record = a_record(headers=[("a", b"1"), ("a", b"2"), ("b", None), ("c", b"\xff")])
    assert message_of(record).headers == (("a", "1"), ("a", "2"), ("b", ""), ("c", "/w=="))


def test_a_dead_letter_of_spring_kafka():
    headers = [
        ("kafka_dlt-original-topic", b"orders"),
        ("kafka_dlt-original-partition", (3).to_bytes(4, "big")),
        ("kafka_dlt-original-offset", (42).to_bytes(8, "big")),
        ("kafka_dlt-original-timestamp", (MAY_1_MS - 5).to_bytes(8, "big")),
        ("kafka_dlt-exception-fqcn", b"org.springframework.kafka.ListenerExecutionFailedException"),
        ("kafka_dlt-exception-cause-fqcn", b"com.acme.ErpRefused"),
        ("kafka_dlt-exception-message", b"no such article"),
        ("kafka_dlt-exception-stacktrace", b"at com.acme.Erp.post(Erp.java:1)"),
    ]
    record = a_record(headers=headers, timestamp=(TIMESTAMP_CREATE_TIME, MAY_1_MS))
    received = received_of(record, "orders.DLT", None)
    assert (received.origin, received.position) == ("orders", "orders.DLT/2/7")
    assert received.deaths == (Death("orders", "com.acme.ErpRefused", died_us=MAY_1_MS * 1000),)
    assert (received.error_class, received.error_message) == ("com.acme.ErpRefused", "no such article")
    assert received.error_place == "at com.acme.Erp.post(Erp.java:1)"
    assert received.message.header("kafka_dlt-original-partition") == "3"
    assert received.message.header("kafka_dlt-original-offset") == "42"
    assert received.message.header("kafka_dlt-original-timestamp") == str(MAY_1_MS - 5)


def test_a_dead_letter_of_kafka_connect():
    headers = [
        ("__connect.errors.topic", b"orders"),
        ("__connect.errors.exception.class.name", b"org.apache.kafka.connect.errors.DataException"),
        ("__connect.errors.exception.message", b"no JSON"),
    ]
    record = a_record(headers=headers, timestamp=(TIMESTAMP_CREATE_TIME, MAY_1_MS))
    received = received_of(record, "dlq", None)
    assert received.origin == "orders"
    assert received.deaths == (Death("orders", "org.apache.kafka.connect.errors.DataException"),)
    assert received.sent_us == MAY_1_MS * 1000


def test_a_record_that_says_only_where_it_came_from():
    received = received_of(a_record(headers=[("x-original-topic", b"orders")]), "dlq", None)
    assert (received.origin, received.deaths) == ("orders", ())
