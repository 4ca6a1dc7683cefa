"""Headers as text, and what each broker makes of them on the way there and back."""

import base64
from datetime import UTC, datetime

import pytest
from confluent_kafka import Message as Record
from hypothesis import assume, given
from hypothesis import strategies as st

from collectors.brokers.headers import text_of
from collectors.brokers.kafka import messages as kafka
from collectors.brokers.nats_jetstream import messages as nats
from collectors.brokers.rabbitmq import messages as rabbitmq
from collectors.brokers.redis_streams.entries import Layout
from collectors.brokers.secrets import Secret, hide
from controltower.domain.messages import Message

LAYOUT = Layout("body")
texts = st.text(st.characters(codec="utf-8"), max_size=40)
names = st.text(st.characters(codec="utf-8", min_codepoint=33), min_size=1, max_size=20)
headers = st.dictionaries(names, texts, max_size=6).map(lambda found: tuple(sorted(found.items())))
messages = st.builds(Message, st.binary(max_size=60), headers, texts, texts, texts)


def redis_fields(fields: dict[bytes | str, bytes | str]) -> dict[bytes, bytes]:
    """What Redis hands out of what it was given."""
    return {_bytes(name): _bytes(value) for name, value in fields.items()}


def _bytes(value: bytes | str) -> bytes:
    return value.encode() if isinstance(value, str) else value


def in_order(message: Message) -> Message:
    return message._replace(headers=tuple(sorted(message.headers)))


def names_of(message: Message) -> set[str]:
    return {name.casefold() for name, _ in message.headers}


@given(messages)
def test_amqp_properties_bring_back_what_was_sent(message: Message):
    assume(not any(name.startswith(("amqp-", "x-")) for name in names_of(message)))
    properties = rabbitmq.properties_of(message)
    encoded = b"".join(properties.encode())
    assert encoded
    assert in_order(rabbitmq.message_of(properties, message.body)) == message


@given(messages)
def test_fields_of_redis_bring_back_what_was_sent(message: Message):
    assume(not any(name.startswith(("body", "content-", "message-", "x-")) for name in names_of(message)))
    assert in_order(LAYOUT.message_of(redis_fields(LAYOUT.fields_of(message)))) == message


@given(messages)
def test_headers_of_nats_bring_back_what_was_sent(message: Message):
    assume(not any(name.startswith(("nats-", "x-", "content-", "idempotency")) for name in names_of(message)))
    assert in_order(nats.message_of(nats.headers_of(message), message.body)) == message


@given(messages)
def test_records_of_kafka_bring_back_what_was_sent(message: Message):
    assume(not any(name.startswith(("kafka", "content-", "message-")) for name in names_of(message)))
    parts = kafka.record_of(message)
    record = Record("t", 0, 0, parts["key"], parts["value"], parts["headers"], timestamp=(0, 0))
    assert in_order(kafka.message_of(record)) == message


@given(st.dictionaries(st.text(min_size=1, max_size=5).map(str.encode), st.binary(max_size=9), min_size=1))
def test_an_entry_of_redis_without_a_body_becomes_the_same_entry_again(fields: dict[bytes, bytes]):
    assume(b"body" not in fields and b"x-redis-shape" not in fields)
    message = LAYOUT.message_of(fields)
    assert redis_fields(LAYOUT.fields_of(message)) == fields


@given(st.binary(max_size=40))
def test_bytes_are_text_when_they_can_be_and_base64_when_not(value: bytes):
    try:
        expected = value.decode()
    except UnicodeDecodeError:
        expected = base64.b64encode(value).decode()
    assert text_of(value) == expected


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "true"),
        (7, "7"),
        (1.5, "1.5"),
        (datetime(2026, 11, 21, 12, tzinfo=UTC), "2026-11-21T12:00:00+00:00"),
        ([1, "a", b"\xff", {"b": None}], '[1,"a","/w==",{"b":null}]'),
    ],
)
def test_other_values_are_readable(value: object, text: str):
    assert text_of(value) == text


@given(st.text(min_size=1, max_size=20))
def test_a_secret_is_cut_out_of_any_text_in_every_form(password: str):
    assume(password not in "*" * 3 and password.strip("*"))
    secret = Secret(f"amqp://tower:{password}@host")
    assert password not in hide(f"user tower, password {password}, host", secret).replace("***", "")
