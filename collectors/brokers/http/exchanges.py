"""Requests to one host over connections that are kept; no redirects, no retries, bounded time and memory."""

from __future__ import annotations

import ssl
import time
from collections.abc import Mapping
from typing import NamedTuple

import urllib3
from urllib3 import exceptions

from collectors.brokers.http.places import Base

_MAX_READ = 65_536  # bytes of an answer; nobody reads more of it
_CHUNK = 8_192


class Limits(NamedTuple):
    """Seconds, and requests at once."""

    connect: float
    answer: float
    at_once: int


class Answer(NamedTuple):
    """What came back."""

    status: int
    retry_after: str
    body: bytes  # its beginning


class Unanswered(Exception):
    """No answer came. The message says why, in words of ours: what the library says holds the url."""


class Endpoint:
    """One scheme, host and port. Safe to use from several threads."""

    def __init__(self, base: Base, limits: Limits, tls: ssl.SSLContext) -> None:
        self._limits = limits
        self._pool = _pool(base, limits, tls)

    def exchange(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """One request and the beginning of its answer. Raises Unanswered."""
        try:
            response = self._pool.urlopen(
                method, path, body=body, headers=headers, retries=False, redirect=False, preload_content=False
            )
        except (exceptions.HTTPError, OSError) as exc:
            raise Unanswered(self._why(exc)) from None
        return Answer(response.status, response.headers.get("retry-after", ""), self._read(response))

    def close(self) -> None:
        """Hang up."""
        self._pool.close()

    def _read(self, response: urllib3.BaseHTTPResponse) -> bytes:
        """The status counts; an answer that breaks off, never ends or is enormous changes nothing of it."""
        until = time.monotonic() + self._limits.answer
        read = b""
        try:
            while len(read) < _MAX_READ and time.monotonic() < until:
                chunk = response.read1(_CHUNK)
                if not chunk:
                    response.release_conn()
                    return read
                read += chunk
        except (exceptions.HTTPError, OSError):
            pass
        response.close()
        return read

    def _why(self, error: Exception) -> str:
        match error:
            case exceptions.NameResolutionError():
                return "the name of its host is not known"
            case exceptions.NewConnectionError():
                return "it takes no connection"
            case exceptions.ConnectTimeoutError():
                return f"no connection within {self._limits.connect:g} s"
            case exceptions.SSLError():
                return f"TLS: {_tls_reason(error)}"
            case exceptions.ReadTimeoutError():
                return f"no answer within {self._limits.answer:g} s; it may have arrived"
            case exceptions.ProtocolError():
                return "the connection broke before an answer; it may have arrived"
        return f"no answer ({type(error).__name__})"


def _pool(base: Base, limits: Limits, tls: ssl.SSLContext) -> urllib3.HTTPConnectionPool:
    timeout = urllib3.Timeout(connect=limits.connect, read=limits.answer)
    if base.scheme == "http":
        return urllib3.HTTPConnectionPool(base.host, base.port, timeout, limits.at_once)
    return urllib3.HTTPSConnectionPool(base.host, base.port, timeout, limits.at_once, ssl_context=tls)


def _tls_reason(error: exceptions.SSLError) -> str:
    cause = error.args[0] if error.args else None
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({cause.verify_message})"
    return "the handshake failed"
