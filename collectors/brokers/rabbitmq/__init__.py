"""RabbitMQ: queues over AMQP 0-9-1. docs/reference/connections.md says what a place and a position are."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import pika

from collectors.brokers.connections import BadTable, BrokerTable, Kind
from collectors.brokers.protocol import Gauge, Source, Target
from collectors.brokers.rabbitmq.link import Link
from collectors.brokers.rabbitmq.management import ManagementGauge
from collectors.brokers.rabbitmq.passive import PassiveGauge
from collectors.brokers.rabbitmq.source import RabbitSource
from collectors.brokers.rabbitmq.target import RabbitTarget
from collectors.brokers.secrets import Secret


class RabbitTable(BrokerTable, frozen=True, kw_only=True):
    """The keys of a connection to RabbitMQ."""

    url: Secret
    management: Secret = Secret("")  # the address of the management plugin's HTTP API
    prefetch: int = 1000  # messages that a consumer holds unsettled, at most


class RabbitConnection:
    """A declared RabbitMQ."""

    kind = "rabbitmq"

    def __init__(self, name: str, table: RabbitTable) -> None:
        self.name = name
        self._table = table
        self._parameters = _parameters(table)

    def source(self, place: str) -> Source:
        """Take messages from a queue."""
        return RabbitSource(self._link(), place, self._table.prefetch)

    def target(self) -> Target:
        """Send messages to queues (``orders``) and exchanges (``orders.events>order.created``)."""
        return RabbitTarget(self._link())

    def gauge(self) -> Gauge:
        """Read queues: by the management API where there is one, else what AMQP says."""
        table = self._table
        if table.management:
            return ManagementGauge(
                self.name, table.management, table.url, table.samples, table.timeout_seconds
            )
        return PassiveGauge(self._link(), self.name, table.samples)

    def check(self) -> None:
        """Open a channel; ask the management API as well where there is one."""
        with closing(self._link()) as link:
            link.opened(lambda channel: None)
        if self._table.management:
            self.gauge().read(0)

    def _link(self) -> Link:
        table = self._table
        return Link(self.name, self._parameters, table.timeout_seconds, (table.url, table.management))


def _parameters(table: RabbitTable) -> Any:
    expected = "an address such as amqp://user:${PASSWORD}@host:5672/%2F"
    if not table.url.reveal().startswith(("amqp://", "amqps://")):
        raise BadTable("url", expected)
    try:
        parameters = pika.URLParameters(table.url.reveal())
    except Exception:  # noqa: BLE001 - whatever the library makes of it; its message could quote the password
        raise BadTable("url", expected) from None
    parameters.connection_attempts = 1
    parameters.socket_timeout = parameters.stack_timeout = table.timeout_seconds
    parameters.client_properties = {"connection_name": "control tower"}
    return parameters


KIND = Kind(RabbitTable, RabbitConnection)
