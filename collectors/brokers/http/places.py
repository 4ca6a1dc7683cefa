"""Where a message for an HTTP endpoint goes: a place joined to the connection's url, never out of it."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import unquote, unquote_plus, urlsplit

from collectors.brokers.secrets import Secret

METHODS = ("POST", "PUT", "PATCH", "DELETE")
_MAX_PLACE = 2_000
# RFC 3986: what a path and a query may be made of. Everything else is for the caller to percent-encode.
_PLACE = re.compile(r"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/?]|%[0-9A-Fa-f]{2})*")
_HOST = re.compile(r"[A-Za-z0-9.\-_]+|[0-9A-Fa-f:.]+")
_MAX_ENCODINGS = 4


class BadPlace(ValueError):
    """A place or url that is not used; the message says why, in words for a person."""


class Base(NamedTuple):
    """The url of a connection, taken apart."""

    scheme: str  # http, https
    host: str
    port: int
    path: str  # from "/" on, or ""
    query: str  # sent with every request; it may be a secret


class Route(NamedTuple):
    """What the request line says."""

    method: str
    path: str  # from "/" on, with the query


def parse_base(url: str) -> Base:
    """A connection's url taken apart. Raises BadPlace, which repeats nothing of it: it may be a secret."""
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise BadPlace("it holds a character that belongs into no url")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as exc:
        raise BadPlace("it is no url") from exc
    if parts.scheme not in ("http", "https"):
        raise BadPlace("it does not begin with http:// or https://")
    if "@" in parts.netloc:
        raise BadPlace("it holds a user or a password; use `authentication`")
    if not parts.hostname or not _HOST.fullmatch(parts.hostname):
        raise BadPlace("it names no host")
    if "#" in url:
        raise BadPlace("it has a fragment")
    _check_path(parts.path)
    return Base(parts.scheme, parts.hostname, port or _port(parts.scheme), parts.path, parts.query)


def query_secrets(base: Base) -> tuple[Secret, ...]:
    """What an answer could repeat of the url's own query, which is often a key."""
    values = [pair.partition("=")[2] or pair for pair in base.query.split("&")]
    return tuple(Secret(text) for value in values for text in (value, unquote_plus(value)))


def _port(scheme: str) -> int:
    return 443 if scheme == "https" else 80


def join(base: Base, place: str, method: str = "POST") -> Route:
    """The request for a place: "", "/path", "path?query" or any of these after a method and a space.

    Its path is below the base's path on every server, also on one that decodes twice, takes a backslash for a
    slash or drops what follows a semicolon. Raises BadPlace.
    """
    named, space, rest = place.partition(" ")
    if space:
        method, place = named, rest
    if method not in METHODS:
        raise BadPlace(f"the method is not one of {', '.join(METHODS)}")
    if len(place) > _MAX_PLACE:
        raise BadPlace("it is too long")
    if not _PLACE.fullmatch(place):
        raise BadPlace("it holds a character that belongs into no path; percent-encode it")
    path, question, query = place.partition("?")
    _check_scheme(path)
    _check_path(path)
    queries = "&".join(part for part in (base.query, query) if part)
    return Route(method, _below(base.path, path) + (f"?{queries}" if queries else ""))


def _below(base: str, path: str) -> str:
    return f"{base.rstrip('/')}/{path.removeprefix('/')}" if path else base or "/"


def _check_scheme(path: str) -> None:
    if ":" in path.partition("/")[0]:
        raise BadPlace("it begins like an absolute url")


def _check_path(path: str) -> None:
    plain = path
    for _ in range(_MAX_ENCODINGS):
        segments = re.split(r"[/\\]", plain)
        if any(segment.partition(";")[0] in (".", "..") for segment in segments):
            raise BadPlace("it holds the segment . or ..")
        if not plain.isprintable():
            raise BadPlace("it holds a control character")
        decoded = unquote(plain, errors="replace")
        if decoded == plain:
            break
        plain = decoded
    else:
        raise BadPlace("it is percent-encoded too often")
    if "//" in path or path.startswith("/\\"):
        raise BadPlace("it holds an empty segment")
