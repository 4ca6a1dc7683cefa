"""A time axis that folds silence, so that bursts of events hours apart are readable side by side."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

from controltower.domain.durations import in_words
from controltower.domain.times import from_us

FOLD_AFTER = timedelta(minutes=30)
FOLD_SHARE = 0.06  # of the axis, for one fold
MOST_FOLDED = 0.6  # of the axis, for all folds together while something lies between them
TICK_SPACING = 0.08  # least distance of two ticks, so that their labels do not overlap

_STEPS_S = (1, 5, 15, 30, 60, 300, 900, 1_800, 3_600, 10_800, 21_600, 43_200, 86_400)
_STEPS_US = tuple(seconds * 1_000_000 for seconds in _STEPS_S)


class Stretch(NamedTuple):
    """A part of the axis in which time runs evenly; a folded one stands for silence."""

    start_us: int
    end_us: int
    start_share: float
    end_share: float
    folded: bool
    label: str  # "silent for 3 h 20 min" when folded


class Tick(NamedTuple):
    """A labelled point of the axis (UTC)."""

    at: datetime
    share: float
    label: str


@dataclass(frozen=True, slots=True)
class Axis:
    """A monotone mapping of time to a share of the width, 0 to 1."""

    stretches: tuple[Stretch, ...]  # in order, each beginning where the one before it ends

    def share(self, at_us: int) -> float:
        """Where a moment lies; what is outside the axis lies at its nearer end."""
        if not self.stretches or at_us <= self.stretches[0].start_us:
            return 0.0
        index = bisect_right(self.stretches, at_us, key=lambda stretch: stretch.start_us) - 1
        stretch = self.stretches[index]
        if at_us >= stretch.end_us:
            return stretch.end_share
        passed = (at_us - stretch.start_us) / (stretch.end_us - stretch.start_us)
        width = stretch.end_share - stretch.start_share
        return min(stretch.start_share + passed * width, stretch.end_share)

    @property
    def folds(self) -> tuple[Stretch, ...]:
        """The silences."""
        return tuple(stretch for stretch in self.stretches if stretch.folded)


def compress(
    times_us: Iterable[int], *, fold_after: timedelta = FOLD_AFTER, fold_share: float = FOLD_SHARE
) -> Axis:
    """The axis of these times, with every gap longer than `fold_after` folded to one fixed width.

    Any order and repetition gives the same axis. Folds are narrower than `fold_share` when there are many.
    """
    times = sorted(set(times_us))
    longest = max(fold_after // timedelta(microseconds=1), 1)
    spans = _joined(times, longest)
    live = sum(end - start for start, end, folded in spans if not folded)
    folds = sum(folded for _, _, folded in spans)
    if live:
        fold_width = min(fold_share, MOST_FOLDED / folds) if folds else 0.0
    else:
        fold_width = 1 / folds if folds else 0.0
    live_width = 1 - fold_width * folds
    return Axis(tuple(_laid_out(spans, live, live_width, fold_width)))


def list_ticks(axis: Axis, *, spacing: float = TICK_SPACING) -> list[Tick]:
    """Labelled points: the start, the ends of silences, round times between; none closer than `spacing`."""
    if not axis.stretches:
        return []
    shares = {s.start_us: s.start_share for s in axis.stretches if not s.folded}
    shares |= {s.end_us: s.end_share for s in axis.stretches if s.folded}
    shares[axis.stretches[0].start_us] = 0.0
    kept = _spaced(sorted((share, at_us) for at_us, share in shares.items()), [], spacing)
    for stretch in axis.stretches:
        if not stretch.folded:
            round_times = _round_times(stretch, spacing)
            kept = _spaced([(axis.share(at_us), at_us) for at_us in round_times], kept, spacing)
    return _labelled(kept)


def _joined(times: list[int], longest: int) -> list[tuple[int, int, bool]]:
    """The times as (start, end, folded) spans: runs of short gaps are one span, each long gap is its own."""
    spans: list[tuple[int, int, bool]] = []
    for start, end in pairwise(times):
        folded = end - start > longest
        if spans and not folded and not spans[-1][2]:
            spans[-1] = (spans[-1][0], end, False)
        else:
            spans.append((start, end, folded))
    return spans or [(at, at, False) for at in times]


def _laid_out(
    spans: list[tuple[int, int, bool]], live: int, live_width: float, fold_width: float
) -> Iterable[Stretch]:
    lived = folded_before = 0
    share = 0.0
    for index, (start, end, folded) in enumerate(spans):
        if folded:
            folded_before += 1
        else:
            lived += end - start
        after = folded_before * fold_width + (live_width * (lived / live) if live else 0.0)
        after = 1.0 if index == len(spans) - 1 and end > start else min(after, 1.0)
        label = f"silent for {in_words(timedelta(microseconds=end - start))}" if folded else ""
        yield Stretch(start, end, share, after, folded, label)
        share = after


def _round_times(stretch: Stretch, spacing: float) -> Iterable[int]:
    """Round moments inside the stretch, far enough apart to be labelled."""
    room = int((stretch.end_share - stretch.start_share) / spacing)
    length = stretch.end_us - stretch.start_us
    step = next((step for step in _STEPS_US if room and length / step <= room), None)
    if step is None:
        return ()
    return range(-(-stretch.start_us // step) * step, stretch.end_us + 1, step)


def _spaced(
    candidates: Iterable[tuple[float, int]], kept: list[tuple[float, int]], spacing: float
) -> list[tuple[float, int]]:
    """`kept` and those candidates that lie `spacing` or more from all of it."""
    chosen = list(kept)
    for share, at_us in candidates:
        if all(abs(share - other) >= spacing for other, _ in chosen):
            chosen.append((share, at_us))
    return chosen


def _labelled(points: Iterable[tuple[float, int]]) -> list[Tick]:
    """Ticks in order; the date is named where it changes."""
    ticks: list[Tick] = []
    for share, at_us in sorted(points):
        at = from_us(at_us)
        clock = at.strftime("%H:%M:%S" if at.second else "%H:%M")
        same_day = ticks and ticks[-1].at.date() == at.date()
        ticks.append(Tick(at, share, clock if same_day else f"{at.day} {at:%b} {clock}"))
    return ticks
