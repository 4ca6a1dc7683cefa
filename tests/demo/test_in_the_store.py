"""What the estate sends becomes, through the real readers and store, the journeys that it was meant to be."""

import random
from collections import Counter
from datetime import UTC, datetime

import msgspec
import pytest
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from collectors.cloudevents import read_event
from collectors.otlp.links import DEFAULT_ATTRIBUTES, LinkRules
from collectors.otlp.traces import decode_traces
from controltower.demo.emissions import EventOut, TraceOut
from controltower.demo.estate import Estate
from controltower.demo.spans_out import Tracers
from controltower.services.ingest import FactBatch, Ingest
from controltower.services.writers import InlineWriter
from controltower.store.engine import reading
from controltower.store.figures import counts
from tests.builders import order_to_cash, us
from tests.demo.stitching import folded

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
RULES = LinkRules(DEFAULT_ATTRIBUTES)


class Requests(SpanExporter):
    """Keeps what would have gone over the wire."""

    def __init__(self, bodies):
        self.bodies = bodies

    def export(self, spans):
        self.bodies.append(encode_spans(spans).SerializeToString())
        return SpanExportResult.SUCCESS


def event_batches(emissions, size=40):
    documents = [event.document for event in emissions if isinstance(event, EventOut)]
    events = [read_event(msgspec.json.encode(document), received_us=us(NOW)) for document in documents]
    return [FactBatch(events=events[begin : begin + size]) for begin in range(0, len(events), size)]


def span_batches(emissions):
    bodies: list[bytes] = []
    tracers = Tracers(lambda: Requests(bodies))
    for trace in (emission for emission in emissions if isinstance(emission, TraceOut)):
        for span in trace.spans:
            tracers.emit(span)
    for close in tracers.closers():
        close()
    return [FactBatch(segments=decode_traces(body, RULES).segments) for body in bodies]


def store(database, batches):
    process = order_to_cash()
    ingest = Ingest(InlineWriter(database, {process.name: process}), lambda: us(NOW))
    ingest.start()
    for batch in batches:
        ingest.submit(batch).result(timeout=30)
    ingest.close()


@pytest.mark.parametrize("seed", [7, 8])
def test_the_store_finds_the_journeys_that_the_estate_played(database, seed):
    emissions = Estate(seed=seed, series="", started_at=NOW).backfill(80)
    rng = random.Random(seed)
    rng.shuffle(emissions)
    batches = event_batches(emissions) + span_batches(emissions)
    rng.shuffle(batches)
    store(database, batches)
    expected = folded(event.document for event in emissions if isinstance(event, EventOut))
    with reading(database) as c:
        for measure, words in (
            ("status", [journey.status for journey in expected]),
            ("stage", [journey.stage for journey in expected]),
            ("reached", [stage for journey in expected for stage, _ in journey.reached]),
            ("channel", [journey.channel for journey in expected]),
        ):
            assert {name: n for (_, name), n in counts(c, measure).items()} == Counter(words), measure
