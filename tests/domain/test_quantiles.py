"""Quantiles, as other tools compute them."""

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controltower.domain.quantiles import quantile, spread_of

durations = st.lists(st.integers(0, 10**15), min_size=1, max_size=40)


@given(durations)
def test_the_median_is_that_of_the_standard_library(values: list[int]):
    assert quantile(sorted(values), 0.5) == round(statistics.median(values))


@given(durations, st.data())
def test_the_order_of_values_does_not_matter(values: list[int], data: st.DataObject):
    assert spread_of(data.draw(st.permutations(values))) == spread_of(values)


@given(durations)
def test_a_quantile_lies_among_the_values(values: list[int]):
    spread = spread_of(values)
    assert spread is not None
    assert min(values) <= spread.p50_us <= spread.p95_us <= max(values)


@pytest.mark.parametrize(("share", "value"), [(0.0, 10), (0.25, 15), (0.5, 20), (0.95, 29), (1.0, 30)])
def test_what_lies_between_two_values_is_interpolated(share: float, value: int):
    assert quantile([10, 20, 30], share) == value


def test_nothing_has_no_spread():
    assert spread_of([]) is None
