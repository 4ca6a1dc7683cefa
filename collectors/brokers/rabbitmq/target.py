"""Sending messages with confirmations, many under way at once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from pika.exceptions import AMQPError
from pika.spec import Basic

from collectors.brokers.protocol import ConnectionLost
from collectors.brokers.rabbitmq.link import Link, RequestRefused
from collectors.brokers.rabbitmq.outcomes import Outcomes
from collectors.brokers.rabbitmq.places import exchange_and_key
from controltower.domain.messages import CONFIRMED, REFUSED, UNAVAILABLE, Outgoing, Sent

_UNDER_WAY = 500  # messages, before waiting for confirmations
_BETWEEN_LOOKS = 50


class RabbitTarget:
    """Publishes persistent messages; what no queue takes comes back and is REFUSED."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._outcomes = Outcomes(())
        self._published = 0  # on this channel; the delivery tag of its last message
        self._exchanges: set[str] = {""}  # that are known to exist

    def send(self, messages: Sequence[Outgoing]) -> list[Sent]:
        """Send them in order; one outcome for each."""
        outcomes = self._outcomes = Outcomes(messages)
        try:
            channel = self._link.opened(self._prepare)
            missing = self._missing({exchange_and_key(one.place)[0] for one in messages})
            for index, one in enumerate(messages):
                exchange, _ = exchange_and_key(one.place)
                if exchange in missing:
                    outcomes.conclude(index, Sent(REFUSED, missing[exchange]))
                else:
                    self._publish(channel, index)
                if index % _BETWEEN_LOOKS == 0:
                    self._wait(_UNDER_WAY)
            self._wait(0)
        except ConnectionLost as exc:
            outcomes.conclude_rest(Sent(UNAVAILABLE, str(exc)))
        return outcomes.all()

    def close(self) -> None:
        """Hang up."""
        self._link.close()

    def _prepare(self, channel: Any) -> None:
        self._published = 0
        self._exchanges = {""}
        channel.add_on_return_callback(self._came_back)
        self._link.ask(lambda answer: channel.confirm_delivery(self._confirmed, callback=answer))

    def _missing(self, exchanges: set[str]) -> dict[str, str]:
        """Which of them do not exist, with the broker's words: publishing there would end the channel."""
        missing = {}
        for exchange in sorted(exchanges - self._exchanges):
            try:
                self._link.ask_aside(partial(_look_for, exchange))
                self._exchanges.add(exchange)
            except RequestRefused as exc:
                missing[exchange] = str(exc)
        return missing

    def _publish(self, channel: Any, index: int) -> None:
        outgoing = self._outcomes.messages[index]
        exchange, key = exchange_and_key(outgoing.place)
        properties = self._outcomes.properties[index]
        try:
            channel.basic_publish(exchange, key, outgoing.message.body, properties, mandatory=True)
        except AMQPError as exc:
            if not channel.is_open:
                raise self._link.lost(exc) from None
            # Names and ids of more than 255 bytes do not fit into AMQP.
            self._outcomes.conclude(index, Sent(REFUSED, f"AMQP cannot carry it: {type(exc).__name__}"))
            return
        self._published += 1
        self._outcomes.await_tag(self._published, index)

    def _wait(self, most: int) -> None:
        """Wait until at most so many are unconfirmed, for as long as confirmations come."""
        outcomes = self._outcomes
        while (waiting := outcomes.waiting) > most:
            if not self._link.drive(partial(outcomes.has_fewer_than, waiting), self._link.timeout):
                raise self._link.lost("no confirmation in time")

    def _confirmed(self, frame: Any) -> None:
        method = frame.method
        sent = Sent(CONFIRMED)
        if isinstance(method, Basic.Nack):
            sent = Sent(UNAVAILABLE, "the broker could not take it; is its queue full?")
        self._outcomes.conclude_tag(method.delivery_tag, sent, multiple=method.multiple)

    def _came_back(self, _channel: Any, method: Any, properties: Any, body: bytes) -> None:
        refused = Sent(REFUSED, f"no queue takes it: {method.reply_code} {method.reply_text}")
        self._outcomes.conclude_returned(method.exchange, method.routing_key, properties, body, refused)


def _look_for(exchange: str, channel: Any, answer: Any) -> None:
    channel.exchange_declare(exchange, passive=True, callback=answer)
