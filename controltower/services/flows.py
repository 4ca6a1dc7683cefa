"""Reading the flow map of a window: journeys for what events tell, traces for what spans tell."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from google.protobuf.message import DecodeError
from opentelemetry.proto.trace.v1.trace_pb2 import Status, TracesData

from controltower.domain.flows import (
    SIGNALS,
    Call,
    FlowMap,
    Hop,
    Signal,
    hops_of_calls,
    hops_of_trails,
    map_flows,
)
from controltower.domain.processes import Process
from controltower.domain.spans import UNKNOWN_SERVICE
from controltower.domain.steps import Trail, list_steps
from controltower.domain.times import to_us
from controltower.store.engine import Database, reading
from controltower.store.journey_samples import JourneySample, SampledJourney, sample_active
from controltower.store.span_samples import SpanSample, sample_traces

MOST_TRACES = 240
_SERVICE_NAME = "service.name"


@dataclass(frozen=True, slots=True)
class JourneysRead:
    """Which journeys the messages of events come from."""

    read: int
    found: int
    looked_back_to: datetime | None
    too_long: int
    is_whole: bool


@dataclass(frozen=True, slots=True)
class SpansRead:
    """Which spans the messages of spans come from."""

    traces: int
    spans: int
    arrived: int | None  # in the window; None when it is too long to be counted
    is_whole: bool


@dataclass(frozen=True, slots=True)
class FlowReading:
    """A flow map, what it was made of, and how much that stands for."""

    since_at: datetime
    until_at: datetime
    map: FlowMap
    hops: tuple[Hop, ...]
    journeys_read: JourneysRead | None  # None when events were not asked for
    spans_read: SpansRead | None

    def per_hour(self, signal: Signal, count: int) -> float | None:
        """The rate that so many messages of the sample stand for; None when it is not known."""
        stands_for = self._scale(signal)
        hours = (self.until_at - self.since_at).total_seconds() / 3600
        return None if stands_for is None else count * stands_for / hours

    def _scale(self, signal: Signal) -> float | None:
        """How many messages of the window one of the sample stands for."""
        if signal == "events":
            told = self.journeys_read
            return told.found / told.read if told is not None and told.read else 1.0
        spans = self.spans_read
        if spans is None or spans.is_whole or not spans.spans:
            return 1.0
        return None if spans.arrived is None else max(spans.arrived / spans.spans, 1.0)


def load_flows(
    db: Database,
    processes: Mapping[str, Process],
    since_at: datetime,
    until_at: datetime,
    *,
    most: int,
    signals: Collection[Signal] = SIGNALS,
) -> FlowReading:
    """The flows of [since, until), from at most so many journeys and MOST_TRACES traces."""
    journeys: JourneySample | None = None
    spans: SpanSample | None = None
    with reading(db) as c:
        if "events" in signals:
            journeys = sample_active(c, since_at, until_at, most=most)
        if "spans" in signals:
            spans = sample_traces(c, since_at, until_at, most=MOST_TRACES)
    sampled = journeys.journeys if journeys else ()
    calls = list(read_calls(spans)) if spans else []
    told = hops_of_trails(
        (trail_of(one, processes.get(one.process)) for one in sampled), to_us(since_at), to_us(until_at)
    )
    hops = (*told, *hops_of_calls(calls))
    return FlowReading(
        since_at=since_at,
        until_at=until_at,
        map=map_flows(hops),
        hops=hops,
        journeys_read=journeys_read(journeys) if journeys else None,
        spans_read=SpansRead(len(spans.trace_ids), len(calls), spans.arrived, spans.is_whole)
        if spans
        else None,
    )


def trail_of(journey: SampledJourney, process: Process | None, *, by_stage: bool = False) -> Trail:
    """The journey as its steps."""
    return Trail(journey.id, journey.started_us, list_steps(journey.facts, process, by_stage=by_stage))


def read_calls(sample: SpanSample) -> Iterator[Call]:
    """The spans of the sampled traces, as far as they can be read; one that was stored twice comes once."""
    return iter(dict.fromkeys(_calls(sample.contents, sample.trace_ids)))


def _calls(contents: Iterable[bytes], trace_ids: Collection[bytes]) -> Iterator[Call]:
    for content in contents:
        try:
            message = TracesData.FromString(content)
        except DecodeError:
            continue
        for group in message.resource_spans:
            service = next(
                (a.value.string_value for a in group.resource.attributes if a.key == _SERVICE_NAME), ""
            )
            for scope in group.scope_spans:
                for span in scope.spans:
                    if span.trace_id in trace_ids:
                        yield Call(
                            span.trace_id,
                            span.span_id,
                            span.parent_span_id if any(span.parent_span_id) else b"",
                            service or UNKNOWN_SERVICE,
                            span.start_time_unix_nano,
                            span.end_time_unix_nano,
                            span.status.code == Status.STATUS_CODE_ERROR,
                        )


def journeys_read(sample: JourneySample) -> JourneysRead:
    """What to say of a sample."""
    return JourneysRead(
        len(sample.journeys), sample.found, sample.looked_back_to, sample.too_long, sample.is_whole
    )
