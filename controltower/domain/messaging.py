"""Spans that hand messages over, and those that take them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Handling(NamedTuple):
    """A span that put a message into places, or took one out of them."""

    trace_id: bytes
    span_id: bytes
    answers: frozenset[bytes]  # its parent, and the spans that it links to
    is_producer: bool
    places: frozenset[str]  # by every name that the span has for the place
    start_ns: int
    service: str


def newest_untaken(handlings: Iterable[Handling], queue: str) -> Handling | None:
    """The newest span that put a message into the queue, when no span took one since; else None.

    A span took it when it names that span as its parent or in a link, or names the queue and began later.
    """
    known = list(handlings)
    put = [one for one in known if one.is_producer and queue in one.places]
    if not put:
        return None
    newest = max(put, key=lambda one: (one.start_ns, one.span_id))
    took = (one for one in known if not one.is_producer)
    is_taken = any(
        newest.span_id in one.answers or (queue in one.places and one.start_ns >= newest.start_ns)
        for one in took
    )
    return None if is_taken else newest
