"""Trace spans as screens and the API see them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Value: TypeAlias = "str | bool | int | float | list[Value] | dict[str, Value] | None"
SpanKind = Literal["unspecified", "internal", "server", "client", "producer", "consumer"]
SpanStatus = Literal["unset", "ok", "error"]

UNKNOWN_SERVICE = "unknown_service"  # of spans whose resource names none; as OpenTelemetry has it


@dataclass(frozen=True, slots=True)
class SpanEvent:
    """Something that happened during a span."""

    name: str
    at_ns: int
    attributes: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SpanLink:
    """A span, often of another trace, that a span names as related."""

    trace_id: bytes
    span_id: bytes
    attributes: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Span:
    """One operation of one service, as its exporter reported it."""

    trace_id: bytes
    span_id: bytes
    parent_id: bytes  # empty for a root
    name: str
    kind: SpanKind
    service: str
    scope: str
    start_ns: int
    end_ns: int  # before start_ns when the exporter never set it
    status: SpanStatus
    status_message: str = ""
    attributes: Mapping[str, Value] = field(default_factory=dict)
    events: tuple[SpanEvent, ...] = ()
    links: tuple[SpanLink, ...] = ()
    resource: Mapping[str, Value] = field(default_factory=dict)

    @property
    def duration_ns(self) -> int:
        """How long it ran; never negative."""
        return max(self.end_ns - self.start_ns, 0)
