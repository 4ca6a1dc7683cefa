"""Reading how long streams are, and how far their groups have come."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from redis.exceptions import ResponseError

from collectors.brokers.redis_streams.wire import Wire
from controltower.domain.facts import QueueSample, short_name


class RedisGauge:
    """Depth and age of a stream; lag, unacknowledged, consumers and age of the oldest for each group."""

    def __init__(self, wire: Wire, streams: Sequence[str]) -> None:
        self._wire = wire
        self._streams = streams

    def read(self, now_us: int) -> list[QueueSample]:
        """All of them; a stream that does not exist has no reading."""
        system = self._wire.name
        with self._wire.guarded() as client:
            return [
                QueueSample(system, short_name(stream), short_name(group), now_us, measure, float(value))
                for stream in self._streams
                for group, measure, value in _measures(client, stream, now_us)
                if value is not None
            ]

    def close(self) -> None:
        """Hang up."""
        self._wire.close()


def _measures(client: Any, stream: str, now_us: int) -> Iterator[tuple[str, str, float | None]]:
    try:
        groups = client.xinfo_groups(stream)
    except ResponseError:  # no such key, or no stream
        return
    yield "", "depth", client.xlen(stream)
    yield "", "oldest_age_seconds", _age(_first_id(client, stream, "-"), now_us)
    for group in groups:
        name = group["name"].decode(errors="replace")
        yield name, "lag", group.get("lag")  # None when entries were deleted in between
        yield name, "unacknowledged", group["pending"]
        yield name, "consumers", group["consumers"]
        yield name, "oldest_age_seconds", _age(_oldest_undone(client, stream, group), now_us)


def _oldest_undone(client: Any, stream: str, group: Any) -> bytes | None:
    """The first entry that the group has not acknowledged."""
    if group["pending"]:
        oldest: bytes | None = client.xpending(stream, group["name"])["min"]
        return oldest
    return _first_id(client, stream, b"(" + group["last-delivered-id"])


def _first_id(client: Any, stream: str, after: bytes | str) -> bytes | None:
    entries = client.xrange(stream, min=after, count=1)
    return entries[0][0] if entries else None


def _age(entry_id: bytes | None, now_us: int) -> float | None:
    """Ids begin with the millisecond at which the entry was added."""
    if entry_id is None:
        return 0.0
    return max(now_us - int(entry_id.partition(b"-")[0]) * 1000, 0) / 1_000_000
