"""Dead letters of JetStream: the server tells in an advisory that a consumer gave up on a message.

The message itself stays in its stream, under the number that the advisory names.
"""

from __future__ import annotations

from datetime import datetime

import msgspec
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from collectors.brokers.nats_jetstream.messages import message_of
from controltower.domain.messages import Death, Received
from controltower.domain.times import to_us

_GIVEN_UP = {
    "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.": "max_deliveries",
    "$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.": "terminated",
}


class _Advisory(msgspec.Struct):
    stream: str
    consumer: str
    stream_seq: int
    deliveries: int = 1
    timestamp: datetime | None = None
    reason: str = ""


def reason_of(subject: str) -> str:
    """Why a consumer gave up, when this is the subject of such an advisory; else ""."""
    return next((reason for prefix, reason in _GIVEN_UP.items() if subject.startswith(prefix)), "")


async def told_of(advisory: Received, subject: str, stream: JetStreamContext) -> Received:
    """What an advisory tells of, in place of it; the advisory itself when the message is gone, or it cannot
    be read. Raises what the client raises.
    """
    try:
        told = msgspec.json.decode(advisory.message.body, type=_Advisory)
    except msgspec.MsgspecError as exc:
        return advisory._replace(error_message=f"the advisory cannot be read: {exc}")
    died_us = to_us(told.timestamp) if told.timestamp else advisory.sent_us
    death = Death(f"{told.stream}/{told.consumer}", reason_of(subject), told.deliveries, died_us)
    dead = advisory._replace(deaths=(death,), error_message=told.reason)
    try:
        original = await stream.get_msg(told.stream, told.stream_seq)
    except NotFoundError:
        gone = f"the message is not in its stream any more: {told.stream}, number {told.stream_seq}"
        return dead._replace(error_message=gone)
    return dead._replace(
        message=message_of(original.headers, original.data or b""),
        origin=original.subject or "",
        sent_us=to_us(original.time) if original.time else 0,
    )
