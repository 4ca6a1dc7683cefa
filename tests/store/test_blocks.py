"""Segments that share a part and a block come back as they were, whatever their sizes and the order."""

from hashlib import blake2b

from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, TracesData
from sqlalchemy import func, select

from controltower.domain.facts import SpanSegment
from controltower.store import tables
from controltower.store.blocks import FULL
from controltower.store.engine import Database, reading
from controltower.store.traces import trace_segments
from tests.builders import a_segment
from tests.store.facts import store
from tests.stores import clear, half_the_examples

TRACE = bytes([1]) * 16

sizes = st.one_of(st.integers(0, 60), st.sampled_from([FULL - 1, FULL, FULL + 1, 2 * FULL]))
traces = st.integers(1, 4).map(lambda number: bytes([number]) * 16)
spans = st.builds(
    lambda trace, size, seed: Span(trace_id=trace, span_id=bytes([seed]) * 8, name="x" * size),
    traces,
    sizes,
    st.integers(1, 9),
)
requests = st.lists(spans, max_size=4)
commits = st.lists(st.lists(requests, max_size=3), max_size=4)


def segments_of(spans: list[Span]) -> list[SpanSegment]:
    """As an edge makes them of one request: they share one part."""
    scope_spans = ScopeSpans(spans=spans)
    part = TracesData(resource_spans=[ResourceSpans(scope_spans=[scope_spans])]).SerializeToString()
    return [
        a_segment(trace)._replace(digest=blake2b(b"".join(own), digest_size=8).digest(), part=part)
        for trace, own in by_trace(spans).items()
    ]


def by_trace(spans: list[Span]) -> dict[bytes, tuple[bytes, ...]]:
    """The bytes of the spans of each trace."""
    found: dict[bytes, tuple[bytes, ...]] = {}
    for span in spans:
        found[span.trace_id] = (*found.get(span.trace_id, ()), span.SerializeToString())
    return found


def spans_in(segment: bytes) -> tuple[bytes, ...]:
    return tuple(
        span.SerializeToString()
        for outer in TracesData.FromString(segment).resource_spans
        for inner in outer.scope_spans
        for span in inner.spans
    )


def blocks_in(database: Database) -> int:
    with reading(database) as connection:
        return connection.execute(select(func.count()).select_from(tables.span_block)).scalar_one()


@half_the_examples
@given(commits)
def test_every_segment_comes_back_once(module_database: Database, commits: list[list[list[Span]]]):
    clear(module_database)
    wanted: dict[bytes, set[tuple[bytes, ...]]] = {}
    for commit in commits:
        segments = [segment for request in commit for segment in segments_of(request)]
        store(module_database, *segments, *segments)
        for request in commit:
            for trace, own in by_trace(request).items():
                wanted.setdefault(trace, set()).add(own)
    with reading(module_database) as connection:
        found = {trace: trace_segments(connection, trace) for trace in wanted}
    assert {trace: sorted(map(spans_in, segments)) for trace, segments in found.items()} == {
        trace: sorted(own) for trace, own in wanted.items()
    }


def a_request(number: int, size: int = 0) -> list[SpanSegment]:
    return segments_of([Span(trace_id=bytes([number]) * 16, span_id=b"spanspan", name="x" * size)])


def test_a_commit_that_brings_nothing_new_stores_no_block(emptied_database: Database):
    store(emptied_database, *a_request(1))
    store(emptied_database, *a_request(1))
    assert blocks_in(emptied_database) == 1


def test_a_block_ends_when_it_is_full(emptied_database: Database):
    store(emptied_database, *[segment for n in range(1, 6) for segment in a_request(n, FULL // 2)])
    assert blocks_in(emptied_database) == 3


def test_a_part_that_cannot_be_read_comes_back_as_it_is(emptied_database: Database):
    store(emptied_database, a_segment(TRACE)._replace(part=b"\xff\xff"))
    with reading(emptied_database) as connection:
        assert trace_segments(connection, TRACE) == [b"\xff\xff"]
