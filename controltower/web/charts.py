"""Figures for Plotly. Colours are names of our design tokens; static/js/charts.js knows the theme."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, Response, jsonify

from controltower.store.engine import Connection, reading
from controltower.store.figures import per_minute
from controltower.web.deps import deps, now
from controltower.web.roles import requires

bp = Blueprint("charts", __name__)

SHOWN = timedelta(hours=1)
TIME_FORMAT = "%Y-%m-%d %H:%M:%S"
_MEASURES = ("events", "spans", "failures")
_TRACES = (("events", "Events", "in-flight-solid"), ("failures", "Failures", "failed-solid"))


@dataclass(frozen=True, slots=True)
class Minute:
    """What arrived in one minute."""

    starts_at: datetime
    events: int = 0
    spans: int = 0
    failures: int = 0


@bp.get("/charts/arrivals.json")
@requires("viewer")
def arrivals() -> Response:
    """The arrivals of the last hour as a Plotly figure."""
    with reading(deps().db) as c:
        minutes = list_minutes(c, now())
    return jsonify(arrivals_figure(minutes))


def list_minutes(c: Connection, at: datetime) -> list[Minute]:
    """Every minute of the last hour, oldest first, those without any arrival too."""
    last = int(at.timestamp()) // 60
    first = last - SHOWN // timedelta(minutes=1) + 1
    totals = {(minute, measure): total for minute, measure, total in per_minute(c, first, _MEASURES)}
    return [
        Minute(
            starts_at=datetime.fromtimestamp(minute * 60, tz=at.tzinfo),
            events=totals.get((minute, "events"), 0),
            spans=totals.get((minute, "spans"), 0),
            failures=totals.get((minute, "failures"), 0),
        )
        for minute in range(first, last + 1)
    ]


def arrivals_figure(minutes: Sequence[Minute]) -> dict[str, Any]:
    """Events and failures as bars, spans as a line on an axis of their own: there are many more of them."""
    times = [minute.starts_at.strftime(TIME_FORMAT) for minute in minutes]
    data: list[dict[str, Any]] = [
        _bars(name, token, times, (getattr(minute, measure) for minute in minutes))
        for measure, name, token in _TRACES
    ]
    spans = [minute.spans for minute in minutes]
    if any(spans):
        data.append(_line("Spans", "series-2", times, spans))
    return {"data": data, "layout": base_layout(second_axis=any(spans))}


def _bars(name: str, token: str, times: list[str], values: Iterable[int]) -> dict[str, Any]:
    return {
        "type": "bar",
        "name": name,
        "x": times,
        "y": list(values),
        "marker": {"color": f"token:{token}", "line": {"width": 0}},
        "hovertemplate": f"%{{y:,}} {name.casefold()}<extra></extra>",
    }


def _line(name: str, token: str, times: list[str], values: list[int]) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": times,
        "y": values,
        "yaxis": "y2",
        "line": {"color": f"token:{token}", "width": 1.5},
        "hovertemplate": "%{y:,} spans<extra></extra>",
    }


def base_layout(*, second_axis: bool) -> dict[str, Any]:
    """The frame of every figure: times below, amounts at the left, and maybe others at the right."""
    axis = {
        "gridcolor": "token:line",
        "zeroline": False,
        "rangemode": "tozero",
        "tickformat": ",~s",
        "tickmode": "auto",
        "nticks": 5,
        "fixedrange": True,
    }
    layout: dict[str, Any] = {
        "autosize": True,
        "barmode": "overlay",
        "bargap": 0.25,
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": "system-ui, sans-serif", "size": 12, "color": "token:ink-faint"},
        "margin": {"l": 44, "r": 48 if second_axis else 12, "t": 34, "b": 30},
        "hovermode": "x unified",
        "hoverlabel": {
            "bgcolor": "token:surface",
            "bordercolor": "token:line",
            "font": {"color": "token:ink"},
        },
        "legend": {"orientation": "h", "x": 0, "y": 1.18, "font": {"color": "token:ink"}},
        "xaxis": {"type": "date", "tickformat": "%H:%M", "showgrid": False, "fixedrange": True, "nticks": 8},
        "yaxis": axis,
    }
    if second_axis:
        layout["yaxis2"] = {**axis, "overlaying": "y", "side": "right", "showgrid": False}
    return layout
