"""Storing what an OTLP export brings, whichever protocol and encoding it came in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from collectors.http import Limits
from collectors.intake import FactBatch, Intake, commit
from collectors.otlp.json_codec import message_from_json
from collectors.otlp.links import LinkRules
from collectors.otlp.logs import decode_logs
from collectors.otlp.metrics import decode_metrics
from collectors.otlp.span_events import SpanRules
from collectors.otlp.traces import decode_traces
from controltower.domain.errors import BadPayload
from controltower.domain.facts import Quarantined

JSON = "application/json"
PROTOBUF = "application/x-protobuf"


class Signal(NamedTuple):
    """One of the three kinds of telemetry."""

    name: str
    service: str  # of gRPC
    root: str  # the field that every request has, in JSON
    request: type[Message]
    response: type[Message]
    rejected: str  # the field of partial_success that counts what was refused

    @property
    def edge(self) -> str:
        """The name under which what cannot be understood is quarantined."""
        return f"otlp-{self.name}"


TRACES = Signal(
    "traces",
    "opentelemetry.proto.collector.trace.v1.TraceService",
    "resourceSpans",
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
    "rejected_spans",
)
METRICS = Signal(
    "metrics",
    "opentelemetry.proto.collector.metrics.v1.MetricsService",
    "resourceMetrics",
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
    "rejected_data_points",
)
LOGS = Signal(
    "logs",
    "opentelemetry.proto.collector.logs.v1.LogsService",
    "resourceLogs",
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
    "rejected_log_records",
)
SIGNALS = (TRACES, METRICS, LOGS)


class Export(NamedTuple):
    """The facts of one export, and what of it was refused."""

    batch: FactBatch
    rejected: int = 0
    message: str = ""


@dataclass(frozen=True, slots=True)
class Exporter:
    """Decodes and stores exports."""

    intake: Intake
    rules: LinkRules  # which span attributes link traces to journeys
    kinds: Mapping[str, str]  # log attribute -> kind of identifier
    now_us: Callable[[], int]
    limits: Limits
    span_rules: SpanRules = SpanRules()  # which spans are business events as well

    async def export(self, signal: Signal, body: bytes, content_type: str = PROTOBUF) -> bytes:
        """Store an export; returns the encoded Export...ServiceResponse, in protobuf.

        Raises BadPayload after the bytes have been put into quarantine, and what Ingest raises.
        """
        try:
            export = await self._decoded(signal, body, content_type)
        except BadPayload as exc:
            await commit(self.intake, self._held(signal, body, content_type, exc))
            raise
        await commit(self.intake, export.batch)
        return response_of(signal, export)

    def decoded_or_held(self, signal: Signal, body: bytes, content_type: str = PROTOBUF) -> FactBatch:
        """The facts in an export, or itself in quarantine when it cannot be decoded."""
        try:
            return self.decode(signal, body, content_type).batch
        except BadPayload as exc:
            return self._held(signal, body, content_type, exc)

    async def _decoded(self, signal: Signal, body: bytes, content_type: str) -> Export:
        if len(body) <= self.limits.in_thread:
            return self.decode(signal, body, content_type)
        return await asyncio.to_thread(self.decode, signal, body, content_type)

    def decode(self, signal: Signal, body: bytes, content_type: str) -> Export:
        """The facts in an export; raises BadPayload."""
        if content_type == JSON:
            body = message_from_json(body, signal.request, signal.root).SerializeToString()
        match signal.name:
            case "traces":
                return self._traces(body)
            case "metrics":
                metrics = decode_metrics(body, received_us=self.now_us())
                return Export(FactBatch(samples=metrics.samples, dropped=metrics.dropped, size=len(body)))
            case _:
                return self._logs(body)

    def _traces(self, body: bytes) -> Export:
        facts = decode_traces(body, self.rules)
        quarantined = []
        if facts.refused:
            kept = facts.refused[: self.limits.kept]
            quarantined.append(Quarantined(TRACES.edge, "invalid_ids", facts.message, PROTOBUF, kept))
        told = self.span_rules.tell(body, received_us=self.now_us())
        batch = FactBatch(
            events=told.events,
            segments=facts.segments,
            quarantined=quarantined,
            dropped=told.dropped,
            size=len(body),
        )
        return Export(batch, facts.rejected, facts.message)

    def _logs(self, body: bytes) -> Export:
        facts = decode_logs(body, kinds=self.kinds, received_us=self.now_us())
        quarantined = [
            Quarantined(LOGS.edge, fault.reason, fault.message, fault.content_type, fault.payload)
            for fault in facts.faults
        ]
        batch = FactBatch(events=facts.events, quarantined=quarantined, dropped=facts.dropped, size=len(body))
        return Export(batch, len(facts.faults), facts.faults[0].message if facts.faults else "")

    def _held(self, signal: Signal, body: bytes, content_type: str, error: BadPayload) -> FactBatch:
        kept = body[: self.limits.kept]
        item = Quarantined(signal.edge, error.reason, str(error), content_type, kept)
        return FactBatch(quarantined=[item], size=len(kept))


def response_of(signal: Signal, export: Export) -> bytes:
    """The reply in protobuf: empty when all was taken, as the specification asks."""
    if not export.rejected:
        return b""
    partial = {signal.rejected: export.rejected, "error_message": export.message}
    response = signal.response(partial_success=partial)
    return response.SerializeToString()
