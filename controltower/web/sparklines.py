"""Small bars that show how something came about: places are attributes, looks are classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

WIDTH, HEIGHT = 96, 24
_GAP = 1


class Bar(NamedTuple):
    """One bar."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Sparkline:
    """The bars, and in words what they say."""

    bars: tuple[Bar, ...]
    total: int
    newest: int
    width: int = WIDTH
    height: int = HEIGHT


def draw_sparkline(values: Sequence[int]) -> Sparkline:
    """A bar for each value that is not 0; the highest fills the height, and the least can be seen."""
    most = max(values, default=0) or 1
    step = WIDTH / max(1, len(values))
    bars = []
    for place, value in enumerate(values):
        if value:
            height = max(2.0, round(HEIGHT * value / most, 1))
            bars.append(Bar(round(place * step, 1), round(HEIGHT - height, 1), round(step - _GAP, 1), height))
    return Sparkline(tuple(bars), sum(values), values[-1] if values else 0)
