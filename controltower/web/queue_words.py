"""How figures of queues read: amounts, paces, and when a queue will be empty."""

from __future__ import annotations

from datetime import timedelta

from flask import Blueprint

from controltower.domain.durations import in_words
from controltower.domain.queues import DRAINING, EMPTY, NOT_DRAINING, Drain, Growth
from controltower.services.queues import QueueLine

bp = Blueprint("queue_words", __name__)

STEADY_BELOW = 0.05  # a minute; it reads as nothing
MEASURE_WORDS = {
    "depth": "Depth",
    "ready": "Ready",
    "unacknowledged": "Unacknowledged",
    "lag": "Lag",
    "consumers": "Consumers",
    "oldest_age_seconds": "Age of the oldest",
    "publish_rate": "Published a second",
    "deliver_rate": "Delivered a second",
    "published_total": "Published since its start",
    "delivered_total": "Delivered since its start",
}


@bp.app_template_filter()
def quantity(value: float) -> str:
    """An amount with thousands apart; one decimal only where it says something."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.1f}".removesuffix(".0")


@bp.app_template_filter()
def pace(growth: Growth | None) -> str:
    """Growth a minute with its sign."""
    if growth is None:
        return "–"
    number = growth.per_minute
    if abs(number) < STEADY_BELOW:
        return "0/min"
    return f"{'+' if number > 0 else '−'}{quantity(abs(number))}/min"


@bp.app_template_filter()
def per_second(rate: float | None) -> str:
    """A rate of messages; an en dash where it is not known."""
    return "–" if rate is None else f"{quantity(rate)}/s"


@bp.app_template_filter()
def span_words(us: int) -> str:
    """The time that readings span, to the minute."""
    return in_words(timedelta(minutes=max(round(us / 60_000_000), 1)))


@bp.app_template_filter()
def seconds_words(seconds: float) -> str:
    """A duration in its two largest parts."""
    return in_words(timedelta(seconds=round(seconds)))


@bp.app_template_filter()
def drain_words(drain: Drain | None) -> str:
    """When it will be empty, or that it will not, or that nobody knows."""
    if drain is None:
        return "–"
    if drain.state == DRAINING:
        seconds = drain.seconds or 0.0
        return "under a minute" if seconds < 60 else f"≈ {in_words(timedelta(minutes=round(seconds / 60)))}"
    return {EMPTY: "Empty", NOT_DRAINING: "Not draining"}.get(drain.state, "Unknown")


@bp.app_template_filter()
def measure_words(measure: str) -> str:
    """What people call a measure."""
    return MEASURE_WORDS.get(measure, measure.replace("_", " ").capitalize())


@bp.app_template_filter()
def line_state(line: QueueLine) -> tuple[str, str, str]:
    """What to say of a line at a glance: (word, kind of badge, icon)."""
    if line.is_stale:
        return "Stale", "late", "silent"
    if line.drain is None:
        return "Read by groups", "plain", ""
    if line.drain.state == EMPTY:
        return "Empty", "done", "done"
    if line.drain.state == DRAINING:
        return "Draining", "in_flight", "in_flight"
    consumers = line.figures.get("consumers")
    if consumers is not None and consumers.current == 0:
        return "No consumer", "failed", "failed"
    if line.drain.state == NOT_DRAINING and line.growth is not None:
        return ("Growing", "warning", "warning") if _matters(line.growth, line) else ("Steady", "plain", "")
    return "Unknown", "plain", ""


def _matters(growth: Growth, line: QueueLine) -> bool:
    """Whether it grew by a message at least, and by a twentieth of what waits: less is the usual coming and
    going."""
    grown = growth.per_minute * growth.over_us / 60_000_000
    return grown >= max(1.0, 0.05 * (line.waiting.value if line.waiting else 0.0))
