"""Sending messages with delivery reports, many under way at once."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from functools import partial

from confluent_kafka import KafkaError, KafkaException, Producer

from collectors.brokers.kafka.clients import Clients, error_in, is_missing_topic
from collectors.brokers.kafka.messages import record_of
from controltower.domain.messages import CONFIRMED, REFUSED, UNAVAILABLE, Outgoing, Sent

_POLL_SECONDS = 0.1
_BETWEEN_POLLS = 100  # messages
# Sending the same once more gives the same answer.
_FOR_GOOD = frozenset(
    (
        KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC, KafkaError._UNKNOWN_PARTITION,
        KafkaError.TOPIC_EXCEPTION, KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.MSG_SIZE_TOO_LARGE,
        KafkaError.RECORD_LIST_TOO_LARGE, KafkaError.INVALID_MSG_SIZE, KafkaError.INVALID_RECORD,
        KafkaError.INVALID_TIMESTAMP, KafkaError.POLICY_VIOLATION, KafkaError.UNSUPPORTED_FOR_MESSAGE_FORMAT,
        KafkaError._INVALID_ARG,
    )
)  # fmt: skip


class KafkaTarget:
    """An idempotent producer: within a partition messages arrive in order, and each once."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._producer: Producer | None = None
        self._known: set[str] = set()  # topics that exist
        self._trouble = ""  # what the client said last of its connections

    def send(self, messages: Sequence[Outgoing]) -> list[Sent]:
        """Send them in order and wait for the reports."""
        outcomes: list[Sent | None] = [None] * len(messages)
        try:
            self._send_all(messages, outcomes)
        except (KafkaException, RuntimeError) as exc:
            self._start_anew()
            lost = Sent(UNAVAILABLE, self._trouble or self._clients.tell(exc))
            return [outcome or lost for outcome in outcomes]
        return [outcome or self._unconfirmed() for outcome in outcomes]

    def close(self) -> None:
        """Hang up."""
        self._start_anew()

    def _send_all(self, messages: Sequence[Outgoing], outcomes: list[Sent | None]) -> None:
        if not messages:
            return
        producer = self._opened()
        refused = self._missing(producer, {one.place for one in messages})
        for index, one in enumerate(messages):
            outcomes[index] = refused.get(one.place) or self._produce(producer, one, outcomes, index)
            if index % _BETWEEN_POLLS == 0:
                producer.poll(0)
        self._wait(producer, outcomes)

    def _opened(self) -> Producer:
        if self._producer is None:
            self._trouble = ""
            self._producer = self._clients.producer(self._heard)
        return self._producer

    def _missing(self, producer: Producer, topics: set[str]) -> dict[str, Sent]:
        """Which topics take nothing: the client would wait long for one that does not exist."""
        refused = {}
        for topic in sorted(topics - self._known):
            error = _error_of(producer, topic, self._clients.timeout)
            if error is None:
                self._known.add(topic)
            elif error.code() in _FOR_GOOD:
                refused[topic] = Sent(REFUSED, f"{topic}: {self._clients.tell(error)}")
            else:
                raise KafkaException(error)
        return refused

    def _produce(
        self, producer: Producer, one: Outgoing, outcomes: list[Sent | None], index: int
    ) -> Sent | None:
        until = time.monotonic() + self._clients.timeout
        record = record_of(one.message)
        while True:
            try:
                producer.produce(one.place, **record, on_delivery=partial(self._reported, outcomes, index))
                return None
            except BufferError:  # too many under way: let some arrive
                if time.monotonic() > until:
                    return self._unconfirmed()
                producer.poll(_POLL_SECONDS)
            except KafkaException as exc:
                return self._failed(error_in(exc))

    def _wait(self, producer: Producer, outcomes: list[Sent | None]) -> None:
        """The client reports every message within the timeout; the time on top is for its last breath."""
        until = time.monotonic() + self._clients.timeout + 5
        while None in outcomes and time.monotonic() < until:
            producer.poll(_POLL_SECONDS)

    def _reported(
        self, outcomes: list[Sent | None], index: int, error: KafkaError | None, _record: object
    ) -> None:
        outcomes[index] = Sent(CONFIRMED) if error is None else self._failed(error)

    def _failed(self, error: KafkaError) -> Sent:
        if is_missing_topic(error):
            self._known.clear()  # one was deleted
        if error.code() in _FOR_GOOD:
            return Sent(REFUSED, self._clients.tell(error))
        return Sent(UNAVAILABLE, self._trouble or self._clients.tell(error))

    def _unconfirmed(self) -> Sent:
        return Sent(UNAVAILABLE, self._trouble or "no confirmation in time; it may have arrived")

    def _heard(self, error: KafkaError) -> None:
        self._trouble = self._clients.tell(error)
        if error.fatal():
            self._known.clear()

    def _start_anew(self) -> None:
        producer, self._producer = self._producer, None
        self._known.clear()
        if producer:
            with suppress(KafkaException, RuntimeError):
                producer.purge()
                producer.flush(0)


def _error_of(producer: Producer, topic: str, timeout: float) -> KafkaError | None:
    try:
        error: KafkaError | None = producer.list_topics(topic, timeout=timeout).topics[topic].error
        return error
    except KafkaException as exc:
        return error_in(exc)
