"""Facts made ready for one commit: all that can be done without the database, by any thread.

What is made here is plain data with a MessagePack form (`write_group`, `read_group`), so that the commit
itself may happen in another process.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from controltower.domain.components import Ties, fact_of, home_of_span, ties_of
from controltower.domain.facts import Event, Quarantined, QueueSample, SpanSegment, short_name
from controltower.domain.identifiers import Identifier, trace_key
from controltower.domain.journeys import Fact
from controltower.store.components import write_identifiers, write_links
from controltower.store.packing import pack


@dataclass(frozen=True, slots=True)
class FactBatch:
    """Everything that one request brings: committed whole or not at all."""

    events: Sequence[Event] = ()
    segments: Sequence[SpanSegment] = ()
    samples: Sequence[QueueSample] = ()
    quarantined: Sequence[Quarantined] = ()
    dropped: Mapping[tuple[str, str, str], int] = field(default_factory=dict)  # (signal, reason, name)
    size: int = 0  # bytes that it holds in memory while it waits


class PreparedEvent(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """An event as it is stored and folded."""

    fact: Fact
    ties: Ties
    content_type: str
    identifiers: bytes  # see store.components
    payload: bytes  # packed


class SpanTies(NamedTuple):
    """The keys that one span names."""

    home: dict[bytes, Identifier]  # of its strongest bond
    weaker: dict[bytes, Identifier]  # LEG keys beside ORDER keys


class PreparedSegment(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A trace segment as it is stored and linked."""

    trace_id: bytes
    digest: bytes
    start_ns: int
    end_ns: int
    span_count: int
    error_count: int
    links: bytes  # see store.components
    part: int  # index of its bytes among the parts of its batch
    services: tuple[tuple[str, int, int], ...]  # (service, spans, errors)
    trace_key: bytes  # under which facts wait that know only this trace; empty when `spans` is
    spans: tuple[SpanTies, ...]  # of those that name anything

    @property
    def key(self) -> tuple[bytes, bytes]:
        """What makes it the same segment."""
        return self.trace_id, self.digest


class Facts(msgspec.Struct, array_like=True, frozen=True):
    """What one batch stores."""

    events: list[PreparedEvent]
    segments: list[PreparedSegment]
    samples: list[QueueSample]
    quarantined: list[Quarantined]
    dropped: list[tuple[str, str, str, int]]  # signal, reason, name, how many


class PreparedBatch(NamedTuple):
    """A batch that waits for its commit."""

    facts: Facts
    parts: list[bytes]  # TracesData, not yet compressed
    size: int

    @property
    def weight(self) -> int:
        """How many facts it brings."""
        return len(self.facts.events) + len(self.facts.segments)


class Group(msgspec.Struct, array_like=True, frozen=True):
    """Batches that are committed together."""

    now_us: int
    batches: list[Facts]
    parts: list[list[bytes]]  # of each batch


def prepare(batch: FactBatch) -> PreparedBatch:
    """Do the work on one batch: keys, stored forms, compression of payloads."""
    parts: list[bytes] = []
    facts = Facts(
        [_prepare_event(event) for event in batch.events],
        [_prepare_segment(segment, _index_of(segment.part, parts)) for segment in batch.segments],
        list(batch.samples),
        list(batch.quarantined),
        [(signal, reason, short_name(name), n) for (signal, reason, name), n in batch.dropped.items()],
    )
    return PreparedBatch(facts, parts, batch.size)


def _index_of(part: bytes, parts: list[bytes]) -> int:
    """Segments of one request share one object; it is kept once."""
    if not parts or parts[-1] is not part:
        parts.append(part)
    return len(parts) - 1


def _prepare_event(event: Event) -> PreparedEvent:
    ties = ties_of(event)
    return PreparedEvent(
        fact_of(event, ties),
        ties,
        event.content_type,
        write_identifiers(event.identifiers),
        pack(event.payload),
    )


def _prepare_segment(segment: SpanSegment, part: int) -> PreparedSegment:
    trace_id, digest, span_count, error_count, start_ns, end_ns, links, services, _ = segment
    spans = tuple([ties for span in links if (ties := SpanTies(*home_of_span(span))).home])
    return PreparedSegment(
        trace_id,
        digest,
        start_ns,
        end_ns,
        span_count,
        error_count,
        write_links(links),
        part,
        services,
        trace_key(trace_id) if spans else b"",
        spans,
    )


def group_of(batches: Sequence[PreparedBatch], now_us: int) -> Group:
    """One commit of these batches."""
    return Group(now_us, [batch.facts for batch in batches], [batch.parts for batch in batches])


def only(group: Group, index: int) -> Group:
    """One batch of a group, to be committed alone."""
    return Group(group.now_us, [group.batches[index]], [group.parts[index]])


_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Group] = msgspec.msgpack.Decoder(Group)


def write_group(group: Group) -> bytes:
    """The MessagePack form of a group. Raises what msgspec raises for text that is not UTF-8."""
    return _encoder.encode(group)


def read_group(encoded: bytes | bytearray) -> Group:
    """The group that `write_group` wrote."""
    return _decoder.decode(encoded)
