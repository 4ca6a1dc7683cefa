"""Writing facts: what one group commit stores, in one transaction, and the receipts that it gives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import NamedTuple

from sqlalchemy import Connection

from controltower.domain.components import Ties
from controltower.domain.facts import FAILED, Quarantined, QueueSample, short_name
from controltower.domain.journeys import Fact
from controltower.domain.processes import Process
from controltower.store import tables
from controltower.store.blocks import Place, pack_parts
from controltower.store.bulk import Bulk, Row, bulk_of
from controltower.store.engine import POSTGRESQL
from controltower.store.prepared import Group, PreparedEvent, PreparedSegment
from controltower.store.projection import Projection

_MINUTE_US = 60_000_000
_BLOCK_ID = list(tables.span_segment.columns.keys()).index("block_id")
_PROJECTION_LOCK = 0x636F6E74  # one for all writers of a PostgreSQL database

HELD = "held"


class Receipt(NamedTuple):
    """What became of one batch, once it is committed."""

    events_stored: int
    events_duplicate: int
    new_events: tuple[bool, ...]  # one for each event of the batch, in order
    segments_stored: int
    quarantined: int


def commit_facts(connection: Connection, group: Group, processes: Mapping[str, Process]) -> list[Receipt]:
    """Store the batches and bring journeys up to date; facts that are there already are counted and left
    alone.

    The caller's transaction must be a writing one; nothing is visible before it commits.
    """
    if _stitches(group):  # others need not wait
        lock_projection(connection)
    bulk = bulk_of(connection)
    with bulk.together():
        return _store(bulk, group, processes)


def _store(bulk: Bulk, group: Group, processes: Mapping[str, Process]) -> list[Receipt]:
    figures = _Figures(group.now_us)
    new_events = _write_events(bulk, group, figures)
    new_segments = _write_segments(bulk, group, figures)
    _project(bulk, new_events, new_segments, processes, group.now_us)
    _write_samples(bulk, group, figures)
    # At once, so in the order of the keys: otherwise two writers of the same bytes might wait for each other.
    held = [item for batch in group.batches for item in batch.quarantined]
    if held:
        _write_quarantine(bulk, held, figures, group.now_us)
    for batch in group.batches:
        for signal, reason, name, number in batch.dropped:
            figures.dropped[signal, reason, name] += number
    figures.save(bulk)
    return _receipts(group, new_events, new_segments)


def lock_projection(connection: Connection) -> None:
    """Projections of several processes take turns, until the end of the transaction."""
    if connection.dialect.name == POSTGRESQL:
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s)", (_PROJECTION_LOCK,))


def _stitches(group: Group) -> bool:
    return any(batch.events or any(segment.spans for segment in batch.segments) for batch in group.batches)


def _write_events(bulk: Bulk, group: Group, figures: _Figures) -> dict[bytes, PreparedEvent]:
    distinct: dict[bytes, PreparedEvent] = {}
    total = 0
    for batch in group.batches:
        total += len(batch.events)
        for event in batch.events:
            distinct.setdefault(event.fact.digest, event)
    if not distinct:
        return {}
    stored = bulk.insert_new(tables.event, [_event_row(e, group.now_us) for e in distinct.values()])
    new = {row[1]: distinct[row[1]] for row in stored} if len(stored) < len(distinct) else distinct
    figures.count("duplicates", total - len(new))
    for stored_event in new.values():
        figures.add_event(stored_event.fact, stored_event.ties)
    _write_labels(bulk, new.values())
    return new


def _event_row(event: PreparedEvent, now_us: int) -> Row:
    fact = event.fact
    return (
        event.ties.anchor,
        fact.digest,
        fact.source,
        fact.id,
        fact.type,
        fact.system,
        fact.occurred_us,
        now_us,
        fact.outcome,
        fact.trace_id or None,
        event.content_type,
        event.identifiers,
        event.payload,
    )


def _write_labels(bulk: Bulk, events: Iterable[PreparedEvent]) -> None:
    rows = {
        (key, event.ties.anchor): (key, event.ties.anchor, identifier.kind, identifier.value)
        for event in events
        for key, identifier in event.ties.labels.items()
    }
    bulk.insert(tables.label, list(rows.values()))


def _write_segments(bulk: Bulk, group: Group, figures: _Figures) -> list[tuple[int, PreparedSegment]]:
    distinct: dict[tuple[bytes, bytes], tuple[int, PreparedSegment]] = {}
    for index, batch in enumerate(group.batches):
        for segment in batch.segments:
            distinct.setdefault(segment.key, (index, segment))
    if not distinct:
        return []
    packed = pack_parts(group.parts, group.now_us)
    rows = [
        _segment_row(segment, group.now_us, packed.places[index][segment.part])
        for index, segment in distinct.values()
    ]
    stored = bulk.insert_new(tables.span_segment, rows)
    used = {row[_BLOCK_ID] for row in stored}
    bulk.insert(tables.span_block, [block for block in packed.blocks if block[0] in used])
    new = [distinct[row[:2]] for row in stored] if len(stored) < len(rows) else list(distinct.values())
    links = {
        (key, segment.trace_id): None
        for _, segment in new
        for span in segment.spans
        for keys in span
        for key in keys
    }
    bulk.insert(tables.trace_link, list(links))
    figures.add_segments([segment for _, segment in new])
    return new


def _segment_row(segment: PreparedSegment, now_us: int, place: Place) -> Row:
    return (
        segment.trace_id,
        segment.digest,
        now_us,
        segment.start_ns,
        segment.end_ns,
        segment.span_count,
        segment.error_count,
        segment.links,
        *place,
    )


def _project(
    bulk: Bulk,
    new_events: Mapping[bytes, PreparedEvent],
    new_segments: Sequence[tuple[int, PreparedSegment]],
    processes: Mapping[str, Process],
    now_us: int,
) -> None:
    linked = [segment for _, segment in new_segments if segment.spans]
    if not new_events and not linked:
        return
    projection = Projection(bulk, processes, now_us)
    if new_events:
        projection.add_events([(event.fact, event.ties) for event in new_events.values()])
    if linked:
        projection.add_links(linked)
    projection.save()


def _write_samples(bulk: Bulk, group: Group, figures: _Figures) -> None:
    rows = {}
    for batch in group.batches:
        for sample in batch.samples:
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
    group: Group,
    new_events: Mapping[bytes, PreparedEvent],
    new_segments: Sequence[tuple[int, PreparedSegment]],
) -> list[Receipt]:
    segments = Counter(index for index, _ in new_segments)
    pending = set(new_events)
    receipts = []
    for index, batch in enumerate(group.batches):
        fresh = []
        for event in batch.events:
            fresh.append(event.fact.digest in pending)
            pending.discard(event.fact.digest)
        stored = sum(fresh)
        receipts.append(
            Receipt(stored, len(fresh) - stored, tuple(fresh), segments[index], len(batch.quarantined))
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

    def add_event(self, fact: Fact, ties: Ties) -> None:
        failed = int(fact.outcome == FAILED)
        self._minute["events"] += 1
        self._minute["failures"] += failed
        self._heard(fact.system, "events", fact.occurred_us, 1, failed, ties.refused)

    def add_segments(self, segments: Sequence[PreparedSegment]) -> None:
        self._minute["spans"] += sum([segment.span_count for segment in segments])
        self._minute["error_spans"] += sum([segment.error_count for segment in segments])
        # Most segments of a commit are of few kinds: counting those first leaves little to add up.
        newest: dict[tuple[tuple[str, int, int], ...], int] = {}
        for segment in segments:
            if segment.end_ns > newest.get(segment.services, -1):
                newest[segment.services] = segment.end_ns
        for services, times in Counter([segment.services for segment in segments]).items():
            for service, spans, errors in services:
                name, end_us = short_name(service), newest[services] // 1000
                self._heard(name, "spans", end_us, spans * times, errors * times, 0)

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
