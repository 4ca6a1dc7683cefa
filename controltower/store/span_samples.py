"""Whole traces of a window: a bounded number of them, from all over it.

The window is cut into equal parts, and of each the traces that were received last are read: spans that
arrived together were stored together, so that a few blocks hold many of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain, pairwise, zip_longest

from sqlalchemy import Connection, func, select

from controltower.domain.times import to_us
from controltower.store.membership import in_chunks
from controltower.store.packing import unpack
from controltower.store.tables import minute_count, span_block, span_segment

PARTS = 12  # of the window
MOST_BYTES = 16 * 1024 * 1024  # unpacked; what is begun is read to its end
COUNTED_WINDOW = timedelta(
    days=31
)  # a count of each minute is kept; of a longer window they are not added up
_SEGMENTS_OF_A_TRACE = 4  # that are looked at on the average, to find enough different traces
_AT_ONCE = 2 * PARTS
_MINUTE_US = 60_000_000


@dataclass(frozen=True, slots=True)
class SpanSample:
    """Some traces of a window."""

    trace_ids: frozenset[bytes]
    contents: tuple[bytes, ...]  # OTLP TracesData that hold all spans of these traces, and some of others
    is_whole: bool  # every trace of the window is here
    arrived: int | None  # spans that arrived in the window; None when it is too long for adding them up


def sample_traces(c: Connection, since_at: datetime, until_at: datetime, *, most: int) -> SpanSample:
    """At most so many traces of which a span was received within [since, until)."""
    wanted, is_whole = _choose(c, to_us(since_at), to_us(until_at), most)
    blocks: dict[bytes, bytes] = {}
    places: dict[tuple[bytes, int, int], None] = {}
    taken: set[bytes] = set()
    for chunk in in_chunks(wanted, _AT_ONCE):
        if sum(map(len, blocks.values())) >= MOST_BYTES:
            is_whole = False
            break
        found = _places(c, chunk)
        blocks.update(_blocks(c, {block for block, *_ in found} - blocks.keys()))
        places.update(dict.fromkeys(found))
        taken.update(chunk)
    return SpanSample(
        trace_ids=frozenset(taken),
        contents=tuple(blocks[block][offset : offset + length] for block, offset, length in places),
        is_whole=is_whole,
        arrived=_arrived(c, since_at, until_at),
    )


def _choose(c: Connection, since_us: int, until_us: int, most: int) -> tuple[list[bytes], bool]:
    """The traces to read, one of each part of the window in turn, and whether these are all."""
    edges = [since_us + (until_us - since_us) * part // PARTS for part in range(PARTS + 1)]
    columns = [_newest(c, *part, most * _SEGMENTS_OF_A_TRACE) for part in pairwise(edges)]
    in_turn = chain.from_iterable(zip_longest(*(found for found, _ in reversed(columns))))
    distinct = list(dict.fromkeys(trace_id for trace_id in in_turn if trace_id is not None))
    return distinct[:most], len(distinct) <= most and all(is_all for _, is_all in columns)


def _newest(c: Connection, since_us: int, until_us: int, segments: int) -> tuple[list[bytes], bool]:
    """The traces of the segments received last, and whether there are no more segments."""
    received = span_segment.c.received_us
    query = select(span_segment.c.trace_id).where(received >= since_us, received < until_us)
    newest = query.order_by(received.desc()).limit(segments + 1)
    found = c.execute(newest).scalars().all()
    return list(dict.fromkeys(found[:segments])), len(found) <= segments


def _places(c: Connection, trace_ids: Iterable[bytes]) -> list[tuple[bytes, int, int]]:
    table = span_segment.c
    query = select(table.block_id, table.block_offset, table.block_length)
    rows = c.execute(query.where(table.trace_id.in_(list(trace_ids))))
    return sorted({(row.block_id, row.block_offset, row.block_length) for row in rows})


def _blocks(c: Connection, ids: Iterable[bytes]) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    for chunk in in_chunks(sorted(ids)):
        query = select(span_block.c.id, span_block.c.blob).where(span_block.c.id.in_(chunk))
        found.update((row.id, unpack(row.blob)) for row in c.execute(query))
    return found


def _arrived(c: Connection, since_at: datetime, until_at: datetime) -> int | None:
    if until_at - since_at > COUNTED_WINDOW:
        return None
    table = minute_count.c
    query = select(func.sum(table.total)).where(
        table.minute >= to_us(since_at) // _MINUTE_US,
        table.minute <= (to_us(until_at) - 1) // _MINUTE_US,
        table.measure == "spans",
    )
    return int(c.execute(query).scalar_one() or 0)
