"""Business events out of spans, by mappings of the format ``span``.

An estate sends thousands of spans for each one that means something. So the needles of the mappings are
searched for in the bytes of a request first; a request without any costs only that, and of others only the
spans in which a needle stands are decoded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.message import DecodeError
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from collectors.mapping.payloads import Mapped, map_document
from collectors.mapping.telling import Mapping
from collectors.otlp.span_documents import resource_of, span_document
from controltower.domain.facts import Event
from controltower.domain.mappings import UNMAPPED
from controltower.domain.otlp_wire import TracesData

FORMAT = "span"


@dataclass(slots=True)
class SpanEvents:
    """What the spans of a request told."""

    events: list[Event] = field(default_factory=list)
    dropped: Counter[tuple[str, str, str]] = field(default_factory=Counter)  # spans that could not be told


@dataclass(frozen=True)
class SpanRules:
    """The mappings for spans."""

    mappings: tuple[Mapping, ...] = ()
    needles: tuple[bytes, ...] = field(init=False)

    def __post_init__(self) -> None:
        every = dict.fromkeys(needle.encode() for mapping in self.mappings for needle in mapping.needles)
        object.__setattr__(self, "needles", tuple(every))

    def tell(self, body: bytes, *, received_us: int) -> SpanEvents:
        """The events of the spans in a well-formed request."""
        told = SpanEvents()
        present = [needle for needle in self.needles if needle in body]
        if not present:
            return told
        for outer in TracesData.FromString(body).resource_spans:
            raws = [raw for scope in outer.scope_spans for raw in scope.spans if _has_any(raw, present)]
            if raws:
                self._tell(raws, _resource(outer), told, received_us)
        return told

    def _tell(
        self, raws: Iterable[bytes], resource: dict[str, object], told: SpanEvents, now_us: int
    ) -> None:
        for raw in raws:
            try:
                span = Span.FromString(raw)
            except DecodeError:
                continue  # decode_traces has refused it
            if len(span.trace_id) != 16 or len(span.span_id) != 8:
                continue
            document = span_document(span, resource)
            for mapping in self.mappings:
                if _has_any(raw, [needle.encode() for needle in mapping.needles]):
                    self._tell_one(mapping, document, told, now_us)

    def _tell_one(self, mapping: Mapping, document: dict[str, object], told: SpanEvents, now_us: int) -> None:
        mapped = Mapped()
        map_document(mapping, document, {}, mapped, received_us=now_us)
        # A span is kept as a span whatever it means: one that no rule names is nothing to count.
        told.events += [event for event in mapped.events if event.type != UNMAPPED]
        for fault in mapped.faults:
            told.dropped["spans", fault.reason, mapping.name] += 1


def span_rules(mappings: Iterable[Mapping]) -> SpanRules:
    """The rules of those mappings that are for spans."""
    return SpanRules(tuple(mapping for mapping in mappings if mapping.format == FORMAT))


def _has_any(raw: bytes, needles: Iterable[bytes]) -> bool:
    return any([needle in raw for needle in needles])


def _resource(outer: Any) -> dict[str, object]:
    """The attributes around some spans; a writer may send the resource in parts, which protobuf merges."""
    return resource_of(Resource.FromString(b"".join(outer.resource)))
