"""What traces are like, from the real store."""

from hashlib import blake2b

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status, TracesData

from controltower.domain.errors import BadPayload
from controltower.services.reports import tracing
from controltower.services.reports.tracing import Call, count_traces
from controltower.store.engine import reading
from tests.builders import a_segment
from tests.store.facts import store

A, B = b"a" * 16, b"b" * 16
FAILED = Status(code=Status.STATUS_CODE_ERROR)


def a_span(id, parent=0, start=0, end=10, name="work", **rest):
    """Times in milliseconds since 1970."""
    return Span(
        span_id=id.to_bytes(8, "big"),
        parent_span_id=parent.to_bytes(8, "big") if parent else b"",
        name=name,
        start_time_unix_nano=start * 1_000_000,
        end_time_unix_nano=end * 1_000_000,
        **rest,
    )


def part(trace, service, *spans):
    """A part of a trace, as it is stored."""
    data = TracesData()
    group = data.resource_spans.add()
    group.resource.attributes.add(key="service.name").value.string_value = service
    for span in spans:
        span.trace_id = trace
    group.scope_spans.add().spans.extend(spans)
    content = data.SerializeToString()
    return a_segment(trace)._replace(part=content, digest=blake2b(content, digest_size=8).digest())


def figures(db, **asked):
    with reading(db) as c:
        return count_traces(c, **asked)


def test_traces_and_the_spans_in_them_are_counted(db):
    store(
        db,
        part(A, "shop", a_span(1, start=5), a_span(2, parent=1, start=6, end=12)),
        part(B, "shop", a_span(3, parent=9, start=8, status=FAILED)),
    )
    found = figures(db)
    assert (found.traces, found.spans, found.most_spans, found.single_span_traces) == (2, 3, 2, 1)
    assert (found.roots, found.orphans, found.traces_without_root, found.traces_with_errors) == (1, 1, 1, 1)
    assert (found.starting_before_parent, found.ending_after_parent) == (0, 1)
    assert (found.first_start_ns, found.last_end_ns) == (5_000_000, 12_000_000)


def test_a_span_whose_service_another_one_called_is_a_call_between_them(db):
    store(
        db,
        part(A, "shop", a_span(1), a_span(2, parent=1)),
        part(A, "erp", a_span(3, parent=2), a_span(4, parent=2), a_span(5, parent=4)),
    )
    assert figures(db).calls == [Call("shop", "erp", 2)]


def test_a_span_that_was_sent_twice_counts_once(db):
    store(db, part(A, "shop", a_span(1)), part(A, "shop", a_span(1), a_span(2)))
    assert figures(db).spans == 2


def test_an_operation_says_how_long_it_takes_and_how_often_a_trace_has_it(db):
    store(
        db,
        part(A, "shop", a_span(1, name="buy", end=10), a_span(2, name="pay", end=4, status=FAILED)),
        part(A, "shop", a_span(3, name="pay", end=2)),
        part(B, "shop", a_span(4, name="buy", end=30)),
    )
    buy, pay = sorted(figures(db).operations, key=lambda one: one.name)
    assert (buy.spans, buy.errors, buy.traces, buy.median_ms, buy.max_ms) == (2, 0, 2, 20.0, 30.0)
    assert (pay.spans, pay.errors, pay.traces) == (2, 1, 1)
    assert (buy.per_trace, pay.per_trace) == ({1: 2}, {0: 1, 2: 1})


def test_only_traces_with_a_span_of_that_service_and_name_count(db):
    store(
        db,
        part(A, "shop", a_span(1, name="buy"), a_span(2, parent=1, name="erp")),
        part(B, "erp", a_span(3, name="post")),
    )
    assert figures(db, service="shop").spans == 2
    assert figures(db, name="post").spans == 1
    assert figures(db, service="erp", name="buy").traces == 0
    assert figures(db, service="shop", name="post").traces == 0


def test_more_spans_than_fit_are_refused(db, monkeypatch):
    monkeypatch.setattr(tracing, "MOST_SPANS", 1)
    store(db, part(A, "shop", a_span(1), a_span(2)))
    with pytest.raises(BadPayload, match="more than 1 spans"):
        figures(db)
