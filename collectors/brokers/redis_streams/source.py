"""Taking entries from a stream, as a consumer of a group."""

from __future__ import annotations

import secrets
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from redis.exceptions import RedisError, ResponseError

from collectors.brokers.failures import deaths_in, read_failure
from collectors.brokers.protocol import ConnectionLost
from collectors.brokers.redis_streams.entries import Layout
from collectors.brokers.redis_streams.wire import Wire
from controltower.domain.messages import Received

_PREFIX = "tower-"
_ALL = "-", "+"
_LONG_AGO_MS = 10**10  # idle for so long, an entry is anybody's
_FORGOTTEN_MS = 3_600_000  # a consumer that holds nothing and was not heard of for so long is gone
_LOOKS_IN_A_CLAIM_TIME = 10


class RedisSource:
    """A consumer with a name of its own; what others left behind comes before what is new."""

    def __init__(
        self, wire: Wire, stream: str, group: str, layout: Layout, *, claim_seconds: float, deletes: bool
    ) -> None:
        self._wire = wire
        self._stream = stream
        self._group = group
        self._layout = layout
        self._claim_seconds = claim_seconds
        self._deletes = deletes
        self._consumer = f"{_PREFIX}{socket.gethostname()}-{secrets.token_hex(4)}"
        self._is_ready = False
        self._look_at = 0.0  # when to look next for what others left behind
        self._outstanding: set[str] = set()

    def receive(self, limit: int, patience: float) -> list[Received]:
        """Up to `limit` messages; waits `patience` seconds for the first."""
        deadline = time.monotonic() + patience
        with self._guarded() as client:
            self._prepare(client)
            found = self._left_behind(client, limit)
            while not found:
                left = max(deadline - time.monotonic(), 0.0)
                found = self._new(client, limit, min(left, self._wire.timeout / 2))
                if time.monotonic() >= deadline:
                    break
        self._outstanding.update(received.position for received in found)
        return found

    def settle(self, received: Sequence[Received]) -> None:
        """Acknowledge; dead letters are deleted as well."""
        ids = self._ids(received)
        if not ids:
            return
        with self._guarded() as client, client.pipeline(transaction=True) as pipe:
            pipe.xack(self._stream, self._group, *ids)
            if self._deletes:
                pipe.xdel(self._stream, *ids)
            pipe.execute()
        self._outstanding.difference_update(ids)

    def release(self, received: Sequence[Received]) -> None:
        """Let whoever looks next take them over."""
        ids = self._ids(received)
        if not ids:
            return
        with self._guarded() as client:
            self._make_claimable(client, ids)
        self._outstanding.difference_update(ids)
        self._look_at = 0.0

    def close(self) -> None:
        """Leave what was not settled to others, and the group."""
        with suppress(RedisError, OSError):
            if self._outstanding:
                self._make_claimable(self._wire.client, sorted(self._outstanding))
            elif self._is_ready and not self._holds_anything():
                # Removing a consumer forgets what it holds.
                self._wire.client.xgroup_delconsumer(self._stream, self._group, self._consumer)
        self._outstanding.clear()
        self._is_ready = False
        self._wire.close()

    def _guarded(self) -> Any:
        return self._wire.guarded()

    def _prepare(self, client: Any) -> None:
        if self._is_ready:
            return
        try:
            client.xgroup_create(self._stream, self._group, id="0", mkstream=True)
        except ResponseError as exc:
            if not str(exc).startswith("BUSYGROUP"):
                raise
        for consumer in client.xinfo_consumers(self._stream, self._group):
            is_ours = consumer["name"].startswith(_PREFIX.encode())
            if is_ours and not consumer["pending"] and consumer["idle"] > _FORGOTTEN_MS:
                client.xgroup_delconsumer(self._stream, self._group, consumer["name"])
        self._is_ready = True
        self._look_at = 0.0

    def _new(self, client: Any, limit: int, seconds: float) -> list[Received]:
        block = int(seconds * 1000) or None  # 0 would be for ever
        try:
            answer = client.xreadgroup(self._group, self._consumer, {self._stream: ">"}, limit, block)
        except ResponseError as exc:
            if str(exc).startswith(("NOGROUP", "UNBLOCKED")):  # the stream was deleted meanwhile
                self._is_ready = False
            raise
        return [self._received(*entry, deliveries=1) for _, entries in answer or () for entry in entries]

    def _left_behind(self, client: Any, limit: int) -> list[Received]:
        """What was released, and what a consumer took that has died since."""
        now = time.monotonic()
        if now < self._look_at:
            return []
        idle_ms = int(self._claim_seconds * 1000)
        _, entries, *_ = client.xautoclaim(
            self._stream, self._group, self._consumer, idle_ms, count=limit
        )
        if not entries:
            self._look_at = now + self._claim_seconds / _LOOKS_IN_A_CLAIM_TIME
            return []
        entries = [entry for entry in entries if entry[0] is not None and entry[1] is not None]
        times = self._times_delivered(client, entries)
        return [self._received(*entry, deliveries=times.get(entry[0], 0)) for entry in entries]

    def _times_delivered(self, client: Any, entries: Sequence[Any]) -> dict[bytes, int]:
        if not entries:
            return {}
        first, last = entries[0][0], entries[-1][0]
        held = client.xpending_range(
            self._stream, self._group, first, last, len(entries), consumername=self._consumer
        )
        return {one["message_id"]: one["times_delivered"] for one in held}

    def _received(self, entry_id: bytes, fields: Any, *, deliveries: int) -> Received:
        message = self._layout.message_of(fields)
        position = entry_id.decode()
        failure = read_failure(message.headers, message.body)
        return Received(
            message,
            self._stream,
            position,
            failure.origin,
            deaths_in(failure),
            deliveries=deliveries,
            sent_us=int(position.partition("-")[0]) * 1000,
            error_class=failure.error_class,
            error_message=failure.error_message,
            error_place=failure.error_place,
        )

    def _ids(self, received: Sequence[Received]) -> list[str]:
        ids = [one.position for one in received]
        if not self._outstanding.issuperset(ids):
            raise ConnectionLost(f"{self._wire.name}: the connection was lost, and will hand them out again")
        return ids

    def _make_claimable(self, client: Any, ids: Sequence[str]) -> None:
        client.xclaim(self._stream, self._group, self._consumer, 0, list(ids), idle=_LONG_AGO_MS, justid=True)

    def _holds_anything(self) -> bool:
        return bool(
            self._wire.client.xpending_range(self._stream, self._group, *_ALL, 1, consumername=self._consumer)
        )
