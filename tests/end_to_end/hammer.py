"""Clients that send as fast as they are answered, and remember what they were told.

Every request is different and brings two things, events or traces, so that half of one would be seen.
"""

import http.client
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import blake2b
from threading import Event as Flag
from threading import Lock, Thread
from typing import NamedTuple

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

from tests.end_to_end.killable import Tower

CLIENTS = 4
_STEP = CLIENTS + 1  # odd, so that every client brings traces and events in turn
_PAUSE = 0.1  # before the next try, when a request was not stored


class Request(NamedTuple):
    """A request, and what it brings."""

    number: int
    listener: str
    path: str
    content_type: str
    body: bytes
    event_ids: tuple[str, ...] = ()
    trace_ids: tuple[bytes, ...] = ()


@dataclass
class Told:
    """What clients were told, or not."""

    stored: list[Request] = field(default_factory=list)  # answered 200
    refused: list[Request] = field(default_factory=list)  # asked to try again later
    unanswered: list[Request] = field(default_factory=list)
    surprises: list[tuple[int, bytes]] = field(default_factory=list)  # any other answer
    lock: Lock = field(default_factory=Lock)

    def note(self, request: Request, status: int | None, body: bytes, headers: dict[str, str]) -> None:
        with self.lock:
            if status == 200:
                self.stored.append(request)
            elif status is None:
                self.unanswered.append(request)
            elif status == 503 and "retry-after" in headers:
                self.refused.append(request)
            else:
                self.surprises.append((status, body))

    def wait_for_stored(self, more: int, within: float = 30.0) -> None:
        """Return as soon as `more` further requests are stored."""
        _wait_for(self.stored, more, within)

    def wait_for_refused(self, more: int, within: float = 30.0) -> None:
        """Return as soon as `more` further requests are refused."""
        _wait_for(self.refused, more, within)


def _wait_for(growing: Sequence[Request], more: int, within: float) -> None:
    wanted, give_up_at = len(growing) + more, time.monotonic() + within
    while len(growing) < wanted:
        assert time.monotonic() < give_up_at, "what the test waits for did not happen"
        time.sleep(0.02)


def a_request(number: int, padding: int = 0) -> Request:
    """The request of that number, always the same; even ones bring traces, odd ones events of one order."""
    return _traces(number, padding) if number % 2 == 0 else _events(number, padding)


def _events(number: int, padding: int) -> Request:
    ids = (f"{number}-captured", f"{number}-accepted")
    events = [
        {
            "specversion": "1.0",
            "id": event_id,
            "source": "/shop",
            "type": f"order.{event_id.partition('-')[2]}",
            "time": f"2026-05-01T09:30:{second:02d}Z",
            "correlationid": f"c-{number}",
            "data": {"identifiers": {"order": f"#{number}"}, "note": _noise(number, padding)},
        }
        for second, event_id in enumerate(ids)
    ]
    body = json.dumps(events).encode()
    return Request(
        number, "http", "/api/v1/events", "application/cloudevents-batch+json", body, event_ids=ids
    )


def _traces(number: int, padding: int) -> Request:
    ids = tuple(blake2b(f"{number}-{part}".encode(), digest_size=16).digest() for part in range(2))
    attributes = [
        _attribute("correlation.id", f"c-{number + 1}"),
        _attribute("note", _noise(number, padding)),
    ]
    spans = [
        Span(trace_id=trace_id, span_id=b"span%04d" % part, name="GET /order", attributes=attributes)
        for trace_id in ids
        for part in range(3)
    ]
    request = ExportTraceServiceRequest(
        resource_spans=[
            ResourceSpans(
                resource=Resource(attributes=[_attribute("service.name", "shop")]),
                scope_spans=[ScopeSpans(spans=spans)],
            )
        ]
    )
    body = request.SerializeToString()
    return Request(number, "otlp_http", "/v1/traces", "application/x-protobuf", body, trace_ids=ids)


def _attribute(key: str, value: str) -> KeyValue:
    return KeyValue(key=key, value=AnyValue(string_value=value))


def _noise(number: int, padding: int) -> str:
    """Text that does not compress, the same for the same number."""
    return "".join(blake2b(f"{number}-{part}".encode()).hexdigest() for part in range(padding // 128))


class Client:
    """One keep-alive connection to each listener of a tower."""

    def __init__(self, tower: Tower) -> None:
        self._addresses = {"http": tower.http, "otlp_http": tower.otlp_http}
        self._connections: dict[str, http.client.HTTPConnection] = {}

    def send(self, request: Request) -> tuple[int | None, bytes, dict[str, str]]:
        """Status, body and headers of the reply; a status of None when there was none."""
        listener = request.listener
        connection = self._connections.get(listener)
        if connection is None:
            connection = http.client.HTTPConnection(self._addresses[listener], timeout=30)
            self._connections[listener] = connection
        try:
            connection.request("POST", request.path, request.body, {"Content-Type": request.content_type})
            response = connection.getresponse()
            headers = {name.lower(): value for name, value in response.getheaders()}
            return response.status, response.read(), headers
        except (OSError, http.client.HTTPException):
            connection.close()
            del self._connections[listener]
            return None, b"", {}

    def close(self) -> None:
        for connection in self._connections.values():
            connection.close()


@contextmanager
def hammering(tower: Tower, told: Told, *, start: int = 0, padding: int = 0) -> Iterator[None]:
    """Send requests from several clients for the length of the block."""
    enough = Flag()
    threads = [
        Thread(target=_hammer, args=(tower, told, enough, start + client, padding))
        for client in range(CLIENTS)
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        enough.set()
        for thread in threads:
            thread.join()


def _hammer(tower: Tower, told: Told, enough: Flag, number: int, padding: int) -> None:
    client = Client(tower)
    while not enough.is_set():
        request = a_request(number, padding)
        number += _STEP
        reply = client.send(request)
        told.note(request, *reply)
        if reply[0] != 200:
            enough.wait(_PAUSE)
    client.close()


def resend(tower: Tower, requests: Sequence[Request]) -> None:
    """Send every request until it is stored."""
    client = Client(tower)
    for request in requests:
        status, body, _ = client.send(request)
        assert status == 200, (status, body)
    client.close()
