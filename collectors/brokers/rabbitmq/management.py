"""Reading queues by the HTTP API of RabbitMQ's management plugin."""

from __future__ import annotations

import base64
import http.client
import urllib.request
from collections.abc import Iterator, Sequence
from urllib.error import HTTPError
from urllib.parse import quote, unquote, urlsplit

import msgspec

from collectors.brokers.protocol import ConnectionLost
from collectors.brokers.secrets import Secret, connection_lost
from controltower.domain.facts import QueueSample, short_name

_NOT_FOUND = 404


class _Rate(msgspec.Struct):
    rate: float = 0.0


class _Stats(msgspec.Struct):
    publish_details: _Rate = msgspec.field(default_factory=_Rate)
    deliver_get_details: _Rate = msgspec.field(default_factory=_Rate)


class _Queue(msgspec.Struct):
    messages: float | None = None
    messages_ready: float | None = None
    messages_unacknowledged: float | None = None
    consumers: float | None = None
    message_stats: _Stats | None = None
    head_message_timestamp: float | None = None  # seconds; None when messages carry no time


class ManagementGauge:
    """Reads each queue by one request; one that does not exist has no reading."""

    def __init__(
        self, system: str, management: Secret, url: Secret, queues: Sequence[str], timeout: float
    ) -> None:
        self._system = system
        self._queues = queues
        self._timeout = timeout
        self._secrets = (management, url)
        broker, address = urlsplit(url.reveal()), urlsplit(management.reveal())
        who = address if address.username else broker
        user, password = unquote(who.username or "guest"), unquote(who.password or "guest")
        self._authorization = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        host = address.netloc.rpartition("@")[2]
        vhost = unquote(broker.path[1:]) or "/"
        root = f"{address.scheme}://{host}{address.path.rstrip('/')}"
        self._base = f"{root}/api/queues/{quote(vhost, safe='')}/"

    def read(self, now_us: int) -> list[QueueSample]:
        """All that the API says of each queue."""
        return [
            QueueSample(self._system, short_name(queue), "", now_us, measure, value)
            for queue in self._queues
            for measure, value in self._measures(queue, now_us)
            if value is not None
        ]

    def close(self) -> None:
        """Nothing is kept open."""

    def _measures(self, queue: str, now_us: int) -> Iterator[tuple[str, float | None]]:
        found = self._ask(queue)
        if found is None:
            return
        yield "depth", found.messages
        yield "ready", found.messages_ready
        yield "unacknowledged", found.messages_unacknowledged
        yield "consumers", found.consumers
        if found.message_stats:
            yield "publish_rate", found.message_stats.publish_details.rate
            yield "deliver_rate", found.message_stats.deliver_get_details.rate
        if found.head_message_timestamp is not None:
            yield "oldest_age_seconds", max(now_us / 1_000_000 - found.head_message_timestamp, 0.0)

    def _ask(self, queue: str) -> _Queue | None:
        request = urllib.request.Request(
            self._base + quote(queue, safe=""), headers={"Authorization": self._authorization}
        )
        try:
            with urllib.request.urlopen(request, timeout=self._timeout) as answer:
                return msgspec.json.decode(answer.read(), type=_Queue)
        except HTTPError as exc:
            if exc.code == _NOT_FOUND:
                return None
            raise self._lost(f"the management API answers {exc.code} {exc.reason}") from None
        except (OSError, http.client.HTTPException, msgspec.MsgspecError) as exc:
            raise self._lost(f"the management API: {exc}") from None

    def _lost(self, why: str) -> ConnectionLost:
        return connection_lost(self._system, why, *self._secrets)
