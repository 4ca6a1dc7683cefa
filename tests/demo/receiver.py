"""A tower that is not one: takes what the demo sends, remembers it, and can be told to be unwell."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


class Receiver(ThreadingHTTPServer):
    """Listens on a free port of the loopback."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.lock = Lock()
        self.is_gone = False  # connections that are still open get no answer any more
        self.unwell: list[tuple[int, dict[str, str]]] = []  # replies to give to events before a good one
        self.events: list[dict[str, Any]] = []
        self.letters: list[dict[str, Any]] = []
        self.spans: list[tuple[str, Any]] = []  # service, span
        self.metrics: list[tuple[dict[str, str], Any]] = []  # resource attributes, metric
        self.headers: list[dict[str, str]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Receiver

    def do_GET(self) -> None:
        self._answer(200)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        if self.server.is_gone:
            self.close_connection = True
            return
        with self.server.lock:
            self.server.headers.append(dict(self.headers))
            self._answer(*self._take(body))

    def _take(self, body: bytes) -> tuple[int, dict[str, str]]:
        if self.path == "/v1/traces":
            request = ExportTraceServiceRequest.FromString(body)
            for group in request.resource_spans:
                service = _strings(group.resource.attributes)["service.name"]
                self.server.spans += [(service, span) for scope in group.scope_spans for span in scope.spans]
        elif self.path == "/v1/metrics":
            for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                attributes = _strings(resource.resource.attributes)
                self.server.metrics += [
                    (attributes, m) for scope in resource.scope_metrics for m in scope.metrics
                ]
        elif self.path == "/api/v1/dead-letters":
            self.server.letters += json.loads(body)
        elif self.server.unwell:
            return self.server.unwell.pop(0)
        else:
            self.server.events += json.loads(body)
        return 200, {}

    def _answer(self, status: int, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": "0"}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def _strings(attributes: Any) -> dict[str, str]:
    return {attribute.key: attribute.value.string_value for attribute in attributes}


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver that listens for the length of the block."""
    with Receiver() as receiver:
        thread = Thread(target=receiver.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield receiver
        receiver.is_gone = True
        receiver.shutdown()
        thread.join()
