"""A client of Redis whose failures say which connection it is, and no credential."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from redis.exceptions import RedisError

from collectors.brokers.protocol import ConnectionLost
from collectors.brokers.secrets import Secret, connection_lost


class Wire:
    """`client` connects by itself when it is used, and again after a loss."""

    def __init__(self, name: str, client: Any, timeout: float, url: Secret) -> None:
        self.name = name
        self.client = client
        self.timeout = timeout
        self._url = url

    @contextmanager
    def guarded(self) -> Iterator[Any]:
        """The client, for a block whose failures become ConnectionLost."""
        try:
            yield self.client
        except (RedisError, OSError) as exc:
            raise self.lost(exc) from None

    def lost(self, why: BaseException) -> ConnectionLost:
        """The error to raise."""
        return connection_lost(self.name, why, self._url)

    def close(self) -> None:
        """Hang up. Raises nothing."""
        with suppress(RedisError, OSError):
            self.client.close()
