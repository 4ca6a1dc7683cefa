"""Writing facts: what one group commit stores, in one transaction, and the receipts that it gives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import NamedTuple

from sqlalchemy import Connection

from controltower.domain.components import Ties, ties_of
from controltower.domain.facts import FAILED, Event, Quarantined, QueueSample, SpanSegment, short_name
from controltower.domain.identifiers import key_of
from controltower.domain.processes import Process
from controltower.store import tables
from controltower.store.blocks import pack_blocks
from controltower.store.bulk import Bulk, Row, bulk_of
from controltower.store.components import write_identifiers, write_links
from controltower.store.engine import POSTGRESQL
from controltower.store.packing import pack
from controltower.store.projection import Projection

_MINUTE_US = 60_000_000
_BLOCK_ID = list(tables.span_segment.columns.keys()).index("block_id")
_PROJECTION_LOCK = 0x636F6E74  # one for all writers of a PostgreSQL database

HELD = "held"


@dataclass(frozen=True, slots=True)
class FactBatch:
    """Everything that one request brings: committed whole or not at all."""

    events: Sequence[Event] = ()
    segments: Sequence[SpanSegment] = ()
    samples: Sequence[QueueSample] = ()
    quarantined: Sequence[Quarantined] = ()
    dropped: Mapping[tuple[str, str, str], int] = field(default_factory=dict)  # (signal, reason, name)
    size: int = 0  # bytes that it holds in memory while it waits


class Receipt(NamedTuple):
    """What became of one batch, once it is committed."""

    events_stored: int
    events_duplicate: int
    new_events: tuple[bool, ...]  # one for each event of the batch, in order
    segments_stored: int
    quarantined: int


class PreparedEvent(NamedTuple):
    """An event with all that can be computed before the transaction."""

    event: Event
    ties: Ties
    row: Row


class PreparedBatch(NamedTuple):
    """A batch ready to be written; made outside the transaction, by any thread."""

    batch: FactBatch
    events: tuple[PreparedEvent, ...]
    segments: tuple[Row, ...]


def prepare(batch: FactBatch, now_us: int) -> PreparedBatch:
    """Do the work on a batch that needs no database: keys, rows, compression."""
    return PreparedBatch(
        batch,
        tuple(_prepare_event(event, now_us) for event in batch.events),
        tuple(_segment_row(segment, now_us) for segment in batch.segments),
    )


def _prepare_event(event: Event, now_us: int) -> PreparedEvent:
    event = event._replace(system=short_name(event.system or event.source))
    ties = ties_of(event)
    return PreparedEvent(
        event,
        ties,
        (
            ties.anchor,
            event.digest,
            event.source,
            event.id,
            event.type,
            event.system,
            event.occurred_us,
            now_us,
            event.outcome,
            event.trace_id or None,
            event.content_type,
            write_identifiers(event.identifiers),
            pack(event.payload),
        ),
    )


def _segment_row(segment: SpanSegment, now_us: int) -> Row:
    return (
        segment.trace_id,
        segment.digest,
        now_us,
        segment.start_ns,
        segment.end_ns,
        segment.span_count,
        segment.error_count,
        write_links(segment.links),
    )


def write_facts(
    connection: Connection,
    prepared: Sequence[PreparedBatch],
    processes: Mapping[str, Process],
    now_us: int,
) -> list[Receipt]:
    """Store the batches and bring journeys up to date; facts that are there already are counted and left
    alone.

    The caller's transaction must be a writing one; nothing is visible before it commits.
    """
    bulk = bulk_of(connection)
    figures = _Figures(now_us)
    if connection.dialect.name == POSTGRESQL:
        _lock_projection(connection, prepared)
    new_events = _write_events(bulk, prepared, figures)
    new_segments = _write_segments(bulk, prepared, figures)
    _project(bulk, new_events, new_segments, processes, now_us)
    _write_samples(bulk, prepared, figures)
    for batch in prepared:
        if batch.batch.quarantined:
            _write_quarantine(bulk, batch.batch.quarantined, figures, now_us)
        if batch.batch.dropped:
            for (signal, reason, name), number in batch.batch.dropped.items():
                figures.dropped[signal, reason, short_name(name)] += number
    figures.save(bulk)
    return _receipts(prepared, new_events, new_segments)


def _lock_projection(connection: Connection, prepared: Sequence[PreparedBatch]) -> None:
    """Projections of several processes take turns; batches without anything to stitch do not wait."""
    stitches = any(batch.events or any(s.links for s in batch.batch.segments) for batch in prepared)
    if stitches:
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s)", (_PROJECTION_LOCK,))


def _write_events(
    bulk: Bulk, prepared: Sequence[PreparedBatch], figures: _Figures
) -> dict[bytes, PreparedEvent]:
    distinct: dict[bytes, PreparedEvent] = {}
    total = 0
    for batch in prepared:
        total += len(batch.events)
        for event in batch.events:
            distinct.setdefault(event.event.digest, event)
    if not distinct:
        return {}
    stored = bulk.insert_new(tables.event, [event.row for event in distinct.values()])
    new = {row[1]: distinct[row[1]] for row in stored} if len(stored) < len(distinct) else distinct
    figures.count("duplicates", total - len(new))
    for stored_event in new.values():
        figures.add_event(stored_event.event, stored_event.ties)
    _write_labels(bulk, new.values())
    return new


def _write_labels(bulk: Bulk, events: Iterable[PreparedEvent]) -> None:
    rows = {
        (key, ties.anchor): (key, ties.anchor, identifier.kind, identifier.value)
        for _, ties, _ in events
        for key, identifier in ties.labels.items()
    }
    bulk.insert(tables.label, list(rows.values()))


def _write_segments(
    bulk: Bulk, prepared: Sequence[PreparedBatch], figures: _Figures
) -> list[tuple[int, SpanSegment]]:
    distinct: dict[Row, tuple[int, SpanSegment, Row]] = {}
    for index, batch in enumerate(prepared):
        for segment, row in zip(batch.batch.segments, batch.segments, strict=True):
            distinct.setdefault(row[:2], (index, segment, row))
    if not distinct:
        return []
    places = pack_blocks([segment for _, segment, _ in distinct.values()], figures.now_us)
    rows = [(*row, *place) for (_, _, row), place in zip(distinct.values(), places.of_segments, strict=True)]
    stored = bulk.insert_new(tables.span_segment, rows)
    used = {row[_BLOCK_ID] for row in stored}
    bulk.insert(tables.span_block, [block for block in places.blocks if block[0] in used])
    new = [distinct[row[:2]][:2] for row in stored]
    links = {
        (key_of(identifier), segment.trace_id): None
        for _, segment in new
        for span in segment.links
        for identifier in span
    }
    bulk.insert(tables.trace_link, list(links))
    for _, segment in new:
        figures.add_segment(segment)
    return new


def _project(
    bulk: Bulk,
    new_events: Mapping[bytes, PreparedEvent],
    new_segments: Sequence[tuple[int, SpanSegment]],
    processes: Mapping[str, Process],
    now_us: int,
) -> None:
    linked = [segment for _, segment in new_segments if segment.links]
    if not new_events and not linked:
        return
    projection = Projection(bulk, processes, now_us)
    if new_events:
        projection.add_events([(event, ties) for event, ties, _ in new_events.values()])
    if linked:
        projection.add_links(linked)
    projection.save()


def _write_samples(bulk: Bulk, prepared: Sequence[PreparedBatch], figures: _Figures) -> None:
    rows = {}
    for batch in prepared:
        for sample in batch.batch.samples:
            names = (sample.system, sample.queue, sample.group, sample.measure)
            key = (*map(short_name, names), sample.sampled_us)
            rows[key] = (*key, sample.value)
            figures.add_sample(sample)
    bulk.replace(tables.queue_sample, list(rows.values()))


def _write_quarantine(bulk: Bulk, items: Sequence[Quarantined], figures: _Figures, now_us: int) -> None:
    rows = []
    for item in items:
        digest = blake2b(item.payload + item.reason.encode(), digest_size=16).digest()
        # The same bytes again are the same item, so that a client that retries for ever fills no screen.
        rows.append(
            (
                digest,
                item.edge,
                item.reason,
                item.message,
                item.content_type,
                item.headers,
                item.payload,
                HELD,
                now_us,
                None,
                None,
                None,
            )
        )
        figures.count("quarantined", 1)
    bulk.insert(tables.quarantine, rows)


def _receipts(
    prepared: Sequence[PreparedBatch],
    new_events: Mapping[bytes, PreparedEvent],
    new_segments: Sequence[tuple[int, SpanSegment]],
) -> list[Receipt]:
    segments = Counter(index for index, _ in new_segments)
    pending = set(new_events)
    receipts = []
    for index, batch in enumerate(prepared):
        fresh = []
        for event in batch.events:
            fresh.append(event.event.digest in pending)
            pending.discard(event.event.digest)
        stored = sum(fresh)
        receipts.append(
            Receipt(stored, len(fresh) - stored, tuple(fresh), segments[index], len(batch.batch.quarantined))
        )
    return receipts


class _Figures:
    """Counters that a commit adds to: what arrived each minute, and when each source was last heard of."""

    def __init__(self, now_us: int) -> None:
        self.now_us = now_us
        self._minute: Counter[str] = Counter()
        self._sources: dict[tuple[str, str], list[int]] = {}
        self.dropped: Counter[tuple[str, str, str]] = Counter()

    def count(self, measure: str, number: int) -> None:
        self._minute[measure] += number

    def add_event(self, event: Event, ties: Ties) -> None:
        failed = int(event.outcome == FAILED)
        self._minute["events"] += 1
        self._minute["failures"] += failed
        self._heard(event.system, "events", event.occurred_us, 1, failed, ties.refused)

    def add_segment(self, segment: SpanSegment) -> None:
        self._minute["spans"] += segment.span_count
        self._minute["error_spans"] += segment.error_count
        for service, spans, errors in segment.services:
            self._heard(short_name(service), "spans", segment.end_ns // 1000, spans, errors, 0)

    def add_sample(self, sample: QueueSample) -> None:
        self._heard(short_name(sample.system), "queues", sample.sampled_us, 1, 0, 0)

    def _heard(self, name: str, signal: str, occurred_us: int, facts: int, errors: int, refused: int) -> None:
        known = self._sources.get((name, signal))
        if known is None:
            self._sources[name, signal] = [occurred_us, facts, errors, refused]
        else:
            known[0] = max(known[0], occurred_us)
            known[1] += facts
            known[2] += errors
            known[3] += refused

    def save(self, bulk: Bulk) -> None:
        minute = self.now_us // _MINUTE_US
        counted = sorted(self._minute.items())
        bulk.merge(tables.minute_count, [(minute, measure, n) for measure, n in counted if n])
        bulk.merge(
            tables.source,
            [
                (name, signal, self.now_us, self.now_us, occurred_us, *figures)
                for (name, signal), (occurred_us, *figures) in sorted(self._sources.items())
            ],
        )
        bulk.merge(tables.dropped_count, [(*key, n) for key, n in sorted(self.dropped.items())])
