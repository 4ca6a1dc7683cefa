"""The clients of one connection, and what their errors mean."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient

from collectors.brokers.connections import BadTable
from collectors.brokers.protocol import ConnectionLost
from collectors.brokers.secrets import Secret, hide

_log = logging.getLogger(__name__)
_MISSING_TOPIC = (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC)
_CONSUMING = {
    "enable.auto.commit": "false",
    "auto.offset.reset": "earliest",
    # A consumer that comes or goes takes over some partitions; the others go on.
    "partition.assignment.strategy": "cooperative-sticky",
}
_SENDING = {
    "acks": "all",
    "enable.idempotence": "true",
    "linger.ms": "5",
    # As Java's clients choose it: what has the same key goes where the original sender puts it.
    "partitioner": "murmur2_random",
}


class Clients:
    """Makes clients of one cluster. Their words pass through here, so that none holds a credential."""

    def __init__(
        self, name: str, properties: Mapping[str, str], timeout: float, secrets: Sequence[Secret]
    ) -> None:
        self.name = name
        self.timeout = timeout
        self._properties = {"client.id": "controltower", **properties}
        self._secrets = secrets

    def consumer(self, group: str, on_error: Callable[[KafkaError], None]) -> Consumer:
        """A member of a consumer group; it is not subscribed to anything."""
        return Consumer(
            {**self._common(on_error), **_CONSUMING, **self._properties, "group.id": group}, logger=_log
        )

    def producer(self, on_error: Callable[[KafkaError], None]) -> Producer:
        """A producer whose messages are confirmed, or have failed, within the timeout."""
        within = {"message.timeout.ms": str(round(self.timeout * 1000))}
        return Producer({**self._common(on_error), **_SENDING, **within, **self._properties}, logger=_log)

    def admin(self) -> AdminClient:
        """Reads topics and groups."""
        return AdminClient({**self._common(lambda _: None), **self._properties}, logger=_log)

    def check(self) -> None:
        """Raise BadTable for properties that the library does not take. It connects to nobody."""
        alone = {name: value for name, value in self._properties.items() if name != "bootstrap.servers"}
        try:
            AdminClient({**self._common(lambda _: None), **alone, "log_level": 0})
        except KafkaException as exc:
            raise BadTable("options", f"properties that librdkafka takes; {self.tell(exc)}") from None

    def tell(self, error: KafkaError | Exception) -> str:
        """An error in words."""
        if isinstance(error, KafkaException):
            error = error_in(error)
        words = error.str() if isinstance(error, KafkaError) else str(error)
        return hide(words, *self._secrets)

    def lost(self, error: KafkaError | Exception | str) -> ConnectionLost:
        """The error of a source or a gauge."""
        return ConnectionLost(f"{self.name}: {error if isinstance(error, str) else self.tell(error)}")

    @contextmanager
    def losses(self) -> Iterator[None]:
        """What goes wrong inside is a ConnectionLost."""
        try:
            yield
        except (KafkaException, RuntimeError) as exc:  # a client that is closed raises RuntimeError
            raise self.lost(exc) from None

    def _common(self, on_error: Callable[[KafkaError], None]) -> dict[str, Any]:
        return {
            "error_cb": on_error,
            "socket.connection.setup.timeout.ms": str(max(1000, round(self.timeout * 1000))),
            "reconnect.backoff.max.ms": "5000",
            "allow.auto.create.topics": "false",
        }


def error_in(exception: KafkaException) -> KafkaError:
    """What an exception is about."""
    error: KafkaError = exception.args[0]
    return error


def is_missing_topic(error: KafkaError | None) -> bool:
    """Whether it says that there is no such topic."""
    return error is not None and error.code() in _MISSING_TOPIC
