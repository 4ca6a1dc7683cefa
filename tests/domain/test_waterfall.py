"""The span waterfall: a forest whatever the input."""

import time
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controltower.domain.spans import Span
from controltower.domain.waterfall import Waterfall, WaterfallRow, build_waterfall


def a_span(id: int, start: int, end: int, parent: int = 0, **rest: str) -> Span:
    span = Span(
        trace_id=bytes(16),
        span_id=id.to_bytes(8, "big"),
        parent_id=parent.to_bytes(8, "big") if parent else b"",
        name=f"span {id}",
        kind="internal",
        service="shop",
        scope="",
        start_ns=start,
        end_ns=end,
        status="unset",
    )
    return replace(span, **rest)  # type: ignore[arg-type]


def by_id(waterfall: Waterfall) -> dict[int, WaterfallRow]:
    return {int.from_bytes(row.span.span_id, "big"): row for row in waterfall.rows}


def critical(*spans: Span) -> list[int]:
    rows = by_id(build_waterfall(spans))
    return sorted(id for id, row in rows.items() if row.on_critical_path)


ids = st.integers(1, 12)
some_spans = st.lists(
    st.builds(a_span, ids, st.integers(1, 60), st.integers(0, 90), st.integers(0, 14)), max_size=14
)


@given(spans=some_spans, data=st.data())
def test_the_order_of_spans_does_not_matter(spans: Sequence[Span], data: st.DataObject) -> None:
    assert build_waterfall(data.draw(st.permutations(spans))) == build_waterfall(spans)


@given(spans=some_spans)
def test_every_span_is_shown_once_and_below_its_parent(spans: Sequence[Span]) -> None:
    waterfall = build_waterfall(spans)
    shown = [row.span.span_id for row in waterfall.rows]
    assert sorted(shown) == sorted({span.span_id for span in spans})
    above: list[bytes] = []
    for row in waterfall.rows:
        del above[row.depth :]
        assert len(above) == row.depth
        assert row.depth == 0 or row.span.parent_id == above[-1]
        assert row.is_orphan == (row.depth == 0 and row.span.parent_id != b"")
        above.append(row.span.span_id)
    assert waterfall.incomplete == any(row.is_orphan for row in waterfall.rows)


@given(spans=some_spans)
def test_every_bar_lies_within_the_trace(spans: Sequence[Span]) -> None:
    for row in build_waterfall(spans).rows:
        assert 0 <= row.offset_share <= 1
        assert 0 <= row.width_share <= 1 - row.offset_share


@given(spans=some_spans)
def test_the_critical_path_is_one_chain_down_from_the_root_that_ended_last(spans: Sequence[Span]) -> None:
    rows = build_waterfall(spans).rows
    path = [row for row in rows if row.on_critical_path]
    assert bool(path) == bool(rows)
    on_path = {row.span.span_id for row in path}
    roots = [row for row in path if row.depth == 0]
    assert len(roots) == bool(rows)
    assert all(row.depth == 0 or row.span.parent_id in on_path for row in path)
    last = max((max(row.span.start_ns, row.span.end_ns) for row in rows), default=0)
    assert not path or any(max(row.span.start_ns, row.span.end_ns) == last for row in path)


def test_the_critical_path_takes_the_child_that_finished_last_and_what_came_before_it() -> None:
    spans = [
        a_span(1, 0, 100),
        a_span(2, 10, 40, 1),  # held 3 up
        a_span(3, 45, 90, 1),  # held the root up
        a_span(4, 20, 60, 1),  # ran beside 3 when it started
        a_span(5, 50, 85, 3),
        a_span(6, 50, 60, 3),
    ]
    assert critical(*spans) == [1, 2, 3, 5]


def test_a_consumer_that_outlasts_its_producer_is_on_the_critical_path() -> None:
    spans = [a_span(1, 0, 10), a_span(2, 2, 5, 1), a_span(3, 50, 90, 2), a_span(4, 6, 9, 1)]
    assert critical(*spans) == [1, 2, 3]


def test_a_missing_parent_makes_an_orphan_and_the_trace_incomplete() -> None:
    waterfall = build_waterfall([a_span(1, 0, 10), a_span(2, 1, 2, parent=99), a_span(3, 1, 2, parent=2)])
    rows = by_id(waterfall)
    assert waterfall.incomplete
    assert [(rows[id].depth, rows[id].is_orphan) for id in (1, 2, 3)] == [(0, False), (0, True), (1, False)]


def test_circles_of_parents_are_opened_at_their_earliest_span() -> None:
    spans = [
        a_span(1, 5, 10, 1),
        a_span(2, 2, 9, 4),
        a_span(3, 1, 8, 2),
        a_span(4, 3, 7, 3),
        a_span(5, 4, 6, 4),
    ]
    rows = by_id(build_waterfall(spans))
    assert [rows[id].depth for id in (1, 2, 3, 4, 5)] == [0, 2, 0, 1, 2]
    assert [id for id, row in rows.items() if row.is_orphan] == [3, 1]


def test_a_child_that_starts_before_its_parent_is_flagged_and_not_moved() -> None:
    rows = by_id(build_waterfall([a_span(1, 1_000, 2_000), a_span(2, 400, 1_500, 1)]))
    assert rows[2].skew_ns == 600
    assert rows[2].offset_share == 0
    assert rows[1].offset_share == pytest.approx(600 / 1_600)


def test_a_span_without_a_start_time_does_not_squeeze_the_others() -> None:
    waterfall = build_waterfall([a_span(1, 10**18, 10**18 + 100), a_span(2, 0, 0, 1)])
    assert waterfall.duration_ns == 100
    assert by_id(waterfall)[1].width_share == 1


def test_errors_and_services_are_counted() -> None:
    waterfall = build_waterfall([a_span(1, 0, 9), a_span(2, 1, 3, 1, service="erp", status="error")])
    assert (waterfall.errors, waterfall.services) == (1, ("shop", "erp"))
    assert by_id(waterfall)[2].is_error


def test_an_empty_trace_is_an_empty_waterfall() -> None:
    waterfall = build_waterfall([])
    assert (waterfall.rows, waterfall.duration_ns, waterfall.incomplete) == ((), 0, False)


@pytest.mark.parametrize("shape", ["chain", "star", "circle"])
def test_ten_thousand_spans_take_no_recursion_and_little_time(shape: str) -> None:
    count = 10_000
    parents = {"chain": lambda n: n - 1, "star": lambda n: min(n - 1, 1), "circle": lambda n: n - 1 or count}
    spans = [a_span(n, n, 3 * count - n, parents[shape](n)) for n in range(1, count + 1)]
    before = time.perf_counter()
    waterfall = build_waterfall(spans)
    assert len(waterfall.rows) == count
    assert time.perf_counter() - before < 2
