"""Reading topics: how much they hold, and how far consumer groups are behind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]

from collectors.brokers.kafka.clients import Clients, is_missing_topic
from controltower.domain.facts import QueueSample

_Ends = dict[int, tuple[int, int]]  # partition -> its first offset, and the one behind its last


class KafkaGauge:
    """Reads topics and, for each, consumer groups."""

    def __init__(self, clients: Clients, groups: Mapping[str, Sequence[str]]) -> None:
        self._clients = clients
        self._groups = groups
        self._client: AdminClient | None = None

    def read(self, now_us: int) -> list[QueueSample]:
        """`depth` of each topic (messages that it keeps, read or not); `lag` of each group that has committed
        anything there, in the topic and in each partition, which is named ``topic/0``."""
        with self._clients.losses():
            self._client = self._client or self._clients.admin()
            return [
                QueueSample(self._clients.name, queue, group, now_us, measure, float(value))
                for topic, groups in self._groups.items()
                for queue, group, measure, value in self._of_topic(self._client, topic, groups)
            ]

    def close(self) -> None:
        """Hang up."""
        self._client = None

    def _of_topic(
        self, client: AdminClient, topic: str, groups: Sequence[str]
    ) -> Iterator[tuple[str, str, str, int]]:
        ends = self._ends(client, topic)
        if ends is None:
            return
        yield topic, "", "depth", sum(behind - first for first, behind in ends.values())
        for group in groups:
            lags = self._lags(client, topic, group, ends)
            if lags:
                yield topic, group, "lag", sum(lags.values())
            for partition, lag in lags.items():
                yield f"{topic}/{partition}", group, "lag", lag

    def _ends(self, client: AdminClient, topic: str) -> _Ends | None:
        found = client.list_topics(topic, timeout=self._clients.timeout).topics[topic]
        if is_missing_topic(found.error):
            return None
        if found.error:
            raise KafkaException(found.error)
        first = self._offsets(client, topic, found.partitions, OffsetSpec.earliest())  # type: ignore[no-untyped-call]
        behind = self._offsets(client, topic, found.partitions, OffsetSpec.latest())  # type: ignore[no-untyped-call]
        return {partition: (first[partition], behind[partition]) for partition in found.partitions}

    def _offsets(
        self, client: AdminClient, topic: str, partitions: Mapping[int, object], spec: OffsetSpec
    ) -> dict[int, int]:
        wanted = {TopicPartition(topic, partition): spec for partition in partitions}
        asked = client.list_offsets(wanted, request_timeout=self._clients.timeout)
        return {found.partition: future.result().offset for found, future in asked.items()}

    def _lags(self, client: AdminClient, topic: str, group: str, ends: _Ends) -> dict[int, int]:
        asked = ConsumerGroupTopicPartitions(group, [TopicPartition(topic, partition) for partition in ends])
        futures = client.list_consumer_group_offsets([asked], request_timeout=self._clients.timeout)
        found = futures[group].result().topic_partitions or []
        committed = {one.partition: one.offset for one in found}
        if not any(offset >= 0 for offset in committed.values()):
            return {}
        return {
            partition: max(0, behind - max(committed.get(partition, first), first))
            for partition, (first, behind) in ends.items()
        }
