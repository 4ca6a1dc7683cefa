"""Sending messages in batches; the answer says of each whether it was taken."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

from collectors.brokers.lanes import lanes_of
from collectors.brokers.sqs.calls import Calls, Failed, is_missing
from collectors.brokers.sqs.messages import entry_of
from controltower.domain.messages import CONFIRMED, REFUSED, UNAVAILABLE, Outgoing, Sent

_BATCH = 10
_MAX_BYTES = 256 * 1024  # of all messages in a batch
_HELD_BACK = Sent(UNAVAILABLE, "not sent: an earlier message of its group did not get through")


class SqsTarget:
    """Sends to queues. In a FIFO queue the key is the group, repeats of an idempotency key are dropped."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def send(self, messages: Sequence[Outgoing]) -> list[Sent]:
        """Send them, those of one queue in order."""
        outcomes = [_HELD_BACK] * len(messages)
        for indexes in lanes_of([one.place for one in messages]):
            queue = messages[indexes[0]].place
            is_fifo = queue.endswith(".fifo")
            entries = {index: entry_of(messages[index].message, is_fifo=is_fifo) for index in indexes}
            if is_fifo:
                self._send_in_groups(queue, entries, outcomes)
            else:
                for batch in _batches(entries, deque(indexes)):
                    self._send_batch(queue, entries, batch, outcomes)
        return outcomes

    def close(self) -> None:
        """Hang up."""
        self._calls.close()

    def _send_in_groups(self, queue: str, entries: dict[int, Any], outcomes: list[Sent]) -> None:
        """One message of each group at a time: of a batch, some may be taken and others not."""
        indexes = list(entries)
        groups = lanes_of([entries[index]["MessageGroupId"] for index in indexes])
        waiting = [deque(indexes[position] for position in group) for group in groups]
        while waiting:
            for batch in _batches(entries, deque(group[0] for group in waiting)):
                self._send_batch(queue, entries, batch, outcomes)
            waiting = [
                group for group in waiting if outcomes[group.popleft()].delivery != UNAVAILABLE and group
            ]

    def _send_batch(
        self, queue: str, entries: dict[int, Any], batch: Sequence[int], outcomes: list[Sent]
    ) -> None:
        numbered = [{"Id": str(index), **entries[index]} for index in batch]
        try:
            url = self._calls.url_of(queue)
            answer = self._calls.client.send_message_batch(QueueUrl=url, Entries=numbered)
        except Failed as exc:
            if is_missing(exc):
                self._calls.forget(queue)
            for index in batch:
                outcomes[index] = self._calls.outcome(exc)
            return
        for one in answer.get("Successful") or ():
            outcomes[int(one["Id"])] = Sent(CONFIRMED)
        for one in answer.get("Failed") or ():
            said = f"{one.get('Code', '')}: {one.get('Message', '')}"
            outcomes[int(one["Id"])] = Sent(REFUSED if one.get("SenderFault") else UNAVAILABLE, said)


def _batches(entries: dict[int, Any], indexes: deque[int]) -> Iterator[list[int]]:
    """As many as a call takes. One that is too large is alone in its call: it is refused alone."""
    while indexes:
        batch, size = [indexes.popleft()], 0
        size = _size_of(entries[batch[0]])
        while indexes and len(batch) < _BATCH and size + _size_of(entries[indexes[0]]) <= _MAX_BYTES:
            size += _size_of(entries[indexes[0]])
            batch.append(indexes.popleft())
        yield batch


def _size_of(entry: dict[str, Any]) -> int:
    size = len(entry["MessageBody"].encode("utf-8", "surrogatepass"))
    for name, attribute in entry["MessageAttributes"].items():
        value = attribute.get("StringValue", "").encode("utf-8", "surrogatepass") or attribute.get(
            "BinaryValue", b""
        )
        size += len(name) + len(attribute["DataType"]) + len(value)
    return size
