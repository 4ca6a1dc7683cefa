"""Traces: the list, a waterfall, a span with its attributes; and how spans are placed."""

from __future__ import annotations

from opentelemetry.proto.trace.v1.trace_pb2 import Status, TracesData

from controltower.domain.facts import SpanSegment
from controltower.domain.identifiers import Identifier
from controltower.services.ingest import FactBatch
from controltower.web.trace_views import find_span, flat, view_trace
from tests.builders import an_event
from tests.web.tower import Tower, text_of

TRACE = bytes(range(16))
URL = f"/traces/{TRACE.hex()}"
FRAGMENT = {"HX-Request": "true"}


def some_spans() -> TracesData:
    """A root with a failing child, and a span whose parent never came."""
    traces = TracesData()
    group = traces.resource_spans.add()
    service = group.resource.attributes.add()
    service.key, service.value.string_value = "service.name", "shop"
    spans = group.scope_spans.add().spans
    for number, (name, parent, start, end, failed) in enumerate(
        (
            ("POST /checkout", 0, 0, 100, False),
            ("authorise", 1, 20, 60, True),
            ("late <b>", 9, 100, 100, False),
        ),
        1,
    ):
        span = spans.add()
        span.trace_id, span.span_id = TRACE, number.to_bytes(8, "big")
        span.parent_span_id = parent.to_bytes(8, "big") if parent else b""
        span.name = name
        span.start_time_unix_nano, span.end_time_unix_nano = 10**18 + start * 10**6, 10**18 + end * 10**6
        span.status.code = Status.STATUS_CODE_ERROR if failed else Status.STATUS_CODE_UNSET
        note = span.attributes.add()
        note.key, note.value.string_value = "customer", "jane@example.com"
    return traces


def store_trace(tower: Tower) -> None:
    """The spans above, tied to order 1001."""
    raw = some_spans().SerializeToString()
    segment = SpanSegment(
        trace_id=TRACE,
        digest=bytes(16),
        span_count=3,
        error_count=1,
        start_ns=10**18,
        end_ns=10**18 + 10**8,
        links=((Identifier("order", "1001"),),),
        services=(("shop", 3, 1),),
        part=raw,
    )
    tower.ingest.submit(FactBatch(segments=(segment,))).result(timeout=10)


def test_the_list_names_traces_and_their_journeys(tower: Tower):
    tower.store(an_event("order.captured", ("order", "1001")))
    store_trace(tower)

    page = text_of(tower.client("viewer").get("/traces"))

    assert URL in page and "POST /checkout" in page and "shop" in page and "100 ms" in page
    assert ">1001</a>" in page


def test_the_list_can_be_narrowed_to_a_service(tower: Tower):
    store_trace(tower)
    client = tower.client("viewer")

    assert URL in text_of(client.get("/traces?service=shop"))
    assert URL not in text_of(client.get("/traces?service=nobody"))


def test_a_trace_shows_errors_and_what_is_incomplete(tower: Tower):
    store_trace(tower)

    page = text_of(tower.client("viewer").get(URL))

    assert "1 error" in page and "Incomplete" in page and "on the critical path" in page
    assert "late &lt;b&gt;" in page and "style=" not in page


def test_the_waterfall_is_a_part_of_its_own(tower: Tower):
    store_trace(tower)

    part = text_of(tower.client("viewer").get(URL, headers=FRAGMENT))

    assert part.count('class="span-row') == 3 and "<html" not in part


def test_a_span_tells_everything_but_addresses(tower: Tower):
    store_trace(tower)

    part = text_of(tower.client("viewer").get(f"{URL}/spans/0000000000000002", headers=FRAGMENT))

    assert "customer" in part and "j•••@example.com" in part
    assert "ended with an error" in part


def test_what_is_not_there_is_not_found(tower: Tower):
    store_trace(tower)
    client = tower.client("viewer")

    for url in (
        "/traces/00",
        "/traces/" + "ff" * 16,
        "/traces/xyz",
        f"{URL}/spans/{'f' * 16}",
        f"{URL}/spans/1",
    ):
        assert client.get(url).status_code == 404
    assert client.get("/traces?before=nonsense").status_code == 400


def test_bars_are_placed_in_per_cent():
    view = view_trace(TRACE, [some_spans().SerializeToString()])

    places = {bar.row.span.name: (bar.x, bar.width) for bar in view.bars}
    assert places["POST /checkout"] == (0.0, 100.0)
    assert places["authorise"] == (20.0, 40.0)
    assert [label.label for label in view.axis] == ["0", "25 ms", "50 ms", "75 ms", "100 ms"]


def test_only_so_many_spans_are_drawn_and_the_rest_is_counted():
    view = view_trace(TRACE, [some_spans().SerializeToString()], most=1)

    assert (len(view.bars), view.hidden_spans) == (1, 2)


def test_a_broken_part_is_counted_and_breaks_nothing():
    view = view_trace(TRACE, [b"\xff\xff", some_spans().SerializeToString()])

    assert (view.unreadable, len(view.bars)) == (1, 3)
    assert find_span([b"\xff\xff"], bytes(8)) is None


def test_attributes_are_written_out():
    assert flat({"b": [1, True], "a": {"x": None}, "c": 0.5}) == [
        ("a", "x=(empty)"),
        ("b", "1, true"),
        ("c", "0.5"),
    ]
