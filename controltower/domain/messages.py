"""Messages as brokers and HTTP endpoints carry them, and what became of sending one."""

from __future__ import annotations

from typing import Literal, NamedTuple

Delivery = Literal["confirmed", "refused", "unavailable"]
CONFIRMED: Delivery = "confirmed"
"""The other side has taken responsibility for the message."""
REFUSED: Delivery = "refused"
"""The other side does not take this message; sending it again unchanged will not help."""
UNAVAILABLE: Delivery = "unavailable"
"""Nobody answered, or the answer was lost: the message may have arrived, or not."""

IDEMPOTENCY_KEY = "idempotency-key"
REPLAY_OF = "x-replay-of"
REPLAY_ATTEMPT = "x-replay-attempt"
CORRELATION_ID = "x-correlation-id"
TRACEPARENT = "traceparent"


class Message(NamedTuple):
    """A message as it travels."""

    body: bytes
    headers: tuple[tuple[str, str], ...] = ()  # as they came; a value that is no UTF-8 text as base64
    content_type: str = ""
    message_id: str = ""  # the sender's own, "" when it gave none
    key: str = ""  # partition or ordering key, "" for none

    def header(self, name: str) -> str:
        """The first value of a header, whatever the case of its name; "" when there is none."""
        wanted = name.casefold()
        return next((value for found, value in self.headers if found.casefold() == wanted), "")


class Death(NamedTuple):
    """A time that a system gave up on a message, or several alike."""

    place: str  # the queue, topic, subject or path where it died
    reason: str  # rejected, expired, maxlen, delivery_limit, an exception's class ...; "" when nobody says
    times: int = 1
    died_us: int = 0  # microseconds since the epoch; 0 when nobody says


class Received(NamedTuple):
    """A message taken from a broker, not settled yet."""

    message: Message
    place: str  # where it was taken from
    position: str  # tells it from every other message of its place, also when it is handed out again
    origin: str = ""  # the place where it was to be processed, from its headers; "" when they do not say
    deaths: tuple[Death, ...] = ()  # newest first
    deliveries: int = 0  # how often it was handed out; 0 when the broker does not say
    sent_us: int = 0  # when it was published; 0 when nobody says
    error_class: str = ""  # of what went wrong, from its headers
    error_message: str = ""
    error_place: str = ""  # the stack trace or the like, as it came
    handle: object = None  # what its broker needs to settle it


class Outgoing(NamedTuple):
    """A message to be sent; its headers already say what it replays."""

    message: Message
    place: str


class Sent(NamedTuple):
    """What became of an outgoing message."""

    delivery: Delivery
    detail: str = ""  # for a person: the status, or why not; never holds a credential
