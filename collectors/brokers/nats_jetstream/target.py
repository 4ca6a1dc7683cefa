"""Publishing to subjects that a stream keeps, many under way at once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import nats.errors
from nats.js.errors import APIError, NoStreamResponseError, ServerError, ServiceUnavailableError

from collectors.brokers.nats_jetstream.link import FAILURES, Link
from collectors.brokers.nats_jetstream.messages import headers_of
from collectors.brokers.protocol import ConnectionLost
from controltower.domain.messages import CONFIRMED, REFUSED, UNAVAILABLE, Outgoing, Sent

_REFUSED_HERE = (
    nats.errors.BadSubjectError, nats.errors.BadHeaderError, nats.errors.MaxPayloadError, ValueError,
)  # fmt: skip
_FULL = (10077, 10122, 10023)  # a limit on messages, on bytes, or on resources


class NatsTarget:
    """Waits for the stream's word on each message; what it has seen under the same idempotency key is
    confirmed and not kept twice.
    """

    def __init__(self, link: Link) -> None:
        self._link = link
        self._stream: Any = None

    def send(self, messages: Sequence[Outgoing]) -> list[Sent]:
        """Send them in order; one outcome for each."""
        if not messages:
            return []
        try:
            self._link.opened(self._prepare)
            return self._link.run(self._send(messages))
        except ConnectionLost as exc:
            return [Sent(UNAVAILABLE, str(exc))] * len(messages)

    def close(self) -> None:
        """Hang up."""
        self._link.close()

    async def _prepare(self) -> None:
        self._stream = self._link.jetstream

    async def _send(self, messages: Sequence[Outgoing]) -> list[Sent]:
        answers = [await self._publish(outgoing) for outgoing in messages]
        waiting = {answer for answer in answers if isinstance(answer, asyncio.Future)}
        while waiting:
            # In turns, to notice soon that nobody is there any more.
            done, waiting = await asyncio.wait(waiting, timeout=self._link.timeout)
            if not done:
                break
        return [self._outcome(answer) for answer in answers]

    async def _publish(self, outgoing: Outgoing) -> asyncio.Future[Any] | Sent:
        message = outgoing.message
        try:
            return await self._stream.publish_async(  # type: ignore[no-any-return]
                outgoing.place, message.body, wait_stall=self._link.timeout, headers=headers_of(message)
            )
        except _REFUSED_HERE as exc:
            return Sent(REFUSED, f"NATS cannot carry it: {exc}")
        except FAILURES as exc:
            return Sent(UNAVAILABLE, str(self._link.lost(exc)))

    def _outcome(self, answer: asyncio.Future[Any] | Sent) -> Sent:
        if isinstance(answer, Sent):
            return answer
        if not answer.done():
            answer.cancel()
            return Sent(UNAVAILABLE, str(self._link.lost("no confirmation in time")))
        error = answer.exception()
        if error is None:
            return Sent(CONFIRMED, "was there already" if answer.result().duplicate else "")
        if isinstance(error, NoStreamResponseError):
            return Sent(REFUSED, "no stream keeps this subject")
        return Sent(UNAVAILABLE if _may_pass(error) else REFUSED, str(self._link.lost(error)))


def _may_pass(error: BaseException) -> bool:
    if isinstance(error, ServiceUnavailableError | ServerError):
        return True
    return not isinstance(error, APIError) or error.err_code in _FULL
