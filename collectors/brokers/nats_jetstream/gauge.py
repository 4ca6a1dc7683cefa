"""Reading how many messages of a subject a stream holds, and how far its consumers have come."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

from nats.js.errors import NotFoundError

from collectors.brokers.nats_jetstream.link import Link
from controltower.domain.facts import QueueSample, short_name


class NatsGauge:
    """Depth and consumers of a subject; lag and unacknowledged for each consumer of its stream."""

    def __init__(self, link: Link, subjects: Sequence[str]) -> None:
        self._link = link
        self._subjects = subjects

    def read(self, now_us: int) -> list[QueueSample]:
        """All of them; a subject that no stream keeps has no reading."""
        self._link.opened(_nothing_to_do)
        return self._link.run(self._read(now_us))

    def close(self) -> None:
        """Hang up."""
        self._link.close()

    async def _read(self, now_us: int) -> list[QueueSample]:
        samples: list[QueueSample] = []
        for subject in self._subjects:
            try:
                samples += await self._read_one(subject, now_us)
            except NotFoundError:
                continue
        return samples

    async def _read_one(self, subject: str, now_us: int) -> list[QueueSample]:
        stream = self._link.jetstream
        name = await stream.find_stream_name_by_subject(subject)
        state = (await stream.stream_info(name, subjects_filter=subject)).state
        consumers = await stream.consumers_info(name)
        depth = float(sum((state.subjects or {}).values()))

        def sample(group: str, measure: str, value: float) -> QueueSample:
            return QueueSample(
                self._link.name, short_name(subject), short_name(group), now_us, measure, float(value)
            )

        found = [sample("", "depth", depth), sample("", "consumers", len(consumers))]
        for consumer in consumers:
            found += [sample(consumer.name, measure, value) for measure, value in _measures(consumer)]
        return found


def _measures(consumer: Any) -> Iterator[tuple[str, float]]:
    yield "lag", consumer.num_pending or 0
    yield "unacknowledged", consumer.num_ack_pending or 0
    yield "consumers", consumer.num_waiting or 0


async def _nothing_to_do() -> None:
    await asyncio.sleep(0)
