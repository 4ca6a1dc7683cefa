"""The history of a queue, as a Plotly figure and as the rows of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from statistics import median_high
from typing import Any, NamedTuple

from controltower.store.queues import Series, Slot
from controltower.web.charts import TIME_FORMAT, base_layout
from controltower.web.queue_words import measure_words

_COLOURS: Mapping[str, str] = {
    "depth": "in-flight-solid",
    "ready": "in-flight-solid",
    "unacknowledged": "late-solid",
    "consumers": "series-2",
}
_OF_GROUPS = ("series-1", "series-3", "series-4", "series-5", "series-6", "series-7", "series-8")
_GAP = 3  # times the usual distance: nothing was read in between
_TICKS = {"7d": "%a %H:%M"}

History = Mapping[Series, Sequence[Slot]]


class HistoryRow(NamedTuple):
    """One part of the window: what was read in it, in the order of the series; None for nothing."""

    starts_at: datetime
    slots: tuple[Slot | None, ...]


def history_figure(history: History, window: str, since_at: datetime, until_at: datetime) -> dict[str, Any]:
    """A line for each series; consumers on an axis of their own."""
    groups = list(dict.fromkeys(one.group for one in history if one.group))
    consumers = [slot.most for one, slots in history.items() if one.measure == "consumers" for slot in slots]
    layout = base_layout(second_axis=bool(consumers))
    if consumers:  # there is no half of one
        layout["yaxis2"] |= {"tickformat": ",d", "nticks": min(5, int(max(consumers)) + 1)}
    layout["showlegend"] = True  # a single line has to be named as well
    layout["xaxis"] |= {
        "range": [since_at.strftime(TIME_FORMAT), until_at.strftime(TIME_FORMAT)],
        "tickformat": _TICKS.get(window, "%H:%M"),
    }
    return {"data": [_line(one, slots, groups) for one, slots in history.items()], "layout": layout}


def history_rows(history: History) -> list[HistoryRow]:
    """The same figures, newest first."""
    found: dict[datetime, dict[Series, Slot]] = {}
    for one, slots in history.items():
        for slot in slots:
            found.setdefault(slot.starts_at, {})[one] = slot
    return [
        HistoryRow(at, tuple(slots.get(one) for one in history))
        for at, slots in sorted(found.items(), reverse=True)
    ]


def title_of(series: Series) -> str:
    """What people call a series of one queue."""
    words = measure_words(series.measure)
    return f"{words} of {series.group}" if series.group else words


def _line(series: Series, slots: Sequence[Slot], groups: Sequence[str]) -> dict[str, Any]:
    points = _with_gaps(slots)
    is_dotted = series.measure in ("consumers", "unacknowledged") and bool(series.group)
    return {
        "type": "scatter",
        "mode": "lines",
        "name": title_of(series),
        "x": [at for at, _ in points],
        "y": [None if slot is None else round(slot.mean, 2) for _, slot in points],
        "customdata": [None if slot is None else slot.most for _, slot in points],
        "yaxis": "y2" if series.measure == "consumers" else "y",
        "connectgaps": False,
        "line": {
            "color": f"token:{_colour(series, groups)}",
            "width": 1.5 if series.measure == "consumers" else 2,
            "dash": "dot" if is_dotted or series.measure == "consumers" else "solid",
        },
        "hovertemplate": "%{y:,.4~g} on average, up to %{customdata:,.4~g}",
    }


def _colour(series: Series, groups: Sequence[str]) -> str:
    if series.group:
        return _OF_GROUPS[groups.index(series.group) % len(_OF_GROUPS)]
    return _COLOURS.get(series.measure, "series-7")


def _with_gaps(slots: Sequence[Slot]) -> list[tuple[str, Slot | None]]:
    """The slots with a hole where nothing was read for much longer than usual."""
    times = [slot.starts_at for slot in slots]
    apart = [later - earlier for earlier, later in pairwise(times)]
    usual = median_high(apart) if apart else None
    points: list[tuple[str, Slot | None]] = []
    for place, slot in enumerate(slots):
        if place and usual is not None and apart[place - 1] > _GAP * usual:
            points.append(((times[place - 1] + usual).strftime(TIME_FORMAT), None))
        points.append((slot.starts_at.strftime(TIME_FORMAT), slot))
    return points
