"""Taking messages from a topic."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from itertools import groupby
from typing import NamedTuple

from confluent_kafka import OFFSET_INVALID, Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka import Message as Record

from collectors.brokers.kafka.clients import Clients, error_in
from collectors.brokers.kafka.messages import received_of
from collectors.brokers.kafka.offsets import Offsets
from collectors.brokers.protocol import ConnectionLost
from controltower.domain.messages import Received

_MORE_SECONDS = 0.01  # what is on its way comes within this
_POLL_SECONDS = 0.1
_LEAVE_SECONDS = 5.0
_REARRANGING = (KafkaError.REBALANCE_IN_PROGRESS, KafkaError.ILLEGAL_GENERATION, KafkaError._WAIT_COORD)


class _Handle(NamedTuple):
    offsets: Offsets  # of this assignment of the partition: after another one it is no longer ours
    partition: int
    offset: int


class KafkaSource:
    """A member of a consumer group. Kafka keeps the offset up to which all is settled, and what is settled
    beyond it; after a loss it starts from there."""

    def __init__(self, clients: Clients, topic: str, group: str) -> None:
        self._clients = clients
        self._topic = topic
        self._group = group
        self._consumer: Consumer | None = None
        self._assigned: dict[int, Offsets] = {}
        self._arrived: list[Record] = []  # while it was not asked for
        self._down = ""  # why no broker answers, since the last that came

    def receive(self, limit: int, patience: float) -> list[Received]:
        """Up to `limit` messages; waits `patience` seconds for the first."""
        try:
            consumer = self._opened()
            received = self._consume(consumer, 1, patience)
            if received and limit > 1:
                received += self._consume(consumer, limit - 1, _MORE_SECONDS)
        except (KafkaException, RuntimeError) as exc:
            raise self._give_up(exc) from None
        if not received and self._down:
            raise self._give_up(self._down)
        self._down = ""
        return received

    def settle(self, received: Sequence[Received]) -> None:
        """Commit the offset before which all is settled, and wait for the answer."""
        for offsets, _, numbers in self._by_partition(received):
            offsets.settle(numbers)
        until = time.monotonic() + self._clients.timeout
        try:
            while not self._commit(received):
                if time.monotonic() > until:
                    raise self._give_up("the consumer group does not come to rest")
        except (KafkaException, RuntimeError) as exc:
            raise self._give_up(exc) from None
        self._check_ours(received)

    def release(self, received: Sequence[Received]) -> None:
        """Read them again; whoever else holds later ones is not disturbed."""
        for offsets, partition, numbers in self._by_partition(received):
            first = offsets.release(numbers)
            if first is not None and self._consumer:
                try:
                    self._consumer.seek(TopicPartition(self._topic, partition, first))
                except (KafkaException, RuntimeError) as exc:
                    raise self._give_up(exc) from None
        self._check_ours(received)

    def close(self) -> None:
        """Leave the group; what was not settled goes to its other members, or to who comes next."""
        consumer, self._consumer = self._consumer, None
        self._assigned = {}
        self._arrived = []
        if consumer:
            with suppress(KafkaException, RuntimeError):
                _leave(consumer)
                consumer.close()

    def _commit(self, received: Sequence[Received]) -> bool:
        """Commit the partitions of these that are still ours; False while the group is being rearranged,
        which goes on only while we ask for messages.
        """
        changed = []
        for offsets, partition, _ in self._by_partition(received):
            point, note = offsets.commit_point()
            changed.append(TopicPartition(self._topic, partition, point, note))
        if not changed or not self._consumer:
            return True
        try:
            committed = self._consumer.commit(offsets=changed, asynchronous=False) or ()
        except KafkaException as exc:
            if error_in(exc).code() not in _REARRANGING:
                raise
            self._arrived += self._consumer.consume(1, _POLL_SECONDS)
            return False
        for one in committed:
            if one.error:
                raise KafkaException(one.error)
        return True

    def _opened(self) -> Consumer:
        if self._consumer is None:
            self._down = ""
            self._consumer = self._clients.consumer(self._group, self._heard)
            metadata = self._consumer.list_topics(self._topic, timeout=self._clients.timeout)
            if error := metadata.topics[self._topic].error:
                raise KafkaException(error)
            self._consumer.subscribe(
                [self._topic], on_assign=self._take_over, on_revoke=self._hand_over, on_lost=self._hand_over
            )
        return self._consumer

    def _consume(self, consumer: Consumer, limit: int, patience: float) -> list[Received]:
        records, self._arrived = self._arrived[:limit], self._arrived[limit:]
        received = []
        for record in records or consumer.consume(limit, patience):
            if error := record.error():
                if error.code() != KafkaError._PARTITION_EOF:
                    raise KafkaException(error)
            elif found := self._received(record):
                received.append(found)
        return received

    def _received(self, record: Record) -> Received | None:
        partition, offset = record.partition(), record.offset()
        if partition is None or offset is None:
            return None
        offsets = self._assigned.get(partition)
        if offsets is None or not offsets.take(offset):
            return None
        return received_of(record, self._topic, _Handle(offsets, partition, offset))

    def _take_over(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        if consumer is not self._consumer:
            return  # it is being closed
        for found in consumer.committed(partitions, timeout=self._clients.timeout):
            is_new = found.offset is None or found.offset <= OFFSET_INVALID
            committed = 0 if is_new else found.offset
            self._assigned[found.partition] = Offsets(found.metadata or "", committed)

    def _hand_over(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        if consumer is not self._consumer:
            return
        for revoked in partitions:
            self._assigned.pop(revoked.partition, None)

    def _heard(self, error: KafkaError) -> None:
        if error.fatal() or error.code() in (KafkaError._ALL_BROKERS_DOWN, KafkaError._AUTHENTICATION):
            self._down = self._down or self._clients.tell(error)

    def _by_partition(self, received: Sequence[Received]) -> list[tuple[Offsets, int, list[int]]]:
        handles = [
            handle
            for one in received
            if isinstance(handle := one.handle, _Handle) and self._is_ours(handle)
        ]
        handles.sort(key=lambda handle: handle.partition)
        grouped = groupby(handles, key=lambda handle: handle.partition)
        return [
            (self._assigned[partition], partition, [handle.offset for handle in of_partition])
            for partition, of_partition in grouped
        ]

    def _is_ours(self, handle: _Handle) -> bool:
        return self._assigned.get(handle.partition) is handle.offsets

    def _check_ours(self, received: Sequence[Received]) -> None:
        handles = [one.handle for one in received if isinstance(one.handle, _Handle)]
        if not all(self._is_ours(handle) for handle in handles):
            raise self._clients.lost(
                "partitions went to another consumer, which hands their messages out again"
            )

    def _give_up(self, error: Exception | str) -> ConnectionLost:
        """A new client starts from what is committed: everything that was not settled comes again."""
        down = self._down
        self.close()
        return self._clients.lost(down or error)


def _leave(consumer: Consumer) -> None:
    """Give the partitions back before closing: a client that is closed while its group is being rearranged
    may wait for ever, and with it every thread of this process (librdkafka issue 4041)."""
    consumer.unsubscribe()
    until = time.monotonic() + _LEAVE_SECONDS
    consumer.consume(1, _POLL_SECONDS)
    while consumer.assignment() and time.monotonic() < until:
        consumer.consume(1, _POLL_SECONDS)
    consumer.consume(1, 0)
