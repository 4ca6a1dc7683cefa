"""Which journeys wait in a queue, as far as spans tell: their newest message went in, and nobody took it.

A queue does not say whose messages it holds. Spans of the last hour are looked at, of a bounded number of
traces; every journey found among them is then looked at whole, so that what is listed is right by all that is
stored, while what is not listed may wait all the same.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from google.protobuf.message import DecodeError
from opentelemetry.proto.trace.v1.trace_pb2 import Span, TracesData

from controltower.domain.journeys import IN_FLIGHT
from controltower.domain.messaging import Handling, newest_untaken
from controltower.domain.spans import UNKNOWN_SERVICE
from controltower.domain.times import from_us
from controltower.services.flows import MOST_TRACES
from controltower.store.engine import Connection, Database, reading
from controltower.store.journey_rows import JourneyRow
from controltower.store.journeys import journey_trace_ids
from controltower.store.span_samples import SpanSample, sample_traces
from controltower.store.traces import find_journeys_of_traces, segments_of_traces

LOOKED_BACK = timedelta(hours=1)
MOST_LISTED = 25
_DESTINATIONS = (
    "messaging.destination.name",
    "messaging.destination",  # until semantic conventions 1.16
    "messaging.rabbitmq.destination.routing_key",  # the queue, when the default exchange is used
)
_SERVICE_NAME = "service.name"
_PUTS = Span.SpanKind.SPAN_KIND_PRODUCER
_TAKES = Span.SpanKind.SPAN_KIND_CONSUMER


@dataclass(frozen=True, slots=True)
class WaitingJourney:
    """A journey in flight, and the message of it that nobody took."""

    row: JourneyRow
    since_at: datetime
    service: str  # that sent it
    trace_id: bytes


@dataclass(frozen=True, slots=True)
class Waiting:
    """Journeys that wait, those that have waited longest first."""

    journeys: tuple[WaitingJourney, ...]
    more: bool  # candidates that were not looked at
    traces: int  # that were looked at
    is_whole: bool  # these are all of the time looked back


def find_waiting(db: Database, queue: str, now: datetime) -> Waiting:
    """The journeys in flight whose newest message into the queue was not taken."""
    with reading(db) as c:
        sample = sample_traces(c, now - LOOKED_BACK, now, most=MOST_TRACES)
        candidates = _candidates(c, sample, queue)
        looked_at = candidates[:MOST_LISTED]
        found = [one for row in looked_at if (one := _looked_at(c, row, queue)) is not None]
    found.sort(key=lambda one: one.since_at)
    return Waiting(tuple(found), len(looked_at) < len(candidates), len(sample.trace_ids), sample.is_whole)


def _candidates(c: Connection, sample: SpanSample, queue: str) -> list[JourneyRow]:
    """The journeys in flight of the sampled traces in which a message is untaken, oldest message first."""
    name = queue.encode()
    if not any(name in content for content in sample.contents):
        return []
    by_trace: dict[bytes, list[Handling]] = {}
    for one in read_handlings(sample.contents):
        if one.trace_id in sample.trace_ids:
            by_trace.setdefault(one.trace_id, []).append(one)
    found = (newest_untaken(known, queue) for known in by_trace.values())
    untaken = sorted((one for one in found if one is not None), key=lambda one: one.start_ns)
    journeys = find_journeys_of_traces(c, [one.trace_id for one in untaken])
    rows = [row for one in untaken for row in journeys.get(one.trace_id, ()) if row.status == IN_FLIGHT]
    return list({row.id: row for row in rows}.values())


def _looked_at(c: Connection, row: JourneyRow, queue: str) -> WaitingJourney | None:
    """The journey, if none of its traces says that the message was taken."""
    trace_ids: Collection[bytes] = journey_trace_ids(c, row.id)
    segments = segments_of_traces(c, trace_ids)
    handlings = read_handlings(content for parts in segments.values() for content in parts)
    untaken = newest_untaken(handlings, queue)
    if untaken is None:
        return None
    return WaitingJourney(row, from_us(untaken.start_ns // 1000), untaken.service, untaken.trace_id)


def read_handlings(contents: Iterable[bytes]) -> Iterator[Handling]:
    """The spans in TracesData that send or take messages; what cannot be read is passed over."""
    for content in contents:
        try:
            message = TracesData.FromString(content)
        except DecodeError:
            continue
        for group in message.resource_spans:
            names = (a.value.string_value for a in group.resource.attributes if a.key == _SERVICE_NAME)
            service = next(names, "") or UNKNOWN_SERVICE
            for scope in group.scope_spans:
                for span in scope.spans:
                    if span.kind in (_PUTS, _TAKES):
                        yield _handling(span, service)


def _handling(span: Any, service: str) -> Handling:
    parent = (span.parent_span_id,) if any(span.parent_span_id) else ()
    return Handling(
        span.trace_id,
        span.span_id,
        frozenset((*parent, *(link.span_id for link in span.links))),
        span.kind == _PUTS,
        frozenset(a.value.string_value for a in span.attributes if a.key in _DESTINATIONS),
        span.start_time_unix_nano,
        service,
    )
