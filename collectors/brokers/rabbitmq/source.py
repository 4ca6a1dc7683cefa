"""Taking messages from a queue."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

from collectors.brokers.failures import deaths_in, read_failure
from collectors.brokers.protocol import ConnectionLost
from collectors.brokers.rabbitmq.deaths import deaths_of, origin_of
from collectors.brokers.rabbitmq.link import Link
from collectors.brokers.rabbitmq.messages import message_of, us_of
from collectors.brokers.rabbitmq.positions import Positions, digest_of
from controltower.domain.messages import Received

_MORE_SECONDS = 0.01  # what is on its way comes within this


class _Handle(NamedTuple):
    channel: Any
    tag: int


class RabbitSource:
    """A consumer of one queue; the broker hands it up to `prefetch` messages ahead."""

    def __init__(self, link: Link, queue: str, prefetch: int) -> None:
        self._link = link
        self._queue = queue
        self._prefetch = prefetch
        self._arrived: deque[tuple[Any, Any, bytes]] = deque()
        self._outstanding: dict[int, None] = {}  # delivery tags in the order in which they came
        self._positions = Positions()

    def receive(self, limit: int, patience: float) -> list[Received]:
        """Up to `limit` messages; waits `patience` seconds for the first."""
        self._link.opened(self._consume)
        if self._link.drive(lambda: bool(self._arrived), patience):
            self._link.drive(lambda: len(self._arrived) >= limit, _MORE_SECONDS)
        return [self._received(*self._arrived.popleft()) for _ in range(min(limit, len(self._arrived)))]

    def settle(self, received: Sequence[Received]) -> None:
        """Acknowledge, and wait until the broker has read that."""
        self._answer(received, lambda channel, tag, multiple: channel.basic_ack(tag, multiple=multiple))

    def release(self, received: Sequence[Received]) -> None:
        """Give them back to the queue, where they were."""
        self._answer(received, lambda channel, tag, multiple: channel.basic_nack(tag, multiple, requeue=True))
        for one in received:
            self._positions.give_back(one.position)

    def close(self) -> None:
        """Hang up."""
        self._link.close()

    def _consume(self, channel: Any) -> None:
        self._arrived.clear()
        self._outstanding.clear()
        self._positions = Positions()
        self._wait_for_broker(channel)
        channel.add_on_cancel_callback(lambda _: self._link.end("the queue was deleted"))
        self._link.ask(lambda answer: channel.basic_consume(self._queue, self._take_over, callback=answer))

    def _take_over(self, _channel: Any, method: Any, properties: Any, body: bytes) -> None:
        self._outstanding[method.delivery_tag] = None
        self._arrived.append((method, properties, body))

    def _received(self, method: Any, properties: Any, body: bytes) -> Received:
        headers = properties.headers or {}
        message = message_of(properties, body)
        failure = read_failure(message.headers, message.body)
        return Received(
            message,
            self._queue,
            self._positions.take(digest_of(method, properties, body)),
            origin_of(headers) or failure.origin,
            deaths_of(headers) or deaths_in(failure),
            _deliveries(headers, method.redelivered),
            us_of(properties.timestamp),
            failure.error_class,
            failure.error_message,
            failure.error_place,
            _Handle(self._link.channel, method.delivery_tag),
        )

    def _answer(self, received: Sequence[Received], say: Any) -> None:
        if not received:
            return
        handles = [one.handle for one in received if isinstance(one.handle, _Handle)]
        channel = self._link.channel
        if not self._link.is_open or any(handle.channel is not channel for handle in handles):
            raise ConnectionLost(f"{self._link.name}: the connection was lost, and will hand them out again")
        tags = {handle.tag for handle in handles} & self._outstanding.keys()
        for tag, multiple in self._answers(tags):
            self._link.attempt(partial(say, channel, tag, multiple))
        for tag in tags:
            del self._outstanding[tag]
        self._wait_for_broker(channel)

    def _answers(self, tags: set[int]) -> list[tuple[int, bool]]:
        """One answer for all where these are the oldest ones, else one for each."""
        oldest = [tag for tag, _ in zip(self._outstanding, tags, strict=False)]
        if tags and set(oldest) == tags:
            return [(oldest[-1], True)]
        return [(tag, False) for tag in sorted(tags)]

    def _wait_for_broker(self, channel: Any) -> None:
        """Wait for the answer to a request; the broker reads in order, so that it has read all before."""
        self._link.ask(lambda answer: channel.basic_qos(prefetch_count=self._prefetch, callback=answer))


def _deliveries(headers: Any, redelivered: bool) -> int:
    """Quorum queues count; others only say whether it is the first time."""
    count = headers.get("x-delivery-count")
    if isinstance(count, int):
        return int(count) + 1
    return 0 if redelivered else 1
