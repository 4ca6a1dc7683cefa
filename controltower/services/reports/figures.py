"""Counting, measuring and comparing what a source told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec

from controltower.domain.errors import BadPayload
from controltower.domain.quantiles import quantile
from controltower.domain.times import from_us
from controltower.services.reports.gathering import Moment, Scope, gather, type_matches
from controltower.services.told_values import text_of, value_at
from controltower.store.engine import Connection
from controltower.store.told import count_conflicts, events_told

MOST_VALUES = 10_000
_HOUR_US = 3_600_000_000
_SAMPLES = 20  # ids of journeys that a report names


@dataclass(frozen=True, slots=True)
class EventCounts:
    """How much a source told."""

    events: int
    types: dict[str, int]
    first_at: datetime | None
    last_at: datetime | None
    identifiers: dict[str, int]  # distinct values by kind
    conflicts: int  # events that say something else under an id that another has


@dataclass(frozen=True, slots=True)
class Durations:
    """How long something took, in hours, over the groups that have both ends."""

    n: int
    median_h: float | None
    p90_h: float | None
    p99_h: float | None
    max_h: float | None
    negative: int  # groups whose end is reported before the start
    over: int  # groups that took longer than was asked about
    unfinished: int  # groups with a start and no end


@dataclass(frozen=True, slots=True)
class Variant:
    """A sequence of event types, and the groups that went that way."""

    sequence: tuple[str, ...]
    count: int
    share: float
    examples: tuple[str, ...]  # of the groups


@dataclass(frozen=True, slots=True)
class Variants:
    """All ways that groups went, the commonest first."""

    groups: int
    variants: list[Variant]


def count_events(c: Connection, source: str, wanted: Collection[str] = ()) -> EventCounts:
    """Events by type, identifiers by kind, first and last; of these types alone if any are given."""
    types: Counter[str] = Counter()
    values: dict[str, set[int]] = {}
    first = last = None
    for told in events_told(c, source, types=wanted):
        types[told.type] += 1
        first = told.occurred_us if first is None else min(first, told.occurred_us)
        last = told.occurred_us if last is None else max(last, told.occurred_us)
        for kind, value in told.identifiers:
            values.setdefault(kind, set()).add(hash(value))  # 8 bytes in place of a text
    return EventCounts(
        events=types.total(),
        types=dict(types.most_common()),
        first_at=None if first is None else from_us(first),
        last_at=None if last is None else from_us(last),
        identifiers={kind: len(some) for kind, some in sorted(values.items())},
        conflicts=count_conflicts(c, source, wanted),
    )


def count_values(
    c: Connection, source: str, types: Collection[str], path: str, *, shapes: bool = False
) -> dict[str, int]:
    """How many events say what under a key of their data (a dotted path), the commonest first.

    Events that say nothing there are counted as "". With `shapes`, how it is written: see `shape_of`.
    Raises BadPayload when there are more than MOST_VALUES.
    """
    found: Counter[str] = Counter()
    for told in events_told(c, source, types=types, with_payload=True):
        text = text_of(value_at(data_of(told.payload), path))
        found[shape_of(text) if shapes else text] += 1
        if len(found) > MOST_VALUES:
            raise BadPayload(f"{path}: more than {MOST_VALUES:,} different values")
    return dict(found.most_common())


def shape_of(text: str) -> str:
    """How a text is written: 9 for each digit, A and a for capital and small letters, all else as it is."""
    return "".join(map(_shape_of_character, text))


def _shape_of_character(character: str) -> str:
    if character.isdecimal():
        return "9"
    if character.isalpha():
        return "A" if character.isupper() else "a"
    return character


def measure_durations(
    c: Connection,
    scope: Scope,
    start: Collection[str],
    end: Collection[str],
    over: timedelta,
    wall: ZoneInfo | None = None,
) -> Durations:
    """From the first event of a type in `start` to the first of one in `end`, group by group.

    With `wall`, as the clocks of that zone showed it: an hour more or less where they were changed between.
    """
    gathered = gather(c, scope, [*start, *end])
    over_us = over // timedelta(microseconds=1)
    took: list[int] = []
    unfinished = 0
    for moments in gathered.groups.values():
        began, ended = _first(moments, start), _first(moments, end)
        if began is not None and ended is not None:
            took.append(_shown(ended, wall) - _shown(began, wall))
        elif began is not None:
            unfinished += 1
    took.sort()

    def hours(share: float) -> float | None:
        return round(quantile(took, share) / _HOUR_US, 4) if took else None

    return Durations(
        n=len(took),
        median_h=hours(0.5),
        p90_h=hours(0.9),
        p99_h=hours(0.99),
        max_h=hours(1.0),
        negative=sum(one < 0 for one in took),
        over=sum(one > over_us for one in took),
        unfinished=unfinished,
    )


def count_variants(c: Connection, scope: Scope, types: Sequence[str]) -> Variants:
    """The sequences in which events follow each other, of these types alone if any are given.

    Events of one moment follow in the order of `types`, else as their names sort. By journey the events of
    legs are left out: they run beside it.
    """
    gathered = gather(c, scope, types, only_direct=True)
    ranks = {kind: rank for rank, kind in enumerate(types)}
    ways: dict[tuple[str, ...], list[str]] = {}
    for group, moments in gathered.groups.items():
        ordered = sorted(moments, key=lambda one: (one.occurred_us, _rank(one.type, ranks), one.type, one.id))
        ways.setdefault(tuple(one.type for one in ordered), []).append(group)
    total = len(gathered.groups)
    found = [
        Variant(way, len(groups), len(groups) / total, tuple(sorted(groups)[:_SAMPLES]))
        for way, groups in sorted(ways.items(), key=lambda item: (-len(item[1]), item[0]))
    ]
    return Variants(total, found)


def _rank(event_type: str, ranks: dict[str, int]) -> int:
    return min(
        (rank for kind, rank in ranks.items() if type_matches(event_type, (kind,))), default=len(ranks)
    )


def _first(moments: Sequence[Moment], types: Collection[str]) -> int | None:
    return min((one.occurred_us for one in moments if type_matches(one.type, types)), default=None)


def _shown(us: int, wall: ZoneInfo | None) -> int:
    if wall is None:
        return us
    ahead = from_us(us).astimezone(wall).utcoffset() or timedelta()
    return us + ahead // timedelta(microseconds=1)


def data_of(payload: bytes) -> object:
    """The data of an event in the JSON format; None for any other payload."""
    try:
        event = msgspec.json.decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return event.get("data") if isinstance(event, dict) else None
