"""What a store holds of the requests of tests.end_to_end.hammer."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData
from sqlalchemy import select

from controltower.domain.identifiers import Identifier, key_of
from controltower.store import tables
from controltower.store.engine import Database, reading
from controltower.store.traces import trace_segments
from tests.end_to_end.hammer import Request

# Everything that facts become; left out are the figures that count repeats.
_DERIVED = (
    "event",
    "span_segment",
    "span_block",
    "journey",
    "journey_system",
    "identifier",
    "trace_link",
    "journey_count",
)


@dataclass(frozen=True)
class Kept:
    """The store, read at one moment."""

    events: Counter[str]  # rows, by the id of the event
    traces: Counter[bytes]  # rows, by trace
    spans: dict[bytes, list[bytes]]  # by trace
    journeys: dict[bytes, int]  # shown: how many events, by id

    def check_once(self, requests: Sequence[Request]) -> None:
        """All of every request is there, and once."""
        for request in requests:
            assert [self.events[event_id] for event_id in request.event_ids] in ([], [1, 1]), request.number
            assert [self.traces[trace_id] for trace_id in request.trace_ids] in ([], [1, 1]), request.number
            if request.trace_ids:
                assert {t: self.spans[t] for t in request.trace_ids} == _spans_of(request), request.number

    def check_whole(self, requests: Sequence[Request]) -> None:
        """All of every request is there once, or nothing of it."""
        for request in requests:
            counts = [self.events[event_id] for event_id in request.event_ids]
            counts += [self.traces[trace_id] for trace_id in request.trace_ids]
            assert counts in ([0, 0], [1, 1]), request.number

    def check_absent(self, requests: Sequence[Request]) -> None:
        """Nothing of any request is there."""
        for request in requests:
            assert not any(self.events[event_id] for event_id in request.event_ids), request.number
            assert not any(self.traces[trace_id] for trace_id in request.trace_ids), request.number

    def check_journeys(self) -> None:
        """The journeys are those of the events that are there."""
        numbers = {event_id.partition("-")[0] for event_id in self.events}
        wanted = {key_of(Identifier("correlation", f"c-{number}")): 2 for number in numbers}
        assert self.journeys == wanted


def _spans_of(request: Request) -> dict[bytes, list[bytes]]:
    return _by_trace(ExportTraceServiceRequest.FromString(request.body))


def _by_trace(message: ExportTraceServiceRequest | TracesData) -> dict[bytes, list[bytes]]:
    found: dict[bytes, list[bytes]] = {}
    for outer in message.resource_spans:
        for inner in outer.scope_spans:
            for span in inner.spans:
                found.setdefault(span.trace_id, []).append(span.SerializeToString())
    return found


def kept_in(database: Database) -> Kept:
    """What is there now."""
    with reading(database) as connection:
        events = Counter(connection.execute(select(tables.event.c.id)).scalars())
        trace_ids = list(connection.execute(select(tables.span_segment.c.trace_id)).scalars())
        contents = [raw for trace_id in set(trace_ids) for raw in trace_segments(connection, trace_id)]
        shown = select(tables.journey.c.id, tables.journey.c.event_count).where(
            tables.journey.c.hidden.is_(False)
        )
        journeys = {bytes(row.id): row.event_count for row in connection.execute(shown)}
    spans: dict[bytes, list[bytes]] = {}
    for raw in contents:
        for trace_id, found in _by_trace(TracesData.FromString(raw)).items():
            spans.setdefault(trace_id, []).extend(found)
    return Kept(events, Counter(bytes(trace_id) for trace_id in trace_ids), spans, journeys)


def everything_in(database: Database) -> dict[str, list[tuple[object, ...]]]:
    """Every row that is a fact or follows from facts."""
    with reading(database) as connection:
        return {
            name: sorted(map(tuple, connection.execute(select(tables.metadata.tables[name]))))
            for name in _DERIVED
        }
