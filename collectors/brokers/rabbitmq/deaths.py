"""The history of dead letters in RabbitMQ: its header ``x-death``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from collectors.brokers.headers import text_of
from collectors.brokers.rabbitmq.messages import us_of
from controltower.domain.messages import Death

_EXPIRED = "expired"


def deaths_of(headers: Mapping[str, object]) -> tuple[Death, ...]:
    """How often it died where, newest first, as the broker keeps them."""
    return tuple(
        Death(
            text_of(entry.get("queue")),
            text_of(entry.get("reason")),
            _count(entry.get("count")),
            us_of(entry.get("time")),
        )
        for entry in _entries(headers)
    )


def origin_of(headers: Mapping[str, object]) -> str:
    """The queue that it was to be processed from, "" when it never died.

    A queue, and not the exchange that it was published to: other queues may be bound there, whose consumers
    have done their part. A queue where it only waited for its time to run out is the origin only when there
    is no other.
    """
    entries = _entries(headers)
    worked = [entry for entry in entries if text_of(entry.get("reason")) != _EXPIRED]
    first = (worked or entries or [{}])[-1]
    return text_of(first.get("queue")) or text_of(headers.get("x-first-death-queue"))


def _entries(headers: Mapping[str, object]) -> list[Mapping[str, object]]:
    found = headers.get("x-death")
    if not isinstance(found, Sequence) or isinstance(found, str | bytes):
        return []
    return [entry for entry in found if isinstance(entry, Mapping)]


def _count(value: object) -> int:
    # The client has a kind of integer of its own, which others cannot encode.
    return int(value) if isinstance(value, int) and value > 0 else 1
