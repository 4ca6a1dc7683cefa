"""Facts as they reach the store: events, trace segments, queue samples and quarantined bytes.

Times inside hot-path facts are integers, microseconds (``*_us``) or nanoseconds (``*_ns``) since the Unix
epoch, UTC; what screens and the API hand out are aware datetimes (``*_at``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from controltower.domain.identifiers import Identifier

MAX_NAME = 200  # characters of a system, queue or the like: they are parts of keys, and databases bound those

OK = "ok"
FAILED = "failed"


class Event(NamedTuple):
    """A business fact that a system reported. The same `digest` is the same fact."""

    source: str  # the CloudEvents source, as it came
    id: str  # the CloudEvents id, as it came
    type: str
    occurred_us: int  # the source's word
    digest: bytes  # 16 bytes over the content; see collectors.cloudevents
    identifiers: tuple[Identifier, ...] = ()
    trace_id: bytes = b""  # 16 bytes, or empty
    system: str = ""  # the system that reported it, in the estate's words; source when it does not say
    outcome: str = OK
    error_code: str = ""
    error_message: str = ""
    channel: str = ""
    amount: str = ""  # decimal digits as reported, "" when not reported
    currency: str = ""
    customer: str = ""  # how the source names the customer; masked where shown
    status: str = ""  # the source's own status word
    content_type: str = "application/json"
    payload: bytes = b""  # the event as it came, whole
    note: str = ""  # what it changed, by whom and why, for a person
    claims: tuple[tuple[str, str], ...] = ()  # quantity, address, refund, fees; sorted


@dataclass(frozen=True, slots=True)
class EventFault:
    """A batch item that could not become an event."""

    index: int  # position in the request
    reason: str  # low cardinality
    message: str  # what is wrong and where, for a person
    payload: bytes
    content_type: str = "application/json"


class SpanSegment(NamedTuple):
    """The spans of one trace in one request."""

    trace_id: bytes
    digest: bytes
    span_count: int
    error_count: int
    start_ns: int  # earliest start of its spans
    end_ns: int  # latest end
    links: tuple[tuple[Identifier, ...], ...]  # per span: the joining identifiers that it carries; distinct
    services: tuple[tuple[str, int, int], ...]  # (service, spans, errors)
    part: bytes  # an opentelemetry.proto.trace.v1.TracesData that has its spans, maybe among others


class QueueSample(NamedTuple):
    """One reading of a queue or topic; None means that the source did not say."""

    system: str  # rabbitmq, kafka, redis, ...
    queue: str  # queue, topic/partition or stream name
    group: str  # consumer group, "" when there is none
    sampled_us: int
    measure: str  # depth, ready, unacknowledged, consumers, lag, publish_rate, oldest_age_seconds ...
    value: float


class Quarantined(NamedTuple):
    """Bytes that could not be understood, kept with the reason."""

    edge: str  # where they came in: events, otlp-traces, import ...
    reason: str
    message: str
    content_type: str
    payload: bytes
    headers: str = "{}"  # JSON object of the headers that matter for a second try


def short_name(name: str) -> str:
    """A name that may be part of a key: its beginning when it is longer than MAX_NAME."""
    return name if len(name) <= MAX_NAME else name[: MAX_NAME - 1] + "…"
