"""Redis Streams. docs/reference/connections.md says how a message is laid out in the fields of an entry."""

from __future__ import annotations

from contextlib import closing

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from collectors.brokers.connections import BadTable, BrokerTable, Kind, Positive
from collectors.brokers.protocol import Gauge, Source, Target
from collectors.brokers.redis_streams.entries import Layout
from collectors.brokers.redis_streams.gauge import RedisGauge
from collectors.brokers.redis_streams.source import RedisSource
from collectors.brokers.redis_streams.target import RedisTarget
from collectors.brokers.redis_streams.wire import Wire
from collectors.brokers.secrets import Secret


class RedisTable(BrokerTable, frozen=True, kw_only=True):
    """The keys of a connection to Redis."""

    url: Secret
    group: str = "controltower"
    body_field: str = "body"
    claim_seconds: Positive = 60.0  # what another consumer has held for longer is taken over


class RedisConnection:
    """A declared Redis."""

    kind = "redis"

    def __init__(self, name: str, table: RedisTable) -> None:
        self.name = name
        self._table = table
        self._layout = Layout(table.body_field)
        self._wire()  # finds out what is wrong with the address

    def source(self, place: str) -> Source:
        """Take entries from a stream; those of a stream of dead letters are deleted when they are settled."""
        table = self._table
        return RedisSource(
            self._wire(),
            place,
            table.group,
            self._layout,
            claim_seconds=table.claim_seconds,
            deletes=any(place == letters.place for letters in table.letters),
        )

    def target(self) -> Target:
        """Add entries to streams that exist."""
        return RedisTarget(self._wire(), self._layout)

    def gauge(self) -> Gauge:
        """Read streams and their groups."""
        return RedisGauge(self._wire(), self._table.samples)

    def check(self) -> None:
        """Ping it."""
        with closing(self._wire()) as wire, wire.guarded() as client:
            client.ping()

    def _wire(self) -> Wire:
        table = self._table
        try:
            client = Redis.from_url(
                table.url.reveal(),
                protocol=2,  # the shape of answers depends on it
                socket_timeout=table.timeout_seconds,
                socket_connect_timeout=table.timeout_seconds,
                # Sending a command again whose answer was lost would do its work twice.
                retry=Retry(NoBackoff(), 0),
                retry_on_timeout=False,
                client_name="control-tower",
            )
        except (ValueError, RedisError):
            raise BadTable("url", "an address such as redis://:${PASSWORD}@host:6379/0") from None
        return Wire(self.name, client, table.timeout_seconds, table.url)


KIND = Kind(RedisTable, RedisConnection)
