"""Which headers of a message an HTTP request carries, and how."""

from __future__ import annotations

import re
from urllib.parse import quote

from urllib3 import HTTPHeaderDict

from controltower.domain.messages import IDEMPOTENCY_KEY, Message

# They speak of a connection or of a request that is over (RFC 9110, 7.6.1), or we say them ourselves.
_OF_ANOTHER_REQUEST = frozenset(
    (
        "connection", "proxy-connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade",
        "http2-settings", "host", "content-length", "content-type", "expect", "accept-encoding", "user-agent",
        "date", "via", "forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip",
        "webhook-id", "webhook-timestamp", "webhook-signature",
    )
)  # fmt: skip
# Whoever sent the original showed these to somebody else.
_SECRET_WORDS = frozenset(("authorization", "authenticate", "cookie", "password", "secret", "credential"))
_SECRET_NAMES = re.compile(r"(?:^|-)(?:api-?key|(?:auth|access|security|session)-token)(?:$|-)|^x-token$")
# Beside letters, digits and -._~: what a header's name may be made of (RFC 9110, 5.6.2).
_TOKEN = "!#$&'*+^`|"
_VALUE = "".join(chr(code) for code in range(0x20, 0x7F))


def request_headers(message: Message) -> HTTPHeaderDict:
    """What goes with a message: its own headers but those of another connection and whatever let the first
    sender in; its content type; its idempotency key. What HTTP cannot carry is percent-encoded UTF-8."""
    named = {name.strip().casefold() for name in message.header("connection").split(",")}
    headers = HTTPHeaderDict({"user-agent": "controltower"})
    for name, value in message.headers:
        lowered = name.casefold()
        if name and lowered not in named and not is_private(lowered):
            headers.add(_name(name), header_value(value))
    if content_type := message.content_type or message.header("content-type"):
        headers["content-type"] = header_value(content_type)
    if key := message.header(IDEMPOTENCY_KEY):
        headers[IDEMPOTENCY_KEY] = header_value(key)
    return headers


def is_private(lowered: str) -> bool:
    """Whether a header's name, in lower case, is one that is never forwarded."""
    if lowered in _OF_ANOTHER_REQUEST:
        return True
    return not _SECRET_WORDS.isdisjoint(lowered.split("-")) or _SECRET_NAMES.search(lowered) is not None


def _name(name: str) -> str:
    return quote(name, safe=_TOKEN, errors="replace")


def header_value(value: str) -> str:
    """A text as the value of a header: what is no visible ASCII is percent-encoded UTF-8."""
    return quote(value, safe=_VALUE, errors="replace").strip()


def is_name(name: str) -> bool:
    """Whether HTTP takes it as the name of a header."""
    return bool(name) and _name(name) == name and "%" not in name
