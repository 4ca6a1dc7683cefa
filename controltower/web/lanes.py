"""The timeline of a journey as swim lanes: a lane for each system, silence folded, SVG attributes only."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise
from typing import NamedTuple

from controltower.domain.timeline import Axis, Stretch, compress, list_ticks
from controltower.domain.times import to_us
from controltower.web.event_views import EventView
from controltower.web.formatting import exact

LANE_HEIGHT = 40
TOP = 44  # room for the words of folds and ticks
_INSET = 1.6  # per cent on both sides, so that marks at the ends are whole
_FOLD_INSET = 0.45  # per cent on both sides of a fold, so that an event between two of them is seen
_TOUCHING = 1.7  # per cent; marks of one lane that are closer become one
_TICK_SPACING = 0.11
_NAMED_IN_CLUSTER = 5


class Lane(NamedTuple):
    """One system."""

    system: str
    y: int  # of its middle
    top: int


class Mark(NamedTuple):
    """One event, or several that would cover each other."""

    x: float
    y: int
    kind: str  # event, stage, failed
    events: int  # that it stands for
    href: str
    label: str
    order: int  # of its first event on the timeline


class HandOff(NamedTuple):
    """From one mark to the next in time."""

    x1: float
    y1: int
    x2: float
    y2: int
    failed: bool


class Fold(NamedTuple):
    """A silence that the axis leaves out."""

    x: float
    width: float
    middle: float
    short: str
    label: str


class AxisTick(NamedTuple):
    """A labelled time."""

    x: float
    label: str
    anchor: str  # start, middle or end


class Lanes(NamedTuple):
    """Everything that the drawing needs."""

    height: int
    lanes: tuple[Lane, ...]
    marks: tuple[Mark, ...]
    hand_offs: tuple[HandOff, ...]
    folds: tuple[Fold, ...]
    ticks: tuple[AxisTick, ...]


def build_lanes(events: Sequence[EventView]) -> Lanes:
    """Lay out events, given in order of time; lanes stand in the order in which systems first speak."""
    systems = tuple(dict.fromkeys(view.row.system for view in events))
    axis = compress(to_us(view.row.occurred_at) for view in events)
    lanes = tuple(
        Lane(system, TOP + i * LANE_HEIGHT + LANE_HEIGHT // 2, TOP + i * LANE_HEIGHT)
        for i, system in enumerate(systems)
    )
    marks = sorted(
        (mark for lane in lanes for mark in _marks(lane, events, axis)), key=lambda mark: (mark.order, mark.y)
    )
    return Lanes(
        height=TOP + len(lanes) * LANE_HEIGHT,
        lanes=lanes,
        marks=tuple(marks),
        hand_offs=tuple(HandOff(a.x, a.y, b.x, b.y, b.kind == "failed") for a, b in pairwise(marks)),
        folds=tuple(_fold(stretch) for stretch in axis.folds),
        ticks=tuple(
            AxisTick(_x(tick.share), tick.label, _anchor(tick.share))
            for tick in list_ticks(axis, spacing=_TICK_SPACING)
        ),
    )


def _marks(lane: Lane, events: Sequence[EventView], axis: Axis) -> list[Mark]:
    clusters: list[tuple[float, int, list[EventView]]] = []
    for order, view in enumerate(events):
        if view.row.system != lane.system:
            continue
        x = _x(axis.share(to_us(view.row.occurred_at)))
        if clusters and x - clusters[-1][0] < _TOUCHING:
            clusters[-1][2].append(view)
        else:
            clusters.append((x, order, [view]))
    return [_mark(x, lane, members, order) for x, order, members in clusters]


def _mark(x: float, lane: Lane, members: list[EventView], order: int) -> Mark:
    failed = next((view for view in members if view.is_failed), None)
    kind = "failed" if failed else "stage" if any(view.stage for view in members) else "event"
    names = [f"{view.row.type} at {exact(view.row.occurred_at)}" for view in members[:_NAMED_IN_CLUSTER]]
    if len(members) > _NAMED_IN_CLUSTER:
        names.append(f"and {len(members) - _NAMED_IN_CLUSTER} more")
    label = f"{lane.system}: " + "; ".join(names) + (" (failed)" if failed else "")
    return Mark(x, lane.y, kind, len(members), f"#{(failed or members[0]).anchor}", label, order)


def _fold(stretch: Stretch) -> Fold:
    x, end = _x(stretch.start_share) + _FOLD_INSET, _x(stretch.end_share) - _FOLD_INSET
    return Fold(
        round(x, 3), round(max(end - x, 0), 3), round((x + end) / 2, 3), _largest_part(stretch), stretch.label
    )


def _largest_part(stretch: Stretch) -> str:
    """The silence in one part, because a fold is narrow: ``21 h``."""
    length = timedelta(microseconds=stretch.end_us - stretch.start_us)
    for unit, size in (("d", timedelta(days=1)), ("h", timedelta(hours=1)), ("min", timedelta(minutes=1))):
        if length >= size:
            return f"{length // size} {unit}"
    return "< 1 min"


def _x(share: float) -> float:
    return round(_INSET + share * (100 - 2 * _INSET), 3)


def _anchor(share: float) -> str:
    return "start" if share < 0.05 else "end" if share > 0.95 else "middle"
