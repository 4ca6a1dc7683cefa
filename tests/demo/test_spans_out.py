"""Plans become spans of the real SDK, with their own times and ids."""

from datetime import UTC, datetime, timedelta

from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from controltower.demo.emissions import SpanPlan
from controltower.demo.spans_out import Tracers

BEGUN = datetime(2026, 11, 18, 9, 30, tzinfo=UTC)


def a_plan(**changes):
    plan = SpanPlan(
        system="erp",
        trace_id=0xABC,
        span_id=0x123,
        parent_id=0x99,
        name="POST /salesorders",
        kind="server",
        started_at=BEGUN,
        ended_at=BEGUN + timedelta(milliseconds=120),
        attributes={"correlation.id": "c-1"},
    )
    return plan._replace(**changes)


def recorded(*plans):
    exporters = []

    def make_exporter():
        exporters.append(InMemorySpanExporter())
        return exporters[-1]

    tracers = Tracers(make_exporter)
    for plan in plans:
        tracers.emit(plan)
    for close in tracers.closers():
        close()
    assert (tracers.exported, tracers.lost) == (len(plans), 0)
    return [span for exporter in exporters for span in exporter.get_finished_spans()]


def test_a_span_has_the_ids_times_and_parent_of_its_plan():
    (span,) = recorded(a_plan())
    assert (span.context.trace_id, span.context.span_id, span.parent.span_id) == (0xABC, 0x123, 0x99)
    assert span.start_time == int(BEGUN.timestamp()) * 10**9
    assert span.end_time - span.start_time == 120_000_000
    assert (span.kind, span.attributes["correlation.id"]) == (SpanKind.SERVER, "c-1")


def test_a_root_has_its_planned_trace_id_and_no_parent():
    (span,) = recorded(a_plan(parent_id=0))
    assert (span.context.trace_id, span.parent) == (0xABC, None)


def test_a_failure_is_recorded_as_exception_and_status():
    (span,) = recorded(a_plan(error=("MappingError", "no item for the SKU")))
    assert not span.status.is_ok
    assert span.events[0].attributes["exception.type"] == "MappingError"


def test_every_system_is_a_service_of_its_own():
    spans = recorded(a_plan(), a_plan(system="oms", span_id=0x124))
    assert {span.resource.attributes["service.name"] for span in spans} == {"erp", "oms"}


def test_more_spans_than_a_queue_holds_are_all_exported():
    spans = recorded(*(a_plan(span_id=number) for number in range(1, 10_001)))
    assert len({span.context.span_id for span in spans}) == 10_000
