"""The middleware on a real RabbitMQ: what it gives up on lies in a queue of dead letters, and replays come
back to the queue that they died in.

Like many consumers it republishes a message that it gives up on, with the reason in headers, and then
acknowledges the original.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import Any

import pika
from pika.exceptions import AMQPError

from controltower.demo.replays import Consumer

log = logging.getLogger("controltower.demo")

_TURN = 0.1  # seconds between looks at what is to be published
_PAUSE = 2.0  # before connecting again


def dead_queue_of(queue: str) -> str:
    """Where the letters of a queue lie."""
    return f"{queue}.dead"


class RabbitMiddleware:
    """One thread that publishes letters and consumes replays. Nothing that is put in is dropped."""

    def __init__(self, url: str, queue: str) -> None:
        self._url = url
        self._queue = queue
        self._waiting: SimpleQueue[Mapping[str, Any]] = SimpleQueue()
        self._in_hand: Mapping[str, Any] | None = None
        self._stop = Event()
        self._consumer: Consumer | None = None
        self._thread = Thread(target=self._run, name="demo-rabbit", daemon=True)
        self.accepted = 0

    @property
    def unsent(self) -> int:
        """Letters that are not in the queue yet."""
        return self._waiting.qsize() + (self._in_hand is not None)

    def start(self, consumer: Consumer) -> None:
        """Publish what is put in, and hand replays to `consumer`."""
        self._consumer = consumer
        self._thread.start()

    def put(self, document: Mapping[str, Any]) -> None:
        """Give a message up; `document` is what the middleware would post to the tower."""
        self._waiting.put(document)

    def close(self, patience: float) -> None:
        """Publish what waits, for at most `patience` seconds."""
        self._stop.set()
        self._thread.join(patience)

    def _run(self) -> None:
        while not (self._stop.is_set() and not self.unsent):
            try:
                self._work()
            except AMQPError as exc:
                log.warning("RabbitMQ was lost (%s); trying again", type(exc).__name__)
                if self._stop.wait(_PAUSE):
                    return

    def _work(self) -> None:
        connection = pika.BlockingConnection(pika.URLParameters(self._url))
        channel = connection.channel()
        channel.confirm_delivery()
        for queue in (self._queue, dead_queue_of(self._queue)):
            channel.queue_declare(queue, durable=True)
        channel.basic_consume(self._queue, self._take)
        while not (self._stop.is_set() and not self.unsent):
            self._publish_all(channel)
            connection.process_data_events(time_limit=_TURN)
        connection.close()

    def _take(self, channel: Any, method: Any, properties: Any, body: bytes) -> None:
        assert self._consumer is not None
        headers = {str(name).lower(): str(value) for name, value in (properties.headers or {}).items()}
        answer = self._consumer.take(headers, body)
        if answer.status >= 400:
            log.warning("A message was not taken: %s", answer.words)
        channel.basic_ack(method.delivery_tag)

    def _publish_all(self, channel: Any) -> None:
        while self._next() is not None:
            self._publish(channel, self._in_hand or {})
            self._in_hand = None
            self.accepted += 1

    def _next(self) -> Mapping[str, Any] | None:
        """The letter to publish now: the one that did not get through before comes first."""
        if self._in_hand is None:
            try:
                self._in_hand = self._waiting.get_nowait()
            except Empty:
                return None
        return self._in_hand

    def _publish(self, channel: Any, document: Mapping[str, Any]) -> None:
        error = document["error"]
        headers = {
            **document["headers"],
            "x-error-class": error["class"],
            "x-error-code": error["code"],
            "x-error-message": error["message"],
            "x-error-stacktrace": error["stack"],
            "x-original-queue": self._queue,
            "x-failed-at": document["failed_at"],
        }
        properties = pika.BasicProperties(  # type: ignore[no-untyped-call]
            content_type=document["content_type"],
            delivery_mode=2,
            message_id=document["message_id"],
            correlation_id=document["correlation_id"],
            headers=headers,
        )
        channel.basic_publish("", dead_queue_of(self._queue), document["body"].encode(), properties)
