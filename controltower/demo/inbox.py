"""The address on loopback where the estate takes replayed messages, and people put causes right."""

from __future__ import annotations

import logging
import socket
import sys
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs

from controltower.demo.causes import Causes
from controltower.demo.dead_letters import QUEUE
from controltower.demo.item_master import STYLE, render
from controltower.demo.replays import Answer, Consumer

log = logging.getLogger("controltower.demo")

_MAX_BODY = 1024 * 1024
_TEXT = "text/plain; charset=utf-8"
_STRICT = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # without any, forms would not say whose they are
    "Cache-Control": "no-store",
}
_LOCAL_NAMES = frozenset(("127.0.0.1", "localhost"))


class Inbox(ThreadingHTTPServer):
    """Serves what comes to an address of this machine."""

    daemon_threads = True

    def __init__(self, listener: socket.socket, consumer: Consumer, causes: Causes) -> None:
        """`listener` listens already, on loopback."""
        super().__init__(listener.getsockname(), _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.consumer = consumer
        self.causes = causes

    def handle_error(self, request: object, client_address: object) -> None:
        """Say it in one line: mostly a browser that went away."""
        log.info("A request to the item master failed: %s", sys.exception())

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://{self.server_address[0]!s}:{self.server_address[1]}"

    def start(self) -> None:
        """Serve, in a thread of its own."""
        Thread(target=self.serve_forever, args=(0.1,), name="demo-inbox", daemon=True).start()

    def stop(self) -> None:
        """Serve no more."""
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Inbox
    timeout = 30

    def do_GET(self) -> None:
        if not self._is_from_here():
            self._reply(403, "this page is for this machine")
        elif self.path == "/":
            self._reply(200, render(self.server.causes), "text/html; charset=utf-8")
        elif self.path == "/style.css":
            self._reply(200, STYLE, "text/css; charset=utf-8")
        else:
            self._reply(404, "there is nothing here")

    def do_POST(self) -> None:
        body = self._body()
        if body is None:
            self.close_connection = True
            self._reply(413, f"expected a Content-Length of at most {_MAX_BODY}")
        elif not self._is_from_here():
            self._reply(403, "only programs of this machine, and its own page, may post here")
        elif self.path == f"/{QUEUE}":
            answer = self.server.consumer.take(self._headers(), body)
            self._reply(answer.status, answer.words)
        else:
            self._mend(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the tower says what was sent."""

    def _mend(self, body: bytes) -> None:
        answer = mend(self.server.causes, self.path, body)
        if answer.status == 303:
            self._reply(303, answer.words, location="/")
        else:
            self._reply(answer.status, answer.words)

    def _is_from_here(self) -> bool:
        """Whether no page of another site sent it, and the address is not another name for this machine."""
        name = self.headers.get("Host", "").rpartition(":")[0]
        site = self.headers.get("Sec-Fetch-Site", "none")
        origin = self.headers.get("Origin")
        is_own = origin is None or origin == f"http://{self.headers.get('Host')}"
        return name in _LOCAL_NAMES and is_own and (self.command == "GET" or site in ("none", "same-origin"))

    def _headers(self) -> Mapping[str, str]:
        return {name.lower(): value for name, value in self.headers.items()}

    def _body(self) -> bytes | None:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > _MAX_BODY:
            return None
        return self.rfile.read(int(length))

    def _reply(self, status: int, text: str, kind: str = _TEXT, *, location: str = "") -> None:
        content = text.encode()
        self.send_response(status)
        headers = {**_STRICT, "Content-Type": kind, "Content-Length": str(len(content))}
        for name, value in {**headers, **({"Location": location} if location else {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)


def mend(causes: Causes, path: str, form: bytes) -> Answer:
    """Do what a form of the page asks for: 303 when it is done."""
    fields = parse_qs(form.decode("utf-8", "replace"))
    undo = fields.get("undo") == ["yes"]
    if path == "/countries":
        causes.take_any_country(takes=not undo)
        return Answer(303, "done")
    if path == "/skus":
        sku = fields.get("sku", [""])[0]
        is_known = causes.map_sku(sku, is_mapped=not undo)
        return Answer(303, "done") if is_known else Answer(404, "the shop does not sell this")
    return Answer(404, "there is nothing here")
