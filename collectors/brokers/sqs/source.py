"""Taking messages from a queue."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from collectors.brokers.failures import deaths_in, read_failure
from collectors.brokers.protocol import ConnectionLost
from collectors.brokers.sqs.calls import LONGEST_WAIT, Calls, Failed
from collectors.brokers.sqs.messages import message_of
from controltower.domain.messages import Death, Received

BATCH = 10  # messages in a call, at most
_REDRIVEN = "delivery_limit"


class SqsSource:
    """A consumer of one queue. What is not settled within the queue's visibility timeout is handed out
    again, to whoever asks."""

    def __init__(self, calls: Calls, queue: str) -> None:
        self._calls = calls
        self._queue = queue
        self._outstanding: dict[str, str] = {}  # message id -> receipt handle
        self._only_source: str | None = None  # "" for none, or for several

    def receive(self, limit: int, patience: float) -> list[Received]:
        """Up to `limit` messages; waits `patience` seconds, rounded up, for the first."""
        with self._calls.losses():
            received = self._take(limit, min(math.ceil(patience), LONGEST_WAIT))
            while received and len(received) < limit:
                more = self._take(limit - len(received), 0)
                if not more:
                    break
                received += more
        return received

    def settle(self, received: Sequence[Received]) -> None:
        """Delete them."""
        self._answer("delete_message_batch", received)

    def release(self, received: Sequence[Received]) -> None:
        """Make them visible again at once."""
        self._answer("change_message_visibility_batch", received, VisibilityTimeout=0)

    def close(self) -> None:
        """Give back what is not settled, and hang up."""
        with suppress(ConnectionLost):
            self._call("change_message_visibility_batch", list(self._outstanding), VisibilityTimeout=0)
        self._outstanding.clear()
        self._calls.close()

    def _take(self, limit: int, wait: int) -> list[Received]:
        answer = self._calls.client.receive_message(
            QueueUrl=self._calls.url_of(self._queue),
            MaxNumberOfMessages=min(limit, BATCH),
            WaitTimeSeconds=wait,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["All"],
        )
        return [self._received(one) for one in answer.get("Messages") or ()]

    def _received(self, told: Mapping[str, Any]) -> Received:
        about: Mapping[str, str] = told.get("Attributes") or {}
        message = message_of(told)
        failure = read_failure(message.headers, message.body)
        redriven_from = about.get("DeadLetterQueueSourceArn", "").rpartition(":")[2]
        deaths = deaths_in(failure) or ((Death(redriven_from, _REDRIVEN),) if redriven_from else ())
        position = told["MessageId"]
        self._outstanding[position] = told["ReceiptHandle"]
        return Received(
            message,
            self._queue,
            position,
            redriven_from or failure.origin or self._dead_letter_source(),
            deaths,
            int(about.get("ApproximateReceiveCount", 0)),
            int(about.get("SentTimestamp", 0)) * 1000,
            failure.error_class,
            failure.error_message,
            failure.error_place,
        )

    def _dead_letter_source(self) -> str:
        """The queue whose dead letters come here, when it is the only one."""
        if self._only_source is None:
            self._only_source = ""
            with suppress(*Failed):  # it is a permission of its own
                url = self._calls.url_of(self._queue)
                urls = self._calls.client.list_dead_letter_source_queues(QueueUrl=url).get("queueUrls") or []
                if len(urls) == 1:
                    self._only_source = urls[0].rpartition("/")[2]
        return self._only_source

    def _answer(self, call: str, received: Sequence[Received], **more: int) -> None:
        # One may have been handed out twice meanwhile.
        ids = list(dict.fromkeys(one.position for one in received))
        if not self._outstanding.keys() >= set(ids):
            raise ConnectionLost(f"{self._calls.name}: they are handed out again")
        self._call(call, ids, **more)

    def _call(self, call: str, ids: Sequence[str], **more: int) -> None:
        failed: list[str] = []
        with self._calls.losses():
            for batch in _batches(ids):
                entries = [
                    {"Id": str(number), "ReceiptHandle": self._outstanding[position], **more}
                    for number, position in enumerate(batch)
                ]
                url = self._calls.url_of(self._queue)
                answer = getattr(self._calls.client, call)(QueueUrl=url, Entries=entries)
                for position in batch:
                    del self._outstanding[position]
                failed += [one.get("Code", "") for one in answer.get("Failed") or ()]
        if failed:
            raise ConnectionLost(f"{self._calls.name}: {failed[0]}: they are handed out again")


def _batches(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), BATCH):
        yield ids[start : start + BATCH]
