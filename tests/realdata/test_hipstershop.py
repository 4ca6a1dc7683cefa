"""A trace dump of a real system, 86,583 spans in one request, is stored whole and gives the right figures.

What the tower has no figure for, on purpose: which spans came in which request (`requests`,
`spans_per_request_max` and the two about an earlier or another request). It keeps what a trace says, not how
a collector cut it, so these are checked on the dump. `token_like_attribute_keys` is empty, and spans read
back have as many attributes as were sent.
"""

import struct
from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
import zstandard
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.realdata.asking import report

pytestmark = pytest.mark.realdata
PROTOBUF = "application/x-protobuf"
_STATUS = {0: "unset", 1: "ok", 2: "error"}
Spans = list[tuple[str, Span]]  # each with its service


@pytest.fixture(scope="module")
def dump(real_data) -> bytes:
    """The request: zstd, then a length of four bytes before it."""
    packed = (real_data / "otlp/stef/hipstershop-oteltraces.zst").read_bytes()
    plain = zstandard.ZstdDecompressor().stream_reader(packed).read()
    (length,) = struct.unpack(">I", plain[:4])
    assert len(plain) == 4 + length
    return plain[4:]


@pytest.fixture(scope="module")
def traces(dump) -> Mapping[str, Spans]:
    """The spans of each trace, as opentelemetry-proto reads the dump."""
    found: dict[str, Spans] = defaultdict(list)
    for resource_spans in ExportTraceServiceRequest.FromString(dump).resource_spans:
        attributes = {one.key: one.value.string_value for one in resource_spans.resource.attributes}
        for scope_spans in resource_spans.scope_spans:
            for span in scope_spans.spans:
                found[span.trace_id.hex()].append((attributes["service.name"], span))
    return found


@pytest.fixture(scope="module")
def posted(tower, dump):
    """The tower's answer to the dump."""
    return tower.post("/v1/traces", dump, PROTOBUF)


def services(tower, token):
    """What the tower says of each service, without the times of receiving."""
    rows = tower.get("/api/v1/services", token)["services"]
    return {row["name"]: (row["spans"], row["errors"]) for row in rows}


def orphans(spans: Spans) -> set[str]:
    """Spans whose parent is not in the dump."""
    known = {span.span_id for _, span in spans}
    return {
        span.span_id.hex() for _, span in spans if span.parent_span_id and span.parent_span_id not in known
    }


def read_back(trace) -> set[tuple[object, ...]]:
    """What the API says of the spans of a trace, to compare."""
    return {
        (
            one["service"],
            one["span_id"],
            one["parent_span_id"] or "",
            one["name"],
            one["status"],
            one["start_time_unix_nano"],
            one["end_time_unix_nano"],
            len(one["attributes"]),
        )
        for one in trace["spans"]
    }


def as_sent(spans: Spans) -> set[tuple[object, ...]]:
    """The same of the spans of the dump."""
    return {
        (
            service,
            span.span_id.hex(),
            span.parent_span_id.hex(),
            span.name,
            _STATUS[span.status.code],
            span.start_time_unix_nano,
            span.end_time_unix_nano,
            len(span.attributes),
        )
        for service, span in spans
    }


def moment(text):
    """Nanoseconds since 1970; the ground truth has microseconds."""
    since_1970 = datetime.fromisoformat(text) - datetime(1970, 1, 1, tzinfo=UTC)
    return since_1970 // timedelta(microseconds=1) * 1_000


def per_trace(operation):
    """In how many traces an operation comes how often."""
    return {int(n): traces for n, traces in operation["per_trace"].items()}


def some_traces(traces):
    """The largest traces, some of each curious kind, and some of the rest."""
    by_size = sorted(traces, key=lambda trace_id: -len(traces[trace_id]))
    with_orphans = [trace_id for trace_id in by_size if orphans(traces[trace_id])]
    failed = [t for t in by_size if any(span.status.code == 2 for _, span in traces[t])]
    return {*by_size[:5], *with_orphans[:10], *failed[:10], *by_size[100::600]}


def test_the_dump_is_what_its_ground_truth_says(dump, traces, trace_facts):
    assert len(dump) == trace_facts["bytes_largest_request"]
    assert len(traces) == trace_facts["traces"] == 9_047
    assert sum(map(len, traces.values())) == trace_facts["spans"] == 86_583
    assert trace_facts["requests"] == 1
    assert trace_facts["spans_per_request_max"] == trace_facts["spans"]
    assert trace_facts["traces_spread_over_more_than_1_request"] == 0


def test_one_request_of_many_megabytes_is_taken_whole(posted):
    assert (posted.status, posted.body) == (200, b"")


def test_the_spans_and_errors_of_each_service_can_be_read_back(posted, tower, token, trace_facts):
    found = services(tower, token)

    assert {name: spans for name, (spans, _) in found.items()} == trace_facts["spans_per_service"]
    assert {name: n for name, (_, n) in found.items() if n} == trace_facts["error_spans_per_service"]
    assert sum(spans for spans, _ in found.values()) == 86_583


def test_each_service_is_a_source_of_its_spans(posted, tower, token, trace_facts):
    rows = tower.get("/api/v1/sources", token)["sources"]

    assert {row["name"]: row["facts"] for row in rows if row["signal"] == "spans"} == trace_facts[
        "spans_per_service"
    ]


def test_whole_traces_can_be_read_back(posted, tower, token, traces):
    for trace_id in some_traces(traces):
        trace = tower.get(f"/api/v1/traces/{trace_id}", token)

        assert len(trace["spans"]) == len(traces[trace_id])
        assert read_back(trace) == as_sent(traces[trace_id]), trace_id


def test_spans_without_their_parent_are_told_apart(posted, tower, token, traces, trace_facts):
    of_each = {trace_id: orphans(spans) for trace_id, spans in traces.items()}
    assert sum(map(len, of_each.values())) == trace_facts["orphans(parent id set, parent not in dump)"]
    trace_id = max(of_each, key=lambda one: len(of_each[one]))

    trace = tower.get(f"/api/v1/traces/{trace_id}", token)

    known = {span["span_id"] for span in trace["spans"]}
    alone = {s["span_id"] for s in trace["spans"] if s["parent_span_id"] and s["parent_span_id"] not in known}
    assert alone == of_each[trace_id] != set()


@pytest.fixture(scope="module")
def figures(posted, tower, token):
    """What the API says of all traces."""
    return tower.get("/api/v1/reports/traces", token)


def test_traces_are_whole_or_broken_as_often_as_was_computed(figures, trace_facts):
    assert (figures["spans"], figures["unreadable"]) == (trace_facts["spans"], 0)
    assert {
        "traces": figures["traces"],
        "roots": figures["roots"],
        "orphans(parent id set, parent not in dump)": figures["orphans"],
        "traces_without_root": figures["traces_without_root"],
        "single_span_traces": figures["single_span_traces"],
        "max_spans_in_trace": figures["most_spans"],
        "children_starting_before_parent": figures["starting_before_parent"],
        "children_ending_after_parent": figures["ending_after_parent"],
    }.items() <= trace_facts.items()
    assert trace_facts["of_those_across_services"] == figures["starting_before_parent"] == 0


def test_the_dump_begins_and_ends_when_it_did(figures, trace_facts):
    ends = figures["first_start_ns"], figures["last_end_ns"]
    assert ends == (moment(trace_facts["first_start"]), moment(trace_facts["last_end"]))


def test_services_call_each_other_as_often_as_was_computed(figures, trace_facts):
    calls = {f"{one['sender']} -> {one['receiver']}": one["spans"] for one in figures["calls"]}
    assert calls == trace_facts["service_edges(parent->child, spans)"]


def test_every_operation_has_its_spans_and_errors(figures, traces):
    expected = Counter((service, span.name) for spans in traces.values() for service, span in spans)
    failed = Counter(
        (service, span.name)
        for spans in traces.values()
        for service, span in spans
        if _STATUS[span.status.code] == "error"
    )
    found = {(one["service"], one["name"]): one for one in figures["operations"]}
    assert {key: one["spans"] for key, one in found.items()} == expected
    assert {key: one["errors"] for key, one in found.items() if one["errors"]} == failed


def test_placing_an_order_takes_and_brings_with_it_what_was_computed(posted, tower, trace_facts):
    truth = trace_facts["place_order"]
    asked = ("--service", "checkoutservice", "--span", "/hipstershop.CheckoutService/PlaceOrder")

    found = report(tower, "traces", *asked)

    operations = {f"{one['service']}: {one['name']}": one for one in found["operations"]}
    place = operations["checkoutservice: /hipstershop.CheckoutService/PlaceOrder"]
    assert (place["spans"], place["traces"], place["errors"]) == (
        truth["spans"],
        truth["distinct_traces"],
        truth["errors"],
    )
    assert place["median_ms"] == pytest.approx(truth["median_ms"], abs=0.001)
    assert place["max_ms"] == pytest.approx(truth["max_ms"], abs=0.001)
    assert found["traces_with_errors"] == truth["traces_with_any_error_span"]
    spans = {name: one["spans"] for name, one in operations.items()}
    assert truth["spans_in_those_traces_top"].items() <= spans.items()
    charged = per_trace(operations["paymentservice: grpc.hipstershop.PaymentService/Charge"])
    assert charged == {int(n): traces for n, traces in truth["charge_spans_per_order_trace"].items()}
    shipped = operations["shippingservice: /hipstershop.ShippingService/ShipOrder"]
    confirmed = operations["emailservice: /hipstershop.EmailService/SendOrderConfirmation"]
    assert shipped["traces"] == truth["traces_with_ShipOrder"]
    assert confirmed["traces"] == truth["traces_with_SendOrderConfirmation"]


def test_posting_it_again_changes_nothing(posted, tower, token, dump, traces):
    largest = max(traces, key=lambda trace_id: len(traces[trace_id]))
    before = services(tower, token), tower.get(f"/api/v1/traces/{largest}", token)

    again = tower.post("/v1/traces", dump, PROTOBUF)

    assert (again.status, again.body) == (200, b"")
    assert (services(tower, token), tower.get(f"/api/v1/traces/{largest}", token)) == before
