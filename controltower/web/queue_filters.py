"""The filter and the order of the list of queues, as addresses spell them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import quote, urlencode

from controltower.domain.errors import BadPayload
from controltower.domain.queues import DRAINING, EMPTY, NOT_DRAINING, UNKNOWN
from controltower.services.queues import QueueLine, QueueState

OVER = {
    "5m": ("5 min", timedelta(minutes=5)),
    "15m": ("15 min", timedelta(minutes=15)),
    "1h": ("1 h", timedelta(hours=1)),
    "6h": ("6 h", timedelta(hours=6)),
}
DEFAULT_OVER = "15m"
WINDOWS = {
    "1h": ("Last hour", timedelta(hours=1)),
    "6h": ("6 hours", timedelta(hours=6)),
    "24h": ("24 hours", timedelta(hours=24)),
    "7d": ("7 days", timedelta(days=7)),
}
DEFAULT_WINDOW = "1h"
STALE = "stale"
STATES: Mapping[str, str] = {
    NOT_DRAINING: "Not draining",
    DRAINING: "Draining",
    EMPTY: "Empty",
    UNKNOWN: "Unknown",
    STALE: "Stale",
}
_Key = Callable[[QueueLine], float | None]
_DRAIN_RANK = {NOT_DRAINING: 3.0, UNKNOWN: 1.0, EMPTY: 0.0}


@dataclass(frozen=True, slots=True)
class Asked:
    """What an address asks the list for."""

    system: str
    text: str
    state: str
    over: str  # a key of OVER
    sort: str  # a key of SORTS

    @property
    def length(self) -> timedelta:
        """The time over which growth is measured."""
        return OVER[self.over][1]

    @property
    def is_filtered(self) -> bool:
        """Whether some queues may be left out."""
        return bool(self.system or self.text or self.state)

    def url(self, **changes: str) -> str:
        """The address of the list with these changes; what is as always is left out."""
        fields = {
            "system": self.system,
            "text": self.text,
            "state": self.state,
            "over": self.over,
            "sort": self.sort,
            **changes,
        }
        usual = {"over": DEFAULT_OVER, "sort": DEFAULT_SORT}
        query = urlencode(
            {name: value for name, value in fields.items() if value not in ("", usual.get(name))}
        )
        return f"/queues?{query}" if query else "/queues"


def read_asked(args: Mapping[str, str]) -> Asked:
    """What an address asks for. Raises BadPayload for a word that is none of those offered."""
    return Asked(
        system=args.get("system", "").strip(),
        text=args.get("text", "").strip(),
        state=_word(args, "state", STATES, ""),
        over=_word(args, "over", OVER, DEFAULT_OVER),
        sort=_word(args, "sort", SORTS, DEFAULT_SORT),
    )


def read_over(args: Mapping[str, str]) -> str:
    """The key of OVER that an address names. Raises BadPayload."""
    return _word(args, "over", OVER, DEFAULT_OVER)


def read_window(args: Mapping[str, str]) -> str:
    """The key of WINDOWS that an address names. Raises BadPayload."""
    return _word(args, "window", WINDOWS, DEFAULT_WINDOW)


def chosen(states: Sequence[QueueState], asked: Asked) -> list[QueueState]:
    """Those that the filter lets through, in the order asked for."""
    kept = [state for state in states if _passes(state, asked)]
    kept.sort(key=lambda state: (state.queue.casefold(), state.system))
    if asked.sort != "name":
        kept.sort(key=lambda state: _rank(state, SORTS[asked.sort]), reverse=True)
    return kept


def path_of(system: str, queue: str) -> str:
    """The address of a queue; "" for a name that no path can have."""
    parts = queue.split("/")
    if not system or "/" in system or not all(parts) or {".", ".."} & {system, *parts}:
        return ""
    return f"/queues/{quote(system, safe='')}/{quote(queue)}"


def _word(args: Mapping[str, str], name: str, offered: Mapping[str, object], default: str) -> str:
    found = args.get(name, "").strip() or default
    if found and found not in offered:
        raise BadPayload(f"{name}: expected one of {', '.join(offered)}, found {found[:40]!r}")
    return found


def _passes(state: QueueState, asked: Asked) -> bool:
    if asked.system and state.system != asked.system:
        return False
    groups = " ".join(line.group for line in state.groups)
    if asked.text and asked.text.casefold() not in f"{state.queue} {groups}".casefold():
        return False
    if asked.state == STALE:
        return state.is_stale
    drains = {line.drain.state for line in state.lines if line.drain and not line.is_stale}
    return not asked.state or asked.state in drains


def _rank(state: QueueState, key: _Key) -> tuple[bool, float]:
    """By the worst of its lines; what is not known, or was long ago, comes last."""
    found = [value for line in state.lines if not line.is_stale and (value := key(line)) is not None]
    return bool(found), max(found, default=0.0)


def _by_drain(line: QueueLine) -> float | None:
    if line.drain is None:
        return None
    if line.drain.seconds is not None:
        return 2.0 + line.drain.seconds / (1.0 + line.drain.seconds)
    return _DRAIN_RANK[line.drain.state]


def _by_age(line: QueueLine) -> float | None:
    found = line.figures.get("oldest_age_seconds")
    return found.current if found else None


SORTS: Mapping[str, _Key] = {
    "waiting": lambda line: line.waiting.current if line.waiting else None,
    "growth": lambda line: line.growth.per_minute if line.growth else None,
    "drain": _by_drain,
    "oldest": _by_age,
    "name": lambda line: None,
}
DEFAULT_SORT = "waiting"
