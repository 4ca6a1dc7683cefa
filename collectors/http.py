"""The ASGI edge that facts come in by: exact routes, bounded bodies, one place for refusals.

It is deliberately not a framework: a request that carries one event spends less time here than in parsing
its JSON.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

from collectors.inflating import ACCEPTED, inflater_for
from collectors.refusals import Refusal, refusal_of
from controltower.domain.errors import ControlTowerError, Forbidden, NotFound, PayloadTooLarge

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = Mapping[bytes, bytes]
Authorize = Callable[[Headers], None]  # raises Unauthorized or Forbidden

MIB = 1024 * 1024
JSON_TYPE = (b"content-type", b"application/json")


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a request may bring, in bytes after inflation, and how a stream is cut up."""

    body: int = 64 * MIB
    event: int = MIB  # one event; also one line of a stream
    kept: int = 4 * MIB  # of bytes that could not be understood
    stream_items: int = 500  # lines committed together
    stream_bytes: int = MIB
    stream_in_flight: int = 4  # commits of one stream that may wait at once
    in_thread: int = MIB  # larger bodies are decoded off the event loop; threads contend, so only those


class ClientGone(Exception):
    """The client closed the connection before its request was complete; nobody waits for a reply."""


class Response(NamedTuple):
    """A complete reply."""

    status: int
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = (JSON_TYPE,)


class Request:
    """One HTTP request whose body has not been read yet."""

    __slots__ = ("_limit", "_receive", "headers", "method", "path")

    def __init__(self, scope: Scope, receive: Receive, limit: int) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self._receive = receive
        self._limit = limit

    async def body(self, limit: int | None = None) -> bytes:
        """The whole body, inflated; `limit` bytes of it at most when that is less than any request may bring.

        Raises PayloadTooLarge as soon as it passes the limit, BadPayload when it does not inflate,
        UnsupportedMedia for an unknown encoding.
        """
        limit = self._limit if limit is None else min(limit, self._limit)
        if self._declared_length() > limit:
            raise _too_large(limit)
        source = self.chunks() if b"content-encoding" in self.headers else self._received()
        pieces: list[bytes] = []
        size = 0
        async for piece in source:
            size += len(piece)
            if size > limit:
                raise _too_large(limit)
            pieces.append(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body in pieces as it arrives, inflated, without any limit on their sum."""
        encoding = self.headers.get(b"content-encoding")
        inflater = None if encoding is None else inflater_for(encoding)
        if inflater is None:
            async for chunk in self._received():
                yield chunk
            return
        async for chunk in self._received():
            for piece in inflater.feed(chunk):
                yield piece
                await asyncio.sleep(0)  # a bomb must not hold up the other requests
        inflater.finish()

    async def _received(self) -> AsyncIterator[bytes]:
        """The body as it came. The server has checked its declared length: once that is here no more comes,
        and not asking again saves a round trip to the server's threads on every small request.
        """
        missing = self._declared_length()
        while True:
            message = await self._receive()
            if message["type"] != "http.request":
                raise ClientGone
            chunk = message.get("body")
            if chunk:
                yield chunk
                missing -= len(chunk)
            if missing == 0 or not message.get("more_body"):
                return

    def _declared_length(self) -> int:
        """The Content-Length, -1 when the request does not say."""
        declared = self.headers.get(b"content-length", b"")
        if not declared.isdigit() or len(declared) > 18 or b"transfer-encoding" in self.headers:
            return -1
        return int(declared)


def _too_large(limit: int) -> PayloadTooLarge:
    return PayloadTooLarge(f"the body is larger than the limit of {limit} bytes")


Handler = Callable[[Request], Awaitable[Response]]
Refuse = Callable[[Headers, Refusal], Response]


def json_response(status: int, content: object) -> Response:
    """A JSON reply."""
    return Response(status, msgspec.json.encode(content))


def refusal_headers(refusal: Refusal) -> tuple[tuple[bytes, bytes], ...]:
    """The headers, besides the content type, that the status of a refusal asks for."""
    if refusal.retry_after:
        return ((b"retry-after", b"%d" % refusal.retry_after),)
    if refusal.status == 401:
        return ((b"www-authenticate", b'Bearer realm="controltower"'),)
    if refusal.status == 415:
        return ((b"accept-encoding", ACCEPTED.encode()),)
    return ()


def refuse_as_json(_headers: Headers, refusal: Refusal) -> Response:
    """A refusal as ``{"reason": ..., "message": ...}``."""
    body = msgspec.json.encode({"reason": refusal.reason, "message": refusal.message})
    return Response(refusal.status, body, (JSON_TYPE, *refusal_headers(refusal)))


class Route(NamedTuple):
    """A handler, and how its callers expect to be refused."""

    handler: Handler
    refuse: Refuse = refuse_as_json
    checks_sender: bool = False  # the handler finds out who sent the request; the listener does not ask
    shares_path: bool = False  # the fallback serves the other methods of its path


Routes = Mapping[tuple[str, str], Route]


def check_origin(headers: Headers, browser_hosts: frozenset[bytes]) -> None:
    """Raise Forbidden for a request that a web page of another site sent.

    A listener without tokens trusts everyone on this machine, and every web page that someone on this machine
    looks at can post to it. `browser_hosts`, when not empty, also names the only hosts that a browser may
    have used, which closes the way around by a DNS name rebound to this address.
    """
    origin = headers.get(b"origin")
    if origin is not None:
        host = headers.get(b"host", b"")
        if origin.partition(b"://")[2] != host or (browser_hosts and _name_of(host) not in browser_hosts):
            raise Forbidden("a web page of another origin may not post facts")
    if headers.get(b"sec-fetch-site") in (b"cross-site", b"same-site"):
        raise Forbidden("a web page of another site may not post facts")


def _name_of(host: bytes) -> bytes:
    """The name in a Host header, without its port."""
    if host.startswith(b"["):
        return host.partition(b"]")[0][1:]
    return host.partition(b":")[0]


class IngestApp:
    """An ASGI application: exact (method, path) routes, and `fallback` for all other paths."""

    def __init__(
        self,
        routes: Routes,
        *,
        authorize: Authorize,
        limits: Limits,
        fallback: AsgiApp | None = None,
        browser_hosts: frozenset[bytes] = frozenset(),
    ) -> None:
        self._routes = dict(routes)
        self._authorize = authorize
        self._limits = limits
        self._fallback = fallback
        self._browser_hosts = browser_hosts
        self._methods: dict[str, list[str]] = {}
        for (method, path), route in self._routes.items():
            if not (route.shares_path and fallback):
                self._methods.setdefault(path, []).append(method)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        route = self._routes.get((scope.get("method", ""), scope.get("path", "")))
        if route is None or scope["type"] != "http":
            await self._without_route(scope, receive, send)
            return
        request = Request(scope, receive, self._limits.body)
        try:
            check_origin(request.headers, self._browser_hosts)
            if not route.checks_sender:
                self._authorize(request.headers)
            response = await route.handler(request)
        except ControlTowerError as exc:
            response = route.refuse(request.headers, refusal_of(exc))
        except ClientGone:
            return
        await _reply(send, response)

    async def _without_route(self, scope: Scope, receive: Receive, send: Send) -> None:
        allowed = self._methods.get(scope.get("path", "")) if scope["type"] == "http" else None
        if allowed is not None:
            allow = ", ".join(allowed)
            refusal = Refusal(405, "method_not_allowed", f"this address takes {allow}")
            response = refuse_as_json({}, refusal)
            await _reply(send, response._replace(headers=(*response.headers, (b"allow", allow.encode()))))
        elif self._fallback is not None:
            await self._fallback(scope, receive, send)
        elif scope["type"] == "http":
            await _reply(send, refuse_as_json({}, refusal_of(NotFound("nothing is served at this address"))))
        elif scope["type"] == "lifespan":
            await _live(receive, send)
        else:
            await send({"type": "websocket.close", "code": 1000})


async def _reply(send: Send, response: Response) -> None:
    headers = [*response.headers, (b"content-length", b"%d" % len(response.body))]
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body, "more_body": False})


async def _live(receive: Receive, send: Send) -> None:
    """Answer a server that announces its start and its end; there is nothing to prepare."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
