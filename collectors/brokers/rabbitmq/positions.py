"""What tells messages of a queue apart: RabbitMQ gives them no lasting number."""

from __future__ import annotations

from collections import OrderedDict
from hashlib import blake2b
from typing import Any

from collectors.brokers.headers import text_of

_REMEMBERED = 50_000
_NOT_ITS_OWN = "x-delivery-count"  # changes when it is handed out again


class Positions:
    """Gives each message of one channel a position: a digest of all that it is, and its number among equals.

    Numbers of settled messages are not used again as long as the channel lives: what comes then is another
    message. One that is handed out again gets the number that is free, which is its own or that of an equal
    one. On a new channel numbers begin anew, because what was not settled on the old one comes again.
    """

    def __init__(self) -> None:
        self._used: OrderedDict[str, set[int]] = OrderedDict()

    def take(self, digest: str) -> str:
        """The position of a message that was handed out."""
        used = self._used.setdefault(digest, set())
        self._used.move_to_end(digest)
        number = next(n for n in range(len(used) + 1) if n not in used)
        used.add(number)
        if len(self._used) > _REMEMBERED:
            self._used.popitem(last=False)
        return f"{digest}.{number}"

    def give_back(self, position: str) -> None:
        """It was released: its number is free."""
        digest, _, number = position.rpartition(".")
        self._used.get(digest, set()).discard(int(number))


def digest_of(method: Any, properties: Any, body: bytes) -> str:
    """A digest over a message and where it was published; x-death, with its times, is part of it."""
    headers = sorted(
        (name, text_of(value)) for name, value in (properties.headers or {}).items() if name != _NOT_ITS_OWN
    )
    rest = (properties.message_id, properties.timestamp, properties.correlation_id, properties.content_type)
    digest = blake2b(repr((method.exchange, method.routing_key, headers, rest)).encode(), digest_size=16)
    digest.update(body)
    return digest.hexdigest()
