"""Builders of facts: every argument has a default, so that a test names only what it is about."""

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from importlib.resources import files

from controltower.domain.facts import OK, Event, SpanSegment
from controltower.domain.identifiers import Identifier
from controltower.domain.process_files import parse_process
from controltower.domain.processes import Process

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
_numbers = itertools.count(1)


def us(moment: datetime) -> int:
    """Microseconds since the epoch."""
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def built_in(name: str) -> Process:
    """The built-in process of a file."""
    text = (files("controltower") / "processes" / f"{name}.toml").read_text()
    return parse_process(text, f"{name}.toml")


def order_to_cash() -> Process:
    """The built-in process of orders."""
    return built_in("order_to_cash")


def an_event(
    type: str = "order.captured",
    *identifiers: tuple[str, str],
    id: str = "",
    source: str = "/shop",
    at: datetime = NOW,
    trace: bytes = b"",
    outcome: str = OK,
    claims: tuple[tuple[str, str], ...] = (),
    **rest: str,
) -> Event:
    """An event whose digest covers all that it says."""
    id = id or f"e{next(_numbers)}"
    event = Event(
        source=source,
        id=id,
        type=type,
        occurred_us=us(at),
        digest=b"",
        identifiers=tuple(Identifier(*pair) for pair in identifiers),
        trace_id=trace,
        system=rest.pop("system", source.strip("/")),
        outcome=outcome,
        payload=b"{}",
        claims=claims,
        **rest,
    )
    return event._replace(digest=blake2b(repr(event).encode(), digest_size=16).digest())


def a_segment(trace: bytes, *spans: Sequence[tuple[str, str]], service: str = "shop") -> SpanSegment:
    """A trace segment whose spans carry the given identifiers; its content is not OTLP."""
    links = tuple(tuple(Identifier(*pair) for pair in span) for span in spans if span)
    return SpanSegment(
        trace_id=trace,
        digest=blake2b(repr((trace, links, service)).encode(), digest_size=16).digest(),
        span_count=max(1, len(spans)),
        error_count=0,
        start_ns=us(NOW) * 1000,
        end_ns=us(NOW) * 1000 + 1000,
        links=links,
        services=((service, max(1, len(spans)), 0),),
        part=b"",
    )
