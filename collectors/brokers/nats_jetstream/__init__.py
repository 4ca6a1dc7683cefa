"""NATS JetStream. docs/reference/connections.md says what a place is, and how dead letters are found."""

from __future__ import annotations

import asyncio
from contextlib import closing
from functools import partial
from urllib.parse import urlsplit

from collectors.brokers.connections import BadTable, BrokerTable, Kind, Positive
from collectors.brokers.nats_jetstream.gauge import NatsGauge
from collectors.brokers.nats_jetstream.link import Link
from collectors.brokers.nats_jetstream.source import NatsSource
from collectors.brokers.nats_jetstream.target import NatsTarget
from collectors.brokers.protocol import Gauge, Source, Target
from collectors.brokers.secrets import Secret

_SCHEMES = frozenset(("nats", "tls", "ws", "wss"))


class NatsTable(BrokerTable, frozen=True, kw_only=True):
    """The keys of a connection to NATS."""

    url: Secret  # of one server, or of several with commas in between
    group: str = "controltower"
    ack_wait_seconds: Positive = 60.0  # what was not settled after this is handed out again


class NatsConnection:
    """A declared NATS with JetStream."""

    kind = "nats"

    def __init__(self, name: str, table: NatsTable) -> None:
        self.name = name
        self._table = table
        if not all(_is_address(url) for url in table.url.reveal().split(",")):
            raise BadTable("url", "an address such as nats://user:${PASSWORD}@host:4222")

    def source(self, place: str) -> Source:
        """Take messages of a subject, or the messages that advisories of a subject tell of."""
        return NatsSource(self._link(), place, self._table.group, self._table.ack_wait_seconds)

    def target(self) -> Target:
        """Publish to subjects that a stream keeps."""
        return NatsTarget(self._link())

    def gauge(self) -> Gauge:
        """Read streams and their consumers."""
        return NatsGauge(self._link(), self._table.samples)

    def check(self) -> None:
        """Open a connection."""
        with closing(self._link()) as link:
            link.opened(partial(asyncio.sleep, 0))

    def _link(self) -> Link:
        return Link(self.name, self._table.url, self._table.timeout_seconds)


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url.strip())
        return parts.scheme in _SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


KIND = Kind(NatsTable, NatsConnection)
