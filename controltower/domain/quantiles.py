"""Quantiles of whole numbers, as everybody else computes them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Spread(NamedTuple):
    """How some durations lie, in microseconds."""

    p50_us: int
    p95_us: int


def quantile(ordered: list[int], share: float) -> int:
    """The value below which `share` of `ordered` (ascending, at least one) lies, interpolated between two."""
    place = (len(ordered) - 1) * share
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return round(ordered[low] + (ordered[high] - ordered[low]) * (place - low))


def spread_of(durations: Iterable[int]) -> Spread | None:
    """The median and the 95th percentile; None of nothing. The order does not matter."""
    ordered = sorted(durations)
    return Spread(quantile(ordered, 0.5), quantile(ordered, 0.95)) if ordered else None
