"""Reading queues by AMQP itself, which says how many messages are ready and how many consumers there are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from collectors.brokers.rabbitmq.link import Link, RequestRefused
from controltower.domain.facts import QueueSample, short_name


class PassiveGauge:
    """Declares queues passively, which changes nothing; one that does not exist has no reading."""

    def __init__(self, link: Link, system: str, queues: Sequence[str]) -> None:
        self._link = link
        self._system = system
        self._queues = queues

    def read(self, now_us: int) -> list[QueueSample]:
        """Ready messages and consumers."""
        self._link.opened(lambda channel: None)
        return [sample for queue in self._queues for sample in self._read(queue, now_us)]

    def close(self) -> None:
        """Hang up."""
        self._link.close()

    def _read(self, queue: str, now_us: int) -> list[QueueSample]:
        def declare(channel: Any, answer: Any) -> None:
            channel.queue_declare(queue, passive=True, callback=answer)

        try:
            found = self._link.ask_aside(declare).method
        except RequestRefused:
            return []
        name = short_name(queue)
        return [
            QueueSample(self._system, name, "", now_us, "ready", float(found.message_count)),
            QueueSample(self._system, name, "", now_us, "consumers", float(found.consumer_count)),
        ]
