"""Driving an ASGI application without a server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from collectors.http import AsgiApp, Message


@dataclass(frozen=True)
class Reply:
    """What the application answered."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, decoded."""
        return json.loads(self.body)


def a_scope(method: str, path: str, headers: Mapping[str, str]) -> dict[str, Any]:
    """An HTTP scope with the headers that every client sends."""
    sent = {"host": "127.0.0.1:8080", **{name.lower(): value for name, value in headers.items()}}
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in sent.items()]
    return {"type": "http", "method": method, "path": path, "headers": raw, "query_string": b""}


def request(
    app: AsgiApp,
    method: str,
    path: str,
    body: bytes | Iterable[bytes] = b"",
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """Send one request, whose body may come in chunks, and give back the answer."""
    reply = find_reply(app, method, path, body, headers or {})
    assert reply is not None, "the application did not answer"
    return reply


def find_reply(
    app: AsgiApp,
    method: str,
    path: str,
    body: bytes | Iterable[bytes],
    headers: Mapping[str, str],
    *,
    disconnects: bool = False,
) -> Reply | None:
    """Send one request - all of it, or its beginning only; None when the application did not answer."""
    chunks = iter([body] if isinstance(body, bytes) else body)
    sent: list[Message] = []

    async def receive() -> Message:
        chunk = next(chunks, None)
        if chunk is None:
            if disconnects:
                return {"type": "http.disconnect"}
            return {"type": "http.request", "body": b"", "more_body": False}
        return {"type": "http.request", "body": chunk, "more_body": True}

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(_call(app, a_scope(method, path, headers), receive, send))
    if not sent:
        return None
    start, *parts = sent
    replied = {name.decode(): value.decode() for name, value in start["headers"]}
    return Reply(start["status"], replied, b"".join(part["body"] for part in parts))


async def _call(app: AsgiApp, *arguments: Any) -> None:
    await app(*arguments)


def post(app: AsgiApp, path: str, body: bytes | Iterable[bytes], content_type: str, **headers: str) -> Reply:
    """POST a body and give back the answer; `ce_id="1"` becomes the header ce-id."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if content_type:
        named["content-type"] = content_type
    return request(app, "POST", path, body, named)
