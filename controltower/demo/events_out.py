"""Posts CloudEvents and dead letters, and lets go of one only when the tower has said that it is stored."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping, Sequence
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from queue import Empty, Queue
from threading import Event, Thread
from typing import Any, NamedTuple
from urllib.parse import urlsplit

log = logging.getLogger("controltower.demo")

EVENTS = "application/cloudevents-batch+json"
LETTERS = "application/json"
_BATCH = 100
_WAITING_LIMIT = 50_000
_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 30.0
_TIMEOUT = 15.0
_RESEND_LATER = frozenset({408, 429, 500, 502, 503, 504})


class Reply(NamedTuple):
    """What the tower answered; status 0 when it could not be reached."""

    status: int
    retry_after: float = 0.0
    text: str = ""


class Connection:
    """A kept-alive connection to an address of the tower that takes arrays of JSON documents."""

    def __init__(self, url: str, token: str, content_type: str = EVENTS) -> None:
        parts = urlsplit(url)
        secure = parts.scheme == "https"
        self._http = (HTTPSConnection if secure else HTTPConnection)(parts.netloc, timeout=_TIMEOUT)
        self._path = parts.path or "/"
        self._headers = {"Content-Type": content_type}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"

    def post(self, documents: Sequence[Mapping[str, Any]]) -> Reply:
        """Send one batch; never raises for what the network does."""
        body = json.dumps(list(documents), separators=(",", ":")).encode()
        return self._ask("POST", self._path, body)

    def is_tower_ready(self) -> bool:
        """Whether the tower answers and does not say that it is still starting."""
        return self._ask("GET", "/readyz").status not in (0, 503)

    def close(self) -> None:
        """Hang up."""
        self._http.close()

    def _ask(self, method: str, path: str, body: bytes | None = None) -> Reply:
        try:
            self._http.request(method, path, body, self._headers)
            answer = self._http.getresponse()
            text = answer.read().decode(errors="replace")
        except (OSError, HTTPException) as exc:
            self._http.close()
            return Reply(0, text=f"{type(exc).__name__}: {exc}")
        return Reply(answer.status, _seconds(answer.headers.get("Retry-After", "")), text)


class EventPoster:
    """A thread that posts what is put in, in order. When much waits, `put` waits too; nothing is dropped."""

    def __init__(self, connection: Connection, what: str = "events") -> None:
        self._what = what
        self._connection = connection
        self._waiting: Queue[Mapping[str, Any]] = Queue(_WAITING_LIMIT)
        self._closing = Event()
        self._give_up_at = float("inf")
        self._thread = Thread(target=self._run, name=f"demo-{what}", daemon=True)
        self.accepted = 0
        self.refused = 0
        self._in_hand = 0  # events of the batch that is being posted

    @property
    def unsent(self) -> int:
        """Events that the tower has not answered for."""
        return self._in_hand + self._waiting.qsize()

    def start(self) -> None:
        """Begin to post."""
        self._thread.start()

    def put(self, document: Mapping[str, Any]) -> None:
        """Hand an event over; waits while too many wait already."""
        self._waiting.put(document)

    def close(self, patience: float) -> None:
        """Post what waits, for at most `patience` seconds; `unsent` then says how much was left."""
        self._give_up_at = time.monotonic() + patience
        self._closing.set()
        self._thread.join(patience)

    def _run(self) -> None:
        while not (self._closing.is_set() and self._waiting.empty()):
            batch = self._next_batch()
            self._in_hand = len(batch)
            if batch and not self._post(batch):
                break
            self._in_hand = 0
        self._connection.close()

    def _next_batch(self) -> list[Mapping[str, Any]]:
        batch = []
        try:
            batch.append(self._waiting.get(timeout=0.2))
            while len(batch) < _BATCH:
                batch.append(self._waiting.get_nowait())
        except Empty:
            pass
        return batch

    def _post(self, batch: Sequence[Mapping[str, Any]]) -> bool:
        """Post until there is an answer for good; False when time ran out while closing."""
        pause = _FIRST_PAUSE
        while True:
            reply = self._connection.post(batch)
            if reply.status and reply.status not in _RESEND_LATER:
                self._settle(batch, reply)
                return True
            wait = max(pause, reply.retry_after)
            log.debug("The tower answered %s; %d %s wait %.1f s", reply.status, len(batch), self._what, wait)
            if time.monotonic() + wait > self._give_up_at:
                return False
            if self._closing.wait(wait):
                time.sleep(min(wait, _FIRST_PAUSE))
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _settle(self, batch: Sequence[Mapping[str, Any]], reply: Reply) -> None:
        if reply.status < 300:
            self.accepted += len(batch)
        else:
            self.refused += len(batch)
            words = reply.text[:300]
            log.warning("The tower refused %d %s: %d %s", len(batch), self._what, reply.status, words)


def _seconds(retry_after: str) -> float:
    """Retry-After in seconds; the form with a date is read as no wish at all."""
    return min(float(retry_after), _LONGEST_PAUSE) if retry_after.isdigit() else 0.0
