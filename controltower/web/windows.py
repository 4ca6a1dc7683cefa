"""The window that a map is about: the last hour, day or week, or from one moment to another; its sample."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from controltower.domain.errors import BadPayload
from controltower.web.moments import read_moment

WINDOWS = {
    "1h": ("Last hour", timedelta(hours=1)),
    "24h": ("Last 24 hours", timedelta(hours=24)),
    "7d": ("Last 7 days", timedelta(days=7)),
}
DEFAULT_WINDOW = "24h"
STAGES, EVENTS = "stages", "events"
SAMPLES = (500, 2_000, 10_000)
DEFAULT_SAMPLE = 2_000


@dataclass(frozen=True, slots=True)
class Window:
    """From `since_at` to just before `until_at`."""

    name: str  # a key of WINDOWS, or "custom"
    title: str
    since_at: datetime
    until_at: datetime
    fields: Mapping[str, str]  # how addresses spell it

    @property
    def is_moving(self) -> bool:
        """True when it ends now, so that what is in it changes by itself."""
        return "until" not in self.fields


def read_window(args: Mapping[str, str], now: datetime) -> Window:
    """The window that an address spells: `window`, or `since` and `until` (which is now when left out).

    Raises BadPayload for what is no window.
    """
    since, until = args.get("since", "").strip(), args.get("until", "").strip()
    if since or until:
        return _custom(since, until, now)
    name = args.get("window", "").strip() or DEFAULT_WINDOW
    if name not in WINDOWS:
        raise BadPayload(f"window: expected one of {', '.join(WINDOWS)}, found {name[:40]!r}")
    title, length = WINDOWS[name]
    return Window(name, title, now - length, now, {"window": name})


def read_sample(args: Mapping[str, str]) -> int:
    """How many journeys at most are read. Raises BadPayload for what is not offered."""
    text = args.get("sample", "").strip()
    offered = {str(sample): sample for sample in SAMPLES}
    if text and text not in offered:
        raise BadPayload(f"sample: expected one of {', '.join(offered)}, found {text[:40]!r}")
    return offered.get(text, DEFAULT_SAMPLE)


def read_by(args: Mapping[str, str], default: str) -> str:
    """What counts as a step: stages or events. Raises BadPayload for anything else."""
    by = args.get("by", "").strip() or default
    if by not in (STAGES, EVENTS):
        raise BadPayload(f"by: expected {STAGES} or {EVENTS}, found {by[:40]!r}")
    return by


def _custom(since: str, until: str, now: datetime) -> Window:
    since_at = read_moment(since, "since")
    until_at = read_moment(until, "until") if until else now
    if since_at >= until_at:
        raise BadPayload(f"since: expected a time before {until or 'now'}, found {since[:40]!r}")
    fields = {"since": since} | ({"until": until} if until else {})
    return Window("custom", "From … to", since_at, until_at, fields)
