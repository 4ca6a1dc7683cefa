"""Adding entries to streams, many in one round trip."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from redis.exceptions import (
    BusyLoadingError,
    ClusterDownError,
    MasterDownError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TryAgainError,
)

from collectors.brokers.redis_streams.entries import CannotCarry, Layout
from collectors.brokers.redis_streams.wire import Wire
from controltower.domain.messages import CONFIRMED, REFUSED, UNAVAILABLE, Outgoing, Sent

_IN_ONE_TRIP = 500
_PASSES = (
    BusyLoadingError, ClusterDownError, MasterDownError, OutOfMemoryError, ReadOnlyError, TryAgainError,
)  # fmt: skip


class RedisTarget:
    """A stream that does not exist is not made: its name would be a typing error."""

    def __init__(self, wire: Wire, layout: Layout) -> None:
        self._wire = wire
        self._layout = layout

    def send(self, messages: Sequence[Outgoing]) -> list[Sent]:
        """Send them in order; one outcome for each."""
        rest = iter(messages)
        sent: list[Sent] = []
        while chunk := list(islice(rest, _IN_ONE_TRIP)):
            sent += self._send(chunk)
        return sent

    def close(self) -> None:
        """Hang up."""
        self._wire.close()

    def _send(self, messages: Sequence[Outgoing]) -> Iterator[Sent]:
        laid_out = [self._laid_out(outgoing) for outgoing in messages]
        try:
            with self._wire.client.pipeline(transaction=False) as pipe:
                for outgoing, fields in zip(messages, laid_out, strict=True):
                    if not isinstance(fields, Sent):
                        pipe.xadd(outgoing.place, fields, nomkstream=True)
                answers = iter(pipe.execute(raise_on_error=False))
        except (RedisError, OSError) as exc:
            unavailable = Sent(UNAVAILABLE, str(self._wire.lost(exc)))
            return (fields if isinstance(fields, Sent) else unavailable for fields in laid_out)
        return (fields if isinstance(fields, Sent) else self._outcome(next(answers)) for fields in laid_out)

    def _laid_out(self, outgoing: Outgoing) -> dict[Any, Any] | Sent:
        try:
            return self._layout.fields_of(outgoing.message)
        except CannotCarry as exc:
            return Sent(REFUSED, str(exc))

    def _outcome(self, answer: Any) -> Sent:
        if answer is None:
            return Sent(REFUSED, "there is no such stream")
        if not isinstance(answer, Exception):
            return Sent(CONFIRMED, answer.decode())
        is_refused = isinstance(answer, ResponseError) and not isinstance(answer, _PASSES)
        return Sent(REFUSED if is_refused else UNAVAILABLE, str(self._wire.lost(answer)))
