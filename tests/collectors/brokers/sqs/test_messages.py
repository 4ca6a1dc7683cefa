"""Messages as SQS takes them, and back."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.brokers.sqs.messages import PACKED, entry_of, message_of
from controltower.domain.messages import Message

texts = st.text(st.characters(codec="utf-8"), max_size=20)
names = texts.filter(
    lambda name: not name.casefold().startswith(("sqs-", "content-", "message-", "x-ordering"))
)
headers = st.lists(st.tuples(names, texts), max_size=14).map(tuple)
messages = st.builds(Message, st.binary(max_size=60) | texts.map(str.encode), headers, texts, texts, texts)


def arrived(message: Message, *, is_fifo: bool = False) -> Message:
    """What comes out of a queue of what was put into it."""
    entry = entry_of(message, is_fifo=is_fifo)
    group = {"MessageGroupId": entry["MessageGroupId"]} if is_fifo else {}
    return message_of(
        {"Body": entry["MessageBody"], "MessageAttributes": entry["MessageAttributes"], "Attributes": group}
    )


@given(messages, st.booleans())
def test_a_message_arrives_as_it_was_sent(message, is_fifo):
    found = arrived(message, is_fifo=is_fifo)
    assert sorted(found.headers) == sorted(message.headers)
    assert found._replace(headers=()) == message._replace(headers=())


@given(messages, st.booleans())
def test_sqs_takes_every_message(message, is_fifo):
    entry = entry_of(message, is_fifo=is_fifo)
    assert entry["MessageBody"]
    assert_is_text(entry["MessageBody"])
    assert len(entry["MessageAttributes"]) <= 10
    for name, attribute in entry["MessageAttributes"].items():
        assert re.fullmatch(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*", name)
        assert not name.lower().startswith(("aws.", "amazon."))
        assert attribute["StringValue"]
        assert_is_text(attribute["StringValue"])
    for key in ("MessageGroupId", "MessageDeduplicationId") if is_fifo else ():
        assert re.fullmatch(r"[!-~]{1,128}", entry[key])


def assert_is_text(text: str) -> None:
    assert re.fullmatch("[\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]*", text)


def test_ordinary_headers_are_attributes_that_other_consumers_can_read():
    message = Message(
        b'{"a": 1}', (("traceparent", "00-1"), ("x-order", "SO-1")), "application/json", "m-1", "k"
    )
    entry = entry_of(message, is_fifo=False)
    assert entry["MessageBody"] == '{"a": 1}'
    assert {name: attribute["StringValue"] for name, attribute in entry["MessageAttributes"].items()} == {
        "traceparent": "00-1",
        "x-order": "SO-1",
        "content-type": "application/json",
        "message-id": "m-1",
        "x-ordering-key": "k",
    }


def test_more_headers_than_sqs_has_attributes_are_packed_into_one():
    message = Message(b"x", tuple((f"h{number}", str(number)) for number in range(30)))
    entry = entry_of(message, is_fifo=False)
    assert len(entry["MessageAttributes"]) == 10
    assert PACKED in entry["MessageAttributes"]
    assert arrived(message) == message


@pytest.mark.parametrize("kind", ["Binary", "Binary.png", "Number", "String.note"])
def test_the_types_of_attributes_are_kept(kind):
    value: dict[str, Any] = (
        {"BinaryValue": b"text or \xff"} if kind.startswith("Binary") else {"StringValue": "12"}
    )
    received = {"Body": "x", "MessageAttributes": {"a": {"DataType": kind, **value}}}
    again = entry_of(message_of(received), is_fifo=False)["MessageAttributes"]
    assert again["a"] == {"DataType": kind, **value}


@pytest.mark.parametrize("packed", ["", "no JSON", "{}", '["a"]', '[["a", 1]]'])
def test_a_packed_attribute_of_somebody_else_is_a_header(packed):
    received = {"Body": "x", "MessageAttributes": {PACKED: {"DataType": "String", "StringValue": packed}}}
    assert message_of(received).body == b"x"


def test_the_same_replay_has_the_same_deduplication_id():
    first = Message(b"x", (("idempotency-key", "r" * 300),), key="SO-1")
    assert entry_of(first, is_fifo=True) == entry_of(first, is_fifo=True)
    assert entry_of(first, is_fifo=True)["MessageGroupId"] == "SO-1"
