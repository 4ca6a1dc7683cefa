"""An HTTP endpoint that answers as it is told and remembers what it was asked."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message as Headers
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import NamedTuple

import msgspec

from collectors.brokers.http import KIND
from collectors.brokers.http.target import HttpConnection
from collectors.brokers.secrets import Secret


class Asked(NamedTuple):
    """A request as it arrived."""

    method: str
    path: str
    headers: Headers
    body: bytes
    client: tuple[str, int]
    started: float
    ended: float

    def all(self, name: str) -> list[str]:
        """Every value of a header."""
        return self.headers.get_all(name) or []


class Reply(NamedTuple):
    """An answer; None as its status breaks the connection off without one."""

    status: int | None = 200
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    after: float = 0.0


@dataclass
class Endpoint:
    """What the endpoint was asked; `reply` says what it answers."""

    url: str
    asked: list[Asked] = field(default_factory=list)
    reply: Callable[[Asked], Reply] = lambda _asked: Reply()
    lock: Lock = field(default_factory=Lock)

    def answers(self, *replies: Reply) -> None:
        """These, one after the other; the last one for ever."""
        left = list(replies)

        def next_reply(_asked: Asked) -> Reply:
            with self.lock:
                return left.pop(0) if len(left) > 1 else left[0]

        self.reply = next_reply


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    endpoint: Endpoint

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def _answer(self) -> None:
        started = time.monotonic()
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        client = self.client_address[:2]
        asked = Asked(self.command, self.path, self.headers, body, client, started, started)
        reply = self.server.endpoint.reply(asked)
        time.sleep(reply.after)
        with self.server.endpoint.lock:
            self.server.endpoint.asked.append(asked._replace(ended=time.monotonic()))
        if reply.status is None:
            self.close_connection = True
            return
        self.send_response(reply.status)
        for name, value in reply.headers:
            self.send_header(name, value)
        if reply.status != 204:
            self.send_header("content-length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)

    do_POST = do_PUT = do_PATCH = do_DELETE = _answer

    def log_message(self, format: str, *args: object) -> None:
        """Tests are quiet."""


@contextmanager
def listening(tls: ssl.SSLContext | None = None) -> Iterator[Endpoint]:
    """An endpoint for the length of the block."""
    server = _Server(("127.0.0.1", 0), _Handler)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    server.endpoint = Endpoint(f"{'https' if tls else 'http'}://localhost:{server.server_address[1]}")
    thread = Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server.endpoint
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def a_connection(url: str, **keys: object) -> HttpConnection:
    """A connection to a url, with further keys of the connections file."""
    table = msgspec.convert(
        {"kind": "http", "url": url, **keys}, KIND.table, dec_hook=lambda _wanted, text: Secret(text)
    )
    connection = KIND.connect("erp", table)
    assert isinstance(connection, HttpConnection)
    return connection
