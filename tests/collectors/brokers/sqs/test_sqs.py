"""Queues of Amazon SQS, as moto has them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from collectors.brokers.connections import BadTable
from collectors.brokers.secrets import Secret
from collectors.brokers.sqs import KIND, SqsTable
from collectors.brokers.sqs.calls import Access, Calls
from collectors.brokers.sqs.target import SqsTarget
from controltower.domain.messages import CONFIRMED, REFUSED, UNAVAILABLE, Death, Message, Outgoing
from tests.collectors.brokers.brokers import Sqs


@pytest.fixture
def sqs() -> Iterator[Sqs]:
    made = Sqs()
    yield made
    made.close()


def url_of(sqs: Sqs, queue: str) -> str:
    url: str = sqs.client.get_queue_url(QueueName=queue)["QueueUrl"]
    return url


def with_dead_letters(sqs: Sqs, queue: str, *, after: int) -> str:
    """A queue whose messages go to `queue` after so many deliveries."""
    url = url_of(sqs, queue)
    arn = sqs.client.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = {"deadLetterTargetArn": arn, "maxReceiveCount": str(after)}
    return sqs.new_place(RedrivePolicy=json.dumps(policy), VisibilityTimeout="0")


def test_the_queue_that_a_dead_letter_comes_from_is_found(sqs):
    dead = sqs.new_place()
    orders = with_dead_letters(sqs, dead, after=1)
    sqs.client.send_message(QueueUrl=url_of(sqs, orders), MessageBody="no SKU")
    for _ in range(2):
        sqs.client.receive_message(QueueUrl=url_of(sqs, orders))
    with closing(sqs.connect().source(dead)) as source:
        (received,) = source.receive(1, 2)
    assert received.message.body == b"no SKU"
    assert received.origin == orders
    assert received.deliveries >= 1
    assert received.sent_us > 1_700_000_000_000_000


def test_what_amazon_says_of_a_redriven_message(sqs, monkeypatch):
    """moto does not have the attribute DeadLetterQueueSourceArn."""
    queue = sqs.new_place()
    sqs.client.send_message(QueueUrl=url_of(sqs, queue), MessageBody="x")
    source = sqs.connect().source(queue)
    client = source._calls.client
    receive = client.receive_message

    def as_amazon_does(**asked: Any) -> Any:
        answer = receive(**asked)
        answer["Messages"][0]["Attributes"]["DeadLetterQueueSourceArn"] = "arn:aws:sqs:eu-central-1:1:orders"
        return answer

    monkeypatch.setattr(client, "receive_message", as_amazon_does)
    with closing(source):
        (received,) = source.receive(1, 1)
    assert received.origin == "orders"
    assert received.deaths == (Death("orders", "delivery_limit"),)


def test_attributes_of_other_senders_come_as_headers_and_go_back_as_they_were(sqs):
    queue = sqs.new_place()
    attributes = {
        "image": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
        "amount": {"DataType": "Number", "StringValue": "12.50"},
    }
    sqs.client.send_message(QueueUrl=url_of(sqs, queue), MessageBody="{}", MessageAttributes=attributes)
    with closing(sqs.connect().source(queue)) as source, closing(sqs.connect().target()) as target:
        (received,) = source.receive(1, 2)
        source.settle([received])
        assert received.message.header("image") == "AP8="
        assert target.send([Outgoing(received.message, queue)])[0].delivery == CONFIRMED
    answer = sqs.client.receive_message(QueueUrl=url_of(sqs, queue), MessageAttributeNames=["All"])
    assert answer["Messages"][0]["MessageAttributes"] == attributes


def test_a_fifo_queue_keeps_the_order_of_each_key_and_drops_repeats(sqs):
    queue = sqs.new_place(FifoQueue="true")
    outgoing = [
        Outgoing(Message(str(n).encode(), (("idempotency-key", f"r-{n}"),), key=f"SO-{n % 3}"), queue)
        for n in range(30)
    ]
    with closing(sqs.connect().target()) as target:
        for _ in range(2):
            assert {sent.delivery for sent in target.send(outgoing)} == {CONFIRMED}
    found: dict[str, list[int]] = {}
    with closing(sqs.connect().source(queue)) as source:
        while received := source.receive(30, 0.5):
            for one in received:
                found.setdefault(one.message.key, []).append(int(one.message.body))
            source.settle(received)
    assert found == {f"SO-{key}": list(range(key, 30, 3)) for key in range(3)}


class Failing:
    """A client of boto3 that answers as it is told."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.batches: list[list[str]] = []

    def get_queue_url(self, **_asked: str) -> dict[str, str]:
        return {"QueueUrl": "https://sqs/1/orders"}

    def send_message_batch(self, QueueUrl: str, Entries: list[dict[str, Any]]) -> Any:
        self.batches.append([entry["MessageBody"] for entry in Entries])
        answer = self.answers.pop(0) if self.answers else {}
        if isinstance(answer, Exception):
            raise answer
        failed = [{"Id": Entries[at]["Id"], **how} for at, how in answer.items()]
        failed_ids = {one["Id"] for one in failed}
        return {
            "Failed": failed,
            "Successful": [{"Id": e["Id"]} for e in Entries if e["Id"] not in failed_ids],
        }


def target_of(client: Failing) -> SqsTarget:
    calls = Calls("orders", Access("eu", "", Secret("hunter2"), Secret(""), ""), 1.0)
    calls.__dict__["client"] = client
    return SqsTarget(calls)


def numbered(count: int, queue: str = "orders", key: str = "") -> list[Outgoing]:
    return [Outgoing(Message(str(n).encode(), key=key), queue) for n in range(count)]


def test_a_batch_that_is_taken_in_part_has_an_outcome_for_each():
    client = Failing({1: {"SenderFault": True, "Code": "InvalidMessageContents", "Message": "no"},
                      3: {"SenderFault": False, "Code": "InternalError", "Message": "later"}})  # fmt: skip
    sent = target_of(client).send(numbered(12))
    assert [one.delivery for one in sent] == [CONFIRMED, REFUSED, CONFIRMED, UNAVAILABLE, *[CONFIRMED] * 8]
    assert sent[1].detail == "InvalidMessageContents: no"
    assert [len(batch) for batch in client.batches] == [10, 2]


def test_after_a_message_of_a_group_that_did_not_get_through_the_rest_of_it_waits():
    client = Failing({}, {0: {"SenderFault": False, "Code": "InternalError"}})
    sent = target_of(client).send(numbered(4, "orders.fifo", "SO-1"))
    assert [one.delivery for one in sent] == [CONFIRMED, UNAVAILABLE, UNAVAILABLE, UNAVAILABLE]
    assert client.batches == [["0"], ["1"]]


def error_of(code: str, status: int) -> ClientError:
    said = {"Error": {"Code": code, "Message": "hunter2"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(said, "SendMessageBatch")


@pytest.mark.parametrize(
    ("error", "delivery"),
    [
        (error_of("QueueDoesNotExist", 400), REFUSED),
        (error_of("AccessDenied", 403), REFUSED),
        (error_of("BatchRequestTooLong", 400), REFUSED),
        (error_of("ThrottlingException", 400), UNAVAILABLE),
        (error_of("InternalFailure", 500), UNAVAILABLE),
        (EndpointConnectionError(endpoint_url="https://sqs"), UNAVAILABLE),
    ],
)
def test_what_an_error_means_for_the_messages_of_a_call(error, delivery):
    sent = target_of(Failing(error)).send(numbered(2))
    assert [one.delivery for one in sent] == [delivery] * 2
    assert "hunter2" not in repr(sent)


def test_large_messages_share_no_call():
    client = Failing()
    large = [Outgoing(Message(b"x" * 150_000), "orders") for _ in range(3)]
    target_of(client).send([*large, *numbered(2)])
    assert [len(batch) for batch in client.batches] == [1, 1, 3]


def test_a_gauge_reads_what_waits_and_what_is_taken(sqs):
    queue = sqs.new_place()
    for _ in range(5):
        sqs.client.send_message(QueueUrl=url_of(sqs, queue), MessageBody="x")
    sqs.client.receive_message(QueueUrl=url_of(sqs, queue), MaxNumberOfMessages=2)
    gauge = sqs.connect(samples=[queue]).gauge()
    assert gauge is not None
    with closing(gauge):
        assert {sample.measure: sample.value for sample in gauge.read(7)} == {
            "ready": 3.0,
            "unacknowledged": 2.0,
            "depth": 5.0,
        }


@pytest.mark.parametrize(
    ("keys", "named"),
    [
        ({"region": ""}, "region"),
        ({"access_key_id": "AKIA"}, "secret_access_key"),
        ({"endpoint_url": "localhost:4566"}, "endpoint_url"),
    ],
)
def test_a_mistake_is_found_at_the_start(keys, named):
    with pytest.raises(BadTable) as refused:
        KIND.connect("orders", SqsTable(kind="sqs", **{"region": "eu-central-1"} | keys))
    assert refused.value.args[0] == named
