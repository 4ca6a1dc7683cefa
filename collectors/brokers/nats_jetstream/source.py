"""Taking messages of a subject, as a durable pull consumer."""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Sequence
from hashlib import blake2b
from typing import NamedTuple

import msgspec
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig
from nats.js.errors import NotFoundError

from collectors.brokers.failures import deaths_in, read_failure
from collectors.brokers.nats_jetstream.advisories import reason_of, told_of
from collectors.brokers.nats_jetstream.link import Link
from collectors.brokers.nats_jetstream.messages import message_of
from collectors.brokers.protocol import ConnectionLost
from controltower.domain.messages import Received
from controltower.domain.times import to_us

_MOST_OUTSTANDING = 10_000
_GRACE_SECONDS = 0.05  # for an answer that is under way when its request expires
_ENDS = frozenset(("404", "408"))  # nothing there, or nothing more
_WITHOUT_WAITING = 2.0


class _Handle(NamedTuple):
    client: Client
    reply: str


class NatsSource:
    """A consumer; the server keeps how far it came under a name made of the group and the subject."""

    def __init__(self, link: Link, subject: str, group: str, ack_wait: float) -> None:
        self._link = link
        self._subject = subject
        self._ack_wait = ack_wait
        self._durable = _durable_name(group, subject)
        self._stream = ""
        self._inbox = ""
        self._arrived: deque[Msg] = deque()
        self._ends = 0  # how many requests the server is done with
        self._status = ""
        self._news = asyncio.Event()
        self._outstanding: dict[str, None] = {}  # their addresses for answers

    def receive(self, limit: int, patience: float) -> list[Received]:
        """Up to `limit` messages; waits `patience` seconds for the first."""
        self._link.opened(self._prepare)
        return self._link.run(self._receive(limit, patience))

    def settle(self, received: Sequence[Received]) -> None:
        """Acknowledge, and wait until the server has read that."""
        self._answer(received, b"+ACK")

    def release(self, received: Sequence[Received]) -> None:
        """Give them back, to come again at once."""
        self._answer(received, b"-NAK")

    def close(self) -> None:
        """Hang up; what was not settled is given back."""
        if self._outstanding and self._link.is_open:
            try:
                self._link.run(self._say(list(self._outstanding), b"-NAK"))
            except ConnectionLost:
                pass  # it comes again once the server has waited long enough
        self._link.close()

    async def _prepare(self) -> None:
        self._arrived.clear()
        self._outstanding.clear()
        self._news = asyncio.Event()
        stream = self._link.jetstream
        self._stream = await stream.find_stream_name_by_subject(self._subject)
        config = ConsumerConfig(
            name=self._durable,
            durable_name=self._durable,
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=self._ack_wait,
            max_ack_pending=_MOST_OUTSTANDING,
            filter_subject=self._subject,
        )
        try:
            await stream.consumer_info(self._stream, self._durable)
        except NotFoundError:
            await stream.add_consumer(self._stream, config)
        self._inbox = self._link.client.new_inbox()
        await self._link.client.subscribe(self._inbox, cb=self._take_over)

    async def _take_over(self, msg: Msg) -> None:
        status = (msg.headers or {}).get("Status")
        if status is None:
            self._arrived.append(msg)
        else:
            self._status = status
            self._ends += 1
        self._news.set()

    async def _receive(self, limit: int, patience: float) -> list[Received]:
        if not self._arrived:
            await self._ask(limit, 0.0)
        if not self._arrived and patience > 0:
            # For one: those of a longer request would come while nobody listens.
            await self._ask(1, patience)
            if self._arrived and limit > 1:
                await self._ask(limit - 1, 0.0)
        taken = [self._arrived.popleft() for _ in range(min(limit, len(self._arrived)))]
        return [await self._received(msg) for msg in taken]

    async def _ask(self, limit: int, patience: float) -> None:
        """Request messages, and wait until they are there or the server has no more."""
        request: dict[str, object] = {"batch": limit}
        if patience:
            request["expires"] = int(patience * 1e9)
        else:
            request["no_wait"] = True
        ends, wanted = self._ends, len(self._arrived) + limit
        await self._link.client.publish(
            f"$JS.API.CONSUMER.MSG.NEXT.{self._stream}.{self._durable}",
            msgspec.json.encode(request),
            reply=self._inbox,
        )
        loop = asyncio.get_running_loop()
        deadline = loop.time() + (patience + _GRACE_SECONDS if patience else _WITHOUT_WAITING)
        while len(self._arrived) < wanted and self._ends == ends:
            self._news.clear()
            try:
                await asyncio.wait_for(self._news.wait(), max(deadline - loop.time(), 0.001))
            except TimeoutError:
                if not patience and self._link.client.is_closed:
                    raise self._link.lost("the connection was closed") from None
                break
        if self._ends != ends and self._status not in _ENDS:
            raise self._link.lost(f"the consumer {self._durable} answers {self._status}")

    async def _received(self, msg: Msg) -> Received:
        about = msg.metadata
        message = message_of(msg.headers, msg.data)
        failure = read_failure(message.headers, message.body)
        self._outstanding[msg.reply] = None
        received = Received(
            message,
            self._subject,
            f"{about.stream}:{about.sequence.stream}",
            failure.origin,
            deaths_in(failure),
            deliveries=about.num_delivered or 0,
            sent_us=to_us(about.timestamp),
            error_class=failure.error_class,
            error_message=failure.error_message,
            error_place=failure.error_place,
            handle=_Handle(self._link.client, msg.reply),
        )
        if not reason_of(msg.subject):
            return received
        return await told_of(received, msg.subject, self._link.jetstream)

    def _answer(self, received: Sequence[Received], answer: bytes) -> None:
        handles = [one.handle for one in received if isinstance(one.handle, _Handle)]
        if not handles:
            return
        if not self._link.is_open or any(handle.client is not self._link.client for handle in handles):
            raise self._link.lost("the connection was lost, and will hand them out again")
        self._link.run(self._say([handle.reply for handle in handles], answer))
        for handle in handles:
            self._outstanding.pop(handle.reply, None)

    async def _say(self, replies: Sequence[str], answer: bytes) -> None:
        client = self._link.client
        for reply in replies:
            await client.publish(reply, answer)
        # The server answers in order: then it has read all before.
        await client.flush(max(int(self._link.timeout), 1))


def _durable_name(group: str, subject: str) -> str:
    """Names of consumers have no dots, stars and blanks; subjects consist of them."""
    digest = blake2b(subject.encode(), digest_size=4).hexdigest()
    return f"{_plain(group)}-{_plain(subject)}-{digest}"


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "_", name)


