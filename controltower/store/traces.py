"""Reading traces. What a span says is in blobs that services.traces understands; the store does not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select, tuple_

from controltower.domain.identifiers import key_of
from controltower.domain.otlp_wire import extract
from controltower.domain.times import from_us, to_us
from controltower.store.components import read_links
from controltower.store.journey_rows import JourneyRow, newest_first
from controltower.store.membership import find_shown, in_chunks
from controltower.store.packing import unpack
from controltower.store.sources import list_sources
from controltower.store.tables import event, span_block, span_segment

Cursor = tuple[int, bytes]  # received_us, trace_id

_LOOKED_THROUGH = 2_000  # parts, for one page
_AT_ONCE = 250
_PLACE = (
    span_segment.c.trace_id,
    span_segment.c.block_id,
    span_segment.c.block_offset,
    span_segment.c.block_length,
)


@dataclass(frozen=True, slots=True)
class ServiceRow:
    """A service that sent spans."""

    name: str
    spans: int
    errors: int
    first_received_at: datetime
    last_received_at: datetime


@dataclass(frozen=True, slots=True)
class TraceRow:
    """A trace without its spans; counts include spans that were sent more than once."""

    trace_id: bytes
    received_at: datetime  # its newest part
    start_ns: int
    end_ns: int
    span_count: int
    error_count: int


@dataclass(frozen=True, slots=True)
class TracePage:
    """Traces, newest received first. `next` is where to look on, None when all was looked through."""

    rows: tuple[TraceRow, ...]
    next: Cursor | None


def trace_segments(c: Connection, trace_id: bytes) -> list[bytes]:
    """The parts of a trace as OTLP TracesData, in a fixed order; empty when there is no such trace."""
    return segments_of_traces(c, (trace_id,)).get(trace_id, [])


def segments_of_traces(c: Connection, trace_ids: Iterable[bytes]) -> dict[bytes, list[bytes]]:
    """`trace_segments` of many traces, which mostly stand in the same blocks; unknown ones are left out."""
    places: list[Any] = []
    for chunk in in_chunks(trace_ids):
        query = select(*_PLACE).where(span_segment.c.trace_id.in_(chunk))
        places.extend(c.execute(query.order_by(span_segment.c.trace_id, span_segment.c.digest)))
    found: dict[bytes, list[bytes]] = {}
    for place, content in zip(places, _contents(c, places), strict=True):
        found.setdefault(bytes(place.trace_id), []).append(content)
    return found


def list_trace_ids(c: Connection, at_once: int) -> Iterator[list[bytes]]:
    """The ids of all traces, so many at once: those that arrived together, which stand in the same blocks."""
    query = select(span_segment.c.trace_id).order_by(span_segment.c.received_us, span_segment.c.block_id)
    found = list(dict.fromkeys(bytes(one) for one in c.execute(query).scalars()))
    for start in range(0, len(found), at_once):
        yield found[start : start + at_once]


def is_trace(c: Connection, trace_id: bytes) -> bool:
    """Whether any span of this trace is stored."""
    return bool(stored_traces(c, (trace_id,)))


def stored_traces(c: Connection, trace_ids: Iterable[bytes]) -> set[bytes]:
    """Those of the traces of which any span is stored."""
    found: set[bytes] = set()
    for chunk in in_chunks(trace_ids):
        query = select(span_segment.c.trace_id).where(span_segment.c.trace_id.in_(chunk)).distinct()
        found.update(c.execute(query).scalars())
    return found


def find_journeys_of_trace(c: Connection, trace_id: bytes) -> list[JourneyRow]:
    """The journeys that the spans or events of a trace belong to, newest started first."""
    return find_journeys_of_traces(c, (trace_id,)).get(trace_id, [])


def find_journeys_of_traces(c: Connection, trace_ids: Iterable[bytes]) -> dict[bytes, list[JourneyRow]]:
    """`find_journeys_of_trace` of many traces; those that belong to none are left out."""
    keys: dict[bytes, set[bytes]] = {}
    for chunk in in_chunks(trace_ids):
        linked = select(span_segment.c.trace_id, span_segment.c.links)
        for trace_id, packed in c.execute(linked.where(span_segment.c.trace_id.in_(chunk))):
            named = {key_of(identifier) for span in read_links(packed) for identifier in span}
            keys.setdefault(bytes(trace_id), set()).update(named)
        told = select(event.c.trace_id, event.c.anchor).where(event.c.trace_id.in_(chunk))
        for trace_id, anchor in c.execute(told):
            keys.setdefault(bytes(trace_id), set()).add(bytes(anchor))
    shown = find_shown(c, set().union(*keys.values()))
    found: dict[bytes, list[JourneyRow]] = {}
    for trace_id, own in keys.items():
        rows = {row.id: row for key in own if (row := shown.get(key)) is not None and not row.hidden}
        if rows:
            found[trace_id] = newest_first(rows.values())
    return found


def list_services(c: Connection) -> list[ServiceRow]:
    """Every service that sent spans, by name."""
    return [
        ServiceRow(row.name, row.facts, row.errors, row.first_received_at, row.last_received_at)
        for row in list_sources(c, "spans")
    ]


def list_traces(
    c: Connection, *, before: Cursor | None = None, limit: int = 50, containing: bytes = b""
) -> TracePage:
    """A page of traces, newest received first; with `containing`, those with a part that holds these bytes.

    At most `_LOOKED_THROUGH` parts are looked at, so a page may hold fewer than `limit` traces although more
    follow: `next` tells. A trace is listed once, where its newest matching part is.
    """
    rows: list[TraceRow] = []
    cursor = before
    for _ in range(0, _LOOKED_THROUGH, _AT_ONCE):
        parts = _parts_before(c, cursor, containing)
        wanted = {part[:2]: None for part in parts if containing in part[2]} if containing else parts
        traces = {row.trace_id: row for row in _whole_traces(c, {part[1] for part in wanted})}
        for received_us, trace_id, *_ in wanted:
            row = traces.pop(trace_id, None)  # popped: further parts of it lie further back
            if row is not None and not _is_listed_before(c, row, received_us, containing):
                rows.append(row)
                if len(rows) == limit:
                    return TracePage(tuple(rows), (received_us, trace_id))
        if len(parts) < _AT_ONCE:
            return TracePage(tuple(rows), None)
        cursor = parts[-1][:2]
    return TracePage(tuple(rows), cursor)


def _parts_before(c: Connection, before: Cursor | None, containing: bytes) -> list[tuple[int, bytes, bytes]]:
    """The next parts as (received_us, trace_id, content); content only when it has to be looked into."""
    at = (span_segment.c.received_us, span_segment.c.trace_id)
    query = select(span_segment.c.received_us, *_PLACE)
    if before is not None:
        # The first condition is what the index of received_us can use.
        query = query.where(span_segment.c.received_us <= before[0], tuple_(*at) < tuple_(*before))
    page = query.order_by(*(column.desc() for column in at)).limit(_AT_ONCE)
    rows = c.execute(page).all()
    contents = _contents(c, rows) if containing else [b""] * len(rows)
    return [(row.received_us, row.trace_id, content) for row, content in zip(rows, contents, strict=True)]


def _is_listed_before(c: Connection, row: TraceRow, received_us: int, containing: bytes) -> bool:
    """Whether a newer part of the trace has put it on the list already."""
    if received_us == to_us(row.received_at):
        return False
    if not containing:
        return True
    newer = select(*_PLACE).where(
        span_segment.c.trace_id == row.trace_id, span_segment.c.received_us > received_us
    )
    return any(containing in content for content in _contents(c, c.execute(newer).all()))


def _contents(c: Connection, places: Sequence[Any]) -> list[bytes]:
    """The TracesData of each of these segments; every block is unpacked once."""
    blocks: dict[bytes, bytes] = {}
    for chunk in in_chunks({place.block_id for place in places}):
        query = select(span_block.c.id, span_block.c.blob).where(span_block.c.id.in_(chunk))
        blocks.update((row.id, unpack(row.blob)) for row in c.execute(query))
    return [
        extract(
            blocks[place.block_id][place.block_offset : place.block_offset + place.block_length],
            place.trace_id,
        )
        for place in places
    ]


def _whole_traces(c: Connection, trace_ids: Iterable[bytes]) -> Iterator[TraceRow]:
    table = span_segment.c
    for chunk in in_chunks(trace_ids):
        query = select(
            table.trace_id,
            func.max(table.received_us).label("received_us"),
            func.min(table.start_ns).label("start_ns"),
            func.max(table.end_ns).label("end_ns"),
            func.sum(table.span_count).label("spans"),
            func.sum(table.error_count).label("errors"),
        ).where(table.trace_id.in_(chunk))
        for row in c.execute(query.group_by(table.trace_id)):
            received_at = from_us(row.received_us)
            spans, errors = int(row.spans), int(row.errors)
            yield TraceRow(row.trace_id, received_at, row.start_ns, row.end_ns, spans, errors)
