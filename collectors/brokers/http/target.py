"""Sending messages as HTTP requests."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus

from collectors.brokers.connections import BadTable
from collectors.brokers.http.answers import delivery_of, describe
from collectors.brokers.http.authentication import Authentication, NoCredential, Shown
from collectors.brokers.http.exchanges import Answer, Endpoint, Unanswered
from collectors.brokers.http.headers import request_headers
from collectors.brokers.http.places import BadPlace, Base, Route, join, query_secrets
from collectors.brokers.http.settings import (
    HttpTable,
    build_authentication,
    read_base,
    read_limits,
    read_tls,
)
from collectors.brokers.lanes import run_in_lanes
from collectors.brokers.protocol import ConnectionLost, Gauge, Source, Target
from controltower.domain.errors import BadSetting
from controltower.domain.messages import REFUSED, UNAVAILABLE, Message, Outgoing, Sent

_HELD_BACK = Sent(UNAVAILABLE, "not sent: an earlier message with its key did not get through")


class HttpConnection:
    """An HTTP endpoint that messages are sent to."""

    kind = "http"

    def __init__(self, name: str, table: HttpTable) -> None:
        """Raises BadTable for an entry that cannot be used."""
        self.name = name
        for key in ("dead_letters", "events"):
            if getattr(table, key):
                raise BadTable(key, "nothing; an http connection hands nothing out")
        self._base = read_base("url", table.url.reveal())
        self._limits = read_limits(table)
        self._tls = read_tls(table)
        self._authentication = build_authentication(table, self._limits, self._tls)

    def source(self, place: str) -> Source:
        """Raises BadSetting: an HTTP endpoint hands nothing out."""
        raise BadSetting(f"{self.name}: an http connection has nothing to take messages from")

    def target(self) -> Target:
        """Send messages to any path below the url."""
        endpoint = Endpoint(self._base, self._limits, self._tls)
        return HttpTarget(self._base, endpoint, self._authentication, self._limits.at_once)

    def gauge(self) -> Gauge | None:
        """None: an HTTP endpoint has no queues."""
        return None

    def check(self) -> None:
        """Open a TCP connection to its host; a request could set something off."""
        try:
            address = (self._base.host, self._base.port)
            socket.create_connection(address, timeout=self._limits.connect).close()
        except OSError as exc:
            why = exc.strerror or type(exc).__name__
            raise ConnectionLost(f"{self.name}: {self._base.host} takes no connection: {why}") from None

    def __repr__(self) -> str:
        return f"HttpConnection({self.name!r})"


class HttpTarget:
    """Sends each message as a request; several at once, but those of one key one after the other."""

    def __init__(self, base: Base, endpoint: Endpoint, authentication: Authentication, at_once: int) -> None:
        self._base = base
        self._endpoint = endpoint
        self._authentication = authentication
        self._executor = ThreadPoolExecutor(at_once, thread_name_prefix="http-target")

    def send(self, messages: Sequence[Outgoing]) -> list[Sent]:
        """One outcome for each. When one cannot be delivered now, later ones of its key are held back."""
        return run_in_lanes(
            self._executor,
            messages,
            [outgoing.message.key for outgoing in messages],
            self._send_one,
            stops_lane=lambda sent: sent.delivery == UNAVAILABLE,
            skipped=_HELD_BACK,
        )

    def close(self) -> None:
        """Hang up."""
        self._executor.shutdown()
        self._endpoint.close()

    def _send_one(self, outgoing: Outgoing) -> Sent:
        try:
            route = join(self._base, outgoing.place)
        except BadPlace as exc:
            return Sent(REFUSED, f"not sent: the place is not used, {exc}")
        try:
            return self._deliver(route, outgoing.message)
        except (NoCredential, Unanswered) as exc:
            return Sent(UNAVAILABLE, str(exc))

    def _deliver(self, route: Route, message: Message) -> Sent:
        shown = self._authentication.show(message)
        secrets = (*shown.secrets, *query_secrets(self._base))
        answer = self._request(route, message, shown)
        if answer.status == HTTPStatus.UNAUTHORIZED and self._authentication.renew(shown):
            shown = self._authentication.show(message)
            secrets += shown.secrets
            answer = self._request(route, message, shown)
        return Sent(delivery_of(answer.status), describe(answer, *secrets))

    def _request(self, route: Route, message: Message, shown: Shown) -> Answer:
        headers = request_headers(message)
        headers.update(shown.headers)
        return self._endpoint.exchange(route.method, route.path, headers, message.body)
