"""Traces as the store lists them, and the spans that services read out of them."""

import json
from base64 import b64encode
from collections import Counter
from datetime import timedelta
from hashlib import blake2b
from pathlib import Path

import zstandard
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status, TracesData

from controltower.domain import spans
from controltower.domain.facts import SpanSegment
from controltower.domain.waterfall import build_waterfall
from controltower.services.traces import decode_segments, list_traces, read_trace
from controltower.store import traces
from controltower.store.engine import Database, reading
from tests.builders import NOW, a_segment, an_event, us
from tests.store.facts import store

MINUTE = timedelta(minutes=1)
A, B, C = (bytes([n]) * 16 for n in (1, 2, 3))


def text(value: str) -> AnyValue:
    return AnyValue(string_value=value)


def otlp(*spans: Span, service: str | None = "shop") -> bytes:
    named = [] if service is None else [KeyValue(key="service.name", value=text(service))]
    scope = ScopeSpans(spans=spans)
    group = ResourceSpans(resource=Resource(attributes=named), scope_spans=[scope])
    return TracesData(resource_spans=[group]).SerializeToString()


def a_span(id: int, **rest: object) -> Span:
    return Span(span_id=id.to_bytes(8, "big"), trace_id=A, name="work", **rest)  # type: ignore[arg-type]


def segment(trace: bytes, blob: bytes) -> SpanSegment:
    """A segment of these spans, all put into one trace."""
    data = TracesData.FromString(blob)
    for span in data.resource_spans[0].scope_spans[0].spans:
        span.trace_id = trace
    part = data.SerializeToString()
    return a_segment(trace)._replace(part=part, digest=blake2b(part, digest_size=8).digest())


def listed(database: Database, limit: int, service: str = "") -> list[bytes]:
    found: list[bytes] = []
    cursor = None
    while True:
        page = list_traces(database, before=cursor, limit=limit, service=service)
        found.extend(row.trace_id for row in page.rows)
        cursor = page.next
        if cursor is None:
            return found


def test_a_trace_is_read_from_all_of_its_parts(emptied_database: Database) -> None:
    store(emptied_database, segment(A, otlp(a_span(1))), segment(A, otlp(a_span(2), service="erp")))
    store(emptied_database, segment(B, otlp(a_span(3))))
    found = read_trace(emptied_database, A)
    assert [(span.span_id[-1], span.service) for span in found] == [(1, "shop"), (2, "erp")]
    assert read_trace(emptied_database, C) == []


def test_traces_are_listed_once_by_their_newest_part(emptied_database: Database) -> None:
    for minute, trace in enumerate((A, B, C, B)):
        store(emptied_database, segment(trace, otlp(a_span(minute + 1))), at=NOW + minute * MINUTE)
    assert listed(emptied_database, limit=50) == [B, C, A]
    assert listed(emptied_database, limit=1) == [B, C, A]
    (row, *_) = list_traces(emptied_database).rows
    assert (row.received_at, row.span_count, row.error_count) == (NOW + 3 * MINUTE, 2, 0)
    assert row.start_ns == us(NOW) * 1000


def test_traces_of_one_commit_are_all_listed(emptied_database: Database) -> None:
    many = [bytes([n]) * 16 for n in range(1, 12)]
    parts = [segment(trace, otlp(a_span(part))) for trace in many for part in (1, 2)]
    store(emptied_database, *parts)
    assert sorted(listed(emptied_database, limit=3)) == many


def test_traces_are_listed_by_service(emptied_database: Database) -> None:
    store(emptied_database, segment(A, otlp(a_span(1), service="shop")))
    store(emptied_database, segment(A, otlp(a_span(2), service="erp")), at=NOW + MINUTE)
    store(emptied_database, segment(B, otlp(a_span(3), service="shop")), at=NOW + 2 * MINUTE)
    assert listed(emptied_database, limit=1, service="shop") == [B, A]
    assert listed(emptied_database, limit=1, service="erp") == [A]
    assert listed(emptied_database, limit=1, service="sho") == []


def test_a_long_list_is_looked_through_in_steps(emptied_database: Database, monkeypatch) -> None:
    monkeypatch.setattr(traces, "_AT_ONCE", 2)
    monkeypatch.setattr(traces, "_LOOKED_THROUGH", 4)
    for n in range(1, 12):
        service = "erp" if n == 1 else "shop"
        store(
            emptied_database, segment(bytes([n]) * 16, otlp(a_span(n), service=service)), at=NOW + n * MINUTE
        )
    assert list_traces(emptied_database, service="erp").rows == ()
    assert listed(emptied_database, limit=10, service="erp") == [bytes([1]) * 16]


def test_services_are_counted(emptied_database: Database) -> None:
    store(emptied_database, a_segment(A, service="erp"), a_segment(B, service="shop"))
    store(emptied_database, an_event("order.captured", ("order", "A")))
    with reading(emptied_database) as c:
        found = traces.list_services(c)
    assert [(row.name, row.spans, row.errors, row.last_received_at) for row in found] == [
        ("erp", 1, 0, NOW),
        ("shop", 1, 0, NOW),
    ]


def test_the_journeys_of_a_trace_are_those_that_its_spans_and_events_name(emptied_database: Database) -> None:
    store(emptied_database, a_segment(A, [("order", "1")]), an_event("order.captured", ("order", "1")))
    store(emptied_database, an_event("order.captured", ("order", "2"), trace=A, at=NOW + MINUTE))
    with reading(emptied_database) as c:
        assert [row.title for row in traces.find_journeys_of_trace(c, A)] == ["2", "1"]
        assert traces.find_journeys_of_trace(c, B) == []
        assert traces.is_trace(c, A) and not traces.is_trace(c, B)


def test_a_span_keeps_what_its_exporter_said() -> None:
    attributes = [
        KeyValue(key="n", value=AnyValue(int_value=-3)),
        KeyValue(key="ok", value=AnyValue(bool_value=False)),
        KeyValue(key="list", value=AnyValue(array_value=ArrayValue(values=[text("a"), AnyValue()]))),
        KeyValue(
            key="map",
            value=AnyValue(
                kvlist_value=KeyValueList(values=[KeyValue(key="k", value=AnyValue(double_value=0.5))])
            ),
        ),
        KeyValue(key="raw", value=AnyValue(bytes_value=b"\xff")),
    ]
    sent = a_span(
        7,
        parent_span_id=(6).to_bytes(8, "big"),
        kind=Span.SPAN_KIND_CONSUMER,
        start_time_unix_nano=5,
        end_time_unix_nano=9,
        status=Status(code=Status.STATUS_CODE_ERROR, message="no stock"),
        attributes=attributes,
        events=[Span.Event(name="retry", time_unix_nano=6)],
        links=[Span.Link(trace_id=B, span_id=b"12345678")],
    )
    (span,) = decode_segments([otlp(sent)]).spans
    assert span.attributes == {
        "n": -3,
        "ok": False,
        "list": ["a", None],
        "map": {"k": 0.5},
        "raw": b64encode(b"\xff").decode(),
    }
    assert (span.kind, span.status, span.status_message) == ("consumer", "error", "no stock")
    assert (span.parent_id, span.duration_ns, span.service) == ((6).to_bytes(8, "big"), 4, "shop")
    assert (span.events[0].name, span.links[0].trace_id) == ("retry", B)


def test_odd_spans_are_read_as_far_as_they_go() -> None:
    odd = a_span(1, parent_span_id=bytes(8), kind=77, status=Status(code=9))  # type: ignore[arg-type]
    decoded = decode_segments([b"\xff\xff", otlp(odd, Span(name="no id"), service=None)])
    assert decoded.unreadable == 1
    assert [(s.kind, s.status, s.parent_id, s.service) for s in decoded.spans] == [
        ("unspecified", "unset", b"", "unknown_service")
    ] * 2


@given(data=st.data())
def test_repeated_spans_are_kept_once_whatever_the_order(data: st.DataObject) -> None:
    parts = [otlp(a_span(1), a_span(2, kind=2)), otlp(a_span(2, kind=1), a_span(3)), otlp(a_span(2, kind=1))]
    decoded = decode_segments(data.draw(st.permutations(parts + parts)))
    assert decoded == decode_segments(parts)
    assert [(span.span_id[-1], span.kind) for span in decoded.spans] == [
        (1, "unspecified"),
        (2, "internal"),
        (3, "unspecified"),
    ]


@given(st.lists(st.binary(max_size=60), max_size=4))
def test_bytes_that_are_no_trace_never_raise(segments: list[bytes]) -> None:
    decode_segments(segments)


def test_the_real_request_is_read_whole(real_data: Path) -> None:
    blob = (real_data / "otlp" / "stef" / "hipstershop-oteltraces.zst").read_bytes()
    request = zstandard.ZstdDecompressor().stream_reader(blob).read()[4:]
    (truth,) = json.loads((real_data / "ground_truth" / "otlp_hipstershop.json").read_text()).values()
    decoded = decode_segments([request])
    of_traces: dict[bytes, list[spans.Span]] = {}
    for span in decoded.spans:
        of_traces.setdefault(span.trace_id, []).append(span)
    waterfalls = [build_waterfall(of_trace) for of_trace in of_traces.values()]
    assert (len(decoded.spans), len(waterfalls)) == (truth["spans"], truth["traces"])
    assert Counter(span.service for span in decoded.spans) == truth["spans_per_service"]
    errors = Counter(span.service for span in decoded.spans if span.status == "error")
    assert errors == truth["error_spans_per_service"]
    roots = [row for waterfall in waterfalls for row in waterfall.rows if row.depth == 0]
    assert sum(not row.is_orphan for row in roots) == truth["roots"]
    assert sum(row.is_orphan for row in roots) == truth["orphans(parent id set, parent not in dump)"]
    skewed = sum(row.skew_ns > 0 for waterfall in waterfalls for row in waterfall.rows)
    assert skewed == truth["children_starting_before_parent"]
