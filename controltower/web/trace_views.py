"""Traces for screens: waterfalls with every bar placed in per cent, and short cards on a journey."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from controltower.domain.spans import Span, Value
from controltower.domain.times import from_us
from controltower.domain.waterfall import Waterfall, WaterfallRow, build_waterfall
from controltower.services.traces import decode_segments
from controltower.store.engine import Connection
from controltower.store.traces import segments_of_traces, stored_traces
from controltower.web.formatting import nanoseconds

SERIES = 8  # colours for services
DEEPEST = 8  # levels that are indented; deeper ones stand below each other
MOST_SPANS = 500
CARDS_READ = 12
_MOST_CARD_BYTES = 512 * 1024
_OPENED_SPANS = 40
_AXIS_PARTS = 4


class AxisLabel(NamedTuple):
    """A time since the start of the trace."""

    x: float
    label: str
    anchor: str


@dataclass(frozen=True, slots=True)
class Bar:
    """One span, placed."""

    row: WaterfallRow
    key: str  # names the row on the page
    indent: int
    x: float
    width: float
    series: int
    duration: str
    starts: str
    detail_url: str  # "" for a span without an id
    remarks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TraceView:
    """A trace, ready to be drawn."""

    trace_id: bytes
    waterfall: Waterfall
    bars: tuple[Bar, ...]
    hidden_spans: int
    services: tuple[tuple[str, int], ...]  # with their colour
    axis: tuple[AxisLabel, ...]
    unreadable: int

    @property
    def name(self) -> str:
        """What started it."""
        return self.bars[0].row.span.name if self.bars else ""

    @property
    def duration(self) -> str:
        """From the first start to the last end."""
        return nanoseconds(self.waterfall.duration_ns)

    @property
    def started_at(self) -> datetime:
        """When its first span started."""
        return from_us(self.waterfall.start_ns // 1_000)


@dataclass(frozen=True, slots=True)
class TraceCard:
    """A trace on a journey; `view` is None for one that is too large to be read along, or not stored."""

    trace_id: bytes
    view: TraceView | None
    opened: bool
    is_stored: bool


def view_trace(trace_id: bytes, segments: Sequence[bytes], *, most: int = MOST_SPANS) -> TraceView:
    """The trace that these stored parts make; at most `most` spans are drawn."""
    decoded = decode_segments(segments)
    waterfall = build_waterfall(decoded.spans)
    colours = {service: 1 + index % SERIES for index, service in enumerate(waterfall.services)}
    return TraceView(
        trace_id=trace_id,
        waterfall=waterfall,
        bars=tuple(_bar(row, i, trace_id, colours, waterfall) for i, row in enumerate(waterfall.rows[:most])),
        hidden_spans=max(len(waterfall.rows) - most, 0),
        services=tuple(colours.items()),
        axis=_axis(waterfall.duration_ns),
        unreadable=decoded.unreadable,
    )


def list_cards(c: Connection, trace_ids: Sequence[bytes]) -> list[TraceCard]:
    """The traces of a journey by their start; the first one stands open, a failed one before others."""
    views: dict[bytes, TraceView] = {}
    for trace_id, segments in segments_of_traces(c, trace_ids[:CARDS_READ]).items():
        if sum(map(len, segments)) <= _MOST_CARD_BYTES:
            views[trace_id] = view_trace(trace_id, segments)
    stored = stored_traces(c, trace_ids)
    small = [view for view in views.values() if len(view.bars) <= _OPENED_SPANS]
    opened = max(small, key=lambda view: (view.waterfall.errors > 0, -view.waterfall.start_ns), default=None)
    cards = [
        TraceCard(
            trace_id,
            views.get(trace_id),
            opened is not None and views.get(trace_id) is opened,
            trace_id in stored,
        )
        for trace_id in trace_ids
    ]
    return sorted(cards, key=lambda card: card.view.waterfall.start_ns if card.view else 2**63)


def find_span(segments: Sequence[bytes], span_id: bytes) -> Span | None:
    """One span of a trace; None when no stored part has it."""
    return next((span for span in decode_segments(segments).spans if span.span_id == span_id), None)


def flat(attributes: Mapping[str, Value]) -> list[tuple[str, str]]:
    """Attributes by name, their values as text."""
    return [(name, _text(value)) for name, value in sorted(attributes.items())]


def _text(value: Value) -> str:
    if value is None:
        return "(empty)"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ", ".join(_text(item) for item in value)
    if isinstance(value, dict):
        return ", ".join(f"{name}={_text(item)}" for name, item in value.items())
    return str(value)


def _bar(row: WaterfallRow, index: int, trace_id: bytes, colours: Mapping[str, int], whole: Waterfall) -> Bar:
    span_id = row.span.span_id.hex()
    return Bar(
        row=row,
        key=f"span-{trace_id.hex()[:12]}-{span_id or index}",
        indent=min(row.depth, DEEPEST),
        x=round(100 * row.offset_share, 3),
        width=round(100 * row.width_share, 3),
        series=colours[row.span.service],
        duration=nanoseconds(row.span.duration_ns),
        starts=nanoseconds(max(row.span.start_ns - whole.start_ns, 0)),
        detail_url=f"/traces/{trace_id.hex()}/spans/{span_id}" if span_id else "",
        remarks=tuple(_remarks(row)),
    )


def _remarks(row: WaterfallRow) -> list[str]:
    remarks = []
    if row.skew_ns:
        remarks.append(
            f"Starts {nanoseconds(row.skew_ns)} before its parent: the clocks of two machines disagree."
        )
    if row.is_orphan:
        remarks.append("Incomplete: its parent span was never reported.")
    if row.span.end_ns < row.span.start_ns:
        remarks.append("Incomplete: its end was never reported.")
    return remarks


def _axis(duration_ns: int) -> tuple[AxisLabel, ...]:
    labels = []
    for part in range(_AXIS_PARTS + 1):
        anchor = "start" if part == 0 else "end" if part == _AXIS_PARTS else "middle"
        label = "0" if part == 0 else nanoseconds(duration_ns * part // _AXIS_PARTS)
        labels.append(AxisLabel(100 * part / _AXIS_PARTS, label, anchor))
    return tuple(labels)
