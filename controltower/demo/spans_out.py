"""Starts and ends planned spans through the OpenTelemetry SDK: one TracerProvider per simulated system."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)

from controltower.demo.emissions import DOMAIN, SpanPlan

_KINDS: Mapping[str, SpanKind] = {kind.name.lower(): kind for kind in SpanKind}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_QUEUE = 8192
# The processor drops spans when its queue is full. The past comes all at once, so we wait for it in time.
_FLUSH_EVERY = _QUEUE // 2


class PlannedIds(IdGenerator):
    """Gives each span the ids that its plan has, so that a seed repeats them. For one thread."""

    def __init__(self) -> None:
        self.trace_id = 0
        self.span_id = 0

    def generate_trace_id(self) -> int:
        """The trace id of the plan at hand."""
        return self.trace_id

    def generate_span_id(self) -> int:
        """The span id of the plan at hand."""
        return self.span_id


class SystemTracer:
    """The SDK as one system has it set up."""

    def __init__(self, system: str, exporter: SpanExporter) -> None:
        self._ids = PlannedIds()
        self._provider = TracerProvider(
            resource=Resource.create(
                {
                    "service.name": system,
                    "service.namespace": DOMAIN,
                    "deployment.environment.name": "demo",
                }
            ),
            id_generator=self._ids,
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(
            BatchSpanProcessor(exporter, max_queue_size=_QUEUE, schedule_delay_millis=1000)
        )
        self._tracer = self._provider.get_tracer("controltower.demo")
        self._unflushed = 0

    def emit(self, plan: SpanPlan) -> None:
        """Record the span with the times of its plan."""
        self._ids.trace_id, self._ids.span_id = plan.trace_id, plan.span_id
        span = self._tracer.start_span(
            plan.name,
            context=_parent_of(plan),
            kind=_KINDS[plan.kind],
            attributes=plan.attributes,
            start_time=_nanoseconds(plan.started_at),
        )
        ended_ns = _nanoseconds(plan.ended_at)
        if plan.error:
            name, message = plan.error
            trace = f"{plan.system}.{plan.kind}: {name}: {message}"
            span.add_event(
                "exception",
                {"exception.type": name, "exception.message": message, "exception.stacktrace": trace},
                ended_ns,
            )
            span.set_status(Status(StatusCode.ERROR, message))
        span.end(ended_ns)
        self._unflushed += 1
        if self._unflushed >= _FLUSH_EVERY:
            self._provider.force_flush()
            self._unflushed = 0

    def close(self) -> None:
        """Export what waits and stop."""
        self._provider.shutdown()


class _CountingExporter(SpanExporter):
    """An exporter that remembers how it fared: the SDK itself tells nobody but its log."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self.exported = 0
        self.lost = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Export and count."""
        result = self._exporter.export(spans)
        if result is SpanExportResult.SUCCESS:
            self.exported += len(spans)
        else:
            self.lost += len(spans)
        return result

    def shutdown(self) -> None:
        """Stop the exporter."""
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Flush the exporter."""
        return self._exporter.force_flush(timeout_millis)


class Tracers:
    """The tracers of all systems, each made when its system is first heard of."""

    def __init__(self, make_exporter: Callable[[], SpanExporter]) -> None:
        self._make_exporter = make_exporter
        self._exporters: list[_CountingExporter] = []
        self._tracers: dict[str, SystemTracer] = {}

    @property
    def exported(self) -> int:
        """Spans that the tower has taken."""
        return sum(exporter.exported for exporter in self._exporters)

    @property
    def lost(self) -> int:
        """Spans that the SDK gave up on."""
        return sum(exporter.lost for exporter in self._exporters)

    def emit(self, plan: SpanPlan) -> None:
        """Record a span of the system that the plan names."""
        tracer = self._tracers.get(plan.system)
        if tracer is None:
            exporter = _CountingExporter(self._make_exporter())
            self._exporters.append(exporter)
            tracer = self._tracers[plan.system] = SystemTracer(plan.system, exporter)
        tracer.emit(plan)

    def closers(self) -> list[Callable[[], None]]:
        """For each system, what exports what still waits there and stops."""
        return [tracer.close for tracer in self._tracers.values()]


def otlp_exporter(base_url: str, token: str) -> SpanExporter:
    """An OTLP/HTTP exporter for `base_url` that gives up a batch only after half a minute."""
    return OTLPSpanExporter(
        f"{base_url.rstrip('/')}/v1/traces",
        headers=bearer(token),
        timeout=30,
        compression=Compression.Gzip,
    )


def bearer(token: str) -> dict[str, str]:
    """The header that carries the ingest token, when there is one."""
    return {"authorization": f"Bearer {token}"} if token else {}


def _parent_of(plan: SpanPlan) -> Context:
    if not plan.parent_id:
        return Context()
    parent = SpanContext(plan.trace_id, plan.parent_id, is_remote=True, trace_flags=TraceFlags(1))
    return set_span_in_context(NonRecordingSpan(parent), Context())


def _nanoseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND * 1000
