"""Queues as they are now: what waits, how it changes, and how fresh that is."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from controltower.domain.errors import NotFound
from controltower.domain.queues import (
    MEASURES,
    Drain,
    Growth,
    Point,
    added_up,
    drain_of,
    growth_of,
    is_stale,
    measures_of_waiting,
    partition_of,
    per_second,
)
from controltower.domain.times import to_us
from controltower.store.engine import Connection
from controltower.store.queues import (
    QueueRow,
    Reading,
    Series,
    Slot,
    list_queues,
    probe_queues,
    queue_history,
)

SLOTS = 8  # in which the readings behind growth are looked for
HISTORY_SLOTS = 120
CHARTED = ("depth", "ready", "unacknowledged", "lag", "consumers")
MOST_CHARTED = 12  # series of one queue
_MICROSECOND = timedelta(microseconds=1)
_RATES = {"in": ("publish_rate", "published_total"), "out": ("deliver_rate", "delivered_total")}


@dataclass(frozen=True, slots=True)
class Figure:
    """The newest reading of something; a stale one says how it was, and not how it is."""

    value: float
    sampled_at: datetime
    is_stale: bool

    @property
    def current(self) -> float | None:
        """The value while it is current."""
        return None if self.is_stale else self.value


@dataclass(frozen=True, slots=True)
class QueueLine:
    """A queue, as itself or as one consumer group sees it."""

    system: str
    queue: str
    group: str  # "" for the queue itself
    sampled_at: datetime
    is_stale: bool  # every reading is
    figures: Mapping[str, Figure]  # by measure
    waiting: Figure | None  # None when nothing says it, as of a topic that keeps what was read
    growth: Growth | None
    drain: Drain | None  # None when it does not say what waits, but its groups do
    rate_in: float | None  # a second
    rate_out: float | None


@dataclass(frozen=True, slots=True)
class QueueState:
    """A queue with its consumer groups and, of a topic, its partitions."""

    system: str
    queue: str
    own: QueueLine | None  # None when only its groups are read
    groups: tuple[QueueLine, ...]
    partitions: tuple[QueueLine, ...]

    @property
    def lines(self) -> tuple[QueueLine, ...]:
        """The queue itself, if it is read, and each group."""
        return ((self.own,) if self.own else ()) + self.groups

    @property
    def is_stale(self) -> bool:
        """Whether no line of it is current."""
        return all(line.is_stale for line in self.lines)

    @property
    def sampled_at(self) -> datetime:
        """When it was read last."""
        return max(line.sampled_at for line in self.lines)


def load_queues(c: Connection, now: datetime, over: timedelta) -> list[QueueState]:
    """Every queue, with its growth over the time before now; partitions are left out."""
    rows = [row for row in list_queues(c) if _is_queue(row)]
    return _states(c, rows, now, over)


def load_queue(c: Connection, system: str, queue: str, now: datetime, over: timedelta) -> QueueState:
    """One queue. Raises NotFound when it was never read."""
    rows = [row for row in list_queues(c, system) if _is_queue(row)]
    own = [row for row in rows if queue in (row.queue, partition_of(row.queue, {queue}))]
    states = _states(c, own, now, over, alone=queue)
    found = next((state for state in states if state.queue == queue), None)
    if found is None:
        raise NotFound(f"No reading of a queue {queue[:200]!r} of {system[:200]!r} ever came.")
    return found


def load_history(
    c: Connection, state: QueueState, since_at: datetime, until_at: datetime
) -> dict[Series, list[Slot]]:
    """What was read of a queue from one moment to another, that one included, by series."""
    charted = [
        Series(line.system, line.queue, line.group, measure)
        for line in sorted(state.lines, key=_waiting_of, reverse=True)
        for measure in CHARTED
        if measure in line.figures
    ]
    found = {
        one: queue_history(
            c, one, since_at=since_at, until_at=until_at + _MICROSECOND, slots=HISTORY_SLOTS
        )
        for one in sorted(charted[:MOST_CHARTED], key=lambda one: (one.group, CHARTED.index(one.measure)))
    }
    return {one: slots for one, slots in found.items() if slots}


def _waiting_of(line: QueueLine) -> float:
    return line.waiting.value if line.waiting else 0.0


def _is_queue(row: QueueRow) -> bool:
    return bool(row.queue) and not MEASURES.isdisjoint(row.measures)


def _states(
    c: Connection, rows: Sequence[QueueRow], now: datetime, over: timedelta, alone: str = ""
) -> list[QueueState]:
    """The states of these rows; partitions are looked at only of the one queue that is shown `alone`, which
    itself may be a partition."""
    names: dict[str, set[str]] = {}
    for row in rows:
        names.setdefault(row.system, set()).add(row.queue)
    topics = {
        (row.system, row.queue): partition_of(row.queue, names[row.system]) if row.queue != alone else ""
        for row in rows
    }
    whole = [row for row in rows if not topics[row.system, row.queue]]
    shown = rows if alone else whole
    reader = _Reader(
        now, over, {(row.system, row.queue) for row in whole if row.group and "lag" in row.measures}
    )
    probes = reader.probe(c, shown)
    lines: dict[tuple[str, str], list[QueueLine]] = {}
    for row in shown:
        queue = topics[row.system, row.queue] or row.queue
        lines.setdefault((row.system, queue), []).append(reader.line(row, probes))
    return [_state(*name, found) for name, found in lines.items()]


def _state(system: str, queue: str, lines: Sequence[QueueLine]) -> QueueState:
    whole = [line for line in lines if line.queue == queue]
    parts = [line for line in lines if line.queue != queue]
    return QueueState(
        system,
        queue,
        next((line for line in whole if not line.group), None),
        tuple(line for line in whole if line.group),
        tuple(sorted(parts, key=lambda line: (int(line.queue.rpartition("/")[2]), line.group))),
    )


@dataclass(frozen=True, slots=True)
class _Reader:
    """Makes lines of rows."""

    now: datetime
    over: timedelta
    grouped: Collection[tuple[str, str]]  # queues of which groups say what waits

    def probe(self, c: Connection, rows: Iterable[QueueRow]) -> dict[Series, list[Point | None]]:
        """What was read in the window of the measures whose change matters."""
        wanted = [
            Series(row.system, row.queue, row.group, measure)
            for row in rows
            for measure in self._changing(row)
        ]
        since_at = self.now - self.over
        return probe_queues(c, wanted, since_at=since_at, until_at=self.now, slots=SLOTS)

    def line(self, row: QueueRow, probes: Mapping[Series, list[Point | None]]) -> QueueLine:
        """The row as it is now."""
        figures = {name: self._figure(one) for name, one in row.measures.items()}
        names = self._waiting(row)
        waiting = _added_up([figures[name] for name in names]) if names else None
        current = waiting.current if waiting else None
        consumers = figures.get("consumers")
        growth = growth_of(self._points(row, names, probes)) if current is not None else None
        has_word = bool(names) or (row.system, row.queue) not in self.grouped
        return QueueLine(
            system=row.system,
            queue=row.queue,
            group=row.group,
            sampled_at=row.sampled_at,
            is_stale=all(figure.is_stale for figure in figures.values()),
            figures=figures,
            waiting=waiting,
            growth=growth,
            drain=drain_of(current, growth, consumers.current if consumers else None) if has_word else None,
            rate_in=self._rate(row, "in", figures, probes),
            rate_out=self._rate(row, "out", figures, probes),
        )

    def _figure(self, reading: Reading) -> Figure:
        every_us = None if reading.every is None else reading.every // _MICROSECOND
        stale = is_stale(to_us(reading.sampled_at), every_us, to_us(self.now))
        return Figure(reading.value, reading.sampled_at, stale)

    def _waiting(self, row: QueueRow) -> tuple[str, ...]:
        """The measures that say what waits: of current ones, unless there are none."""
        if not row.group and (row.system, row.queue) in self.grouped:
            return ()  # a topic keeps what was read; only its groups know what waits
        current = {name for name, one in row.measures.items() if not self._figure(one).is_stale}
        return measures_of_waiting(current or row.measures.keys(), of_group=bool(row.group))

    def _changing(self, row: QueueRow) -> Iterator[str]:
        yield from self._waiting(row)
        for _, counter in _RATES.values():
            if counter in row.measures:
                yield counter

    def _points(
        self, row: QueueRow, names: Sequence[str], probes: Mapping[Series, list[Point | None]]
    ) -> list[Point]:
        """What was read of the sum of these measures, the newest reading included."""
        series = [probes.get(Series(row.system, row.queue, row.group, name), []) for name in names]
        together = [points for points in zip(*series, strict=True) if None not in points]
        newest = tuple(
            Point(to_us(row.measures[name].sampled_at), row.measures[name].value) for name in names
        )
        whole = [[p for p in points if p is not None] for points in (*together, newest)]
        return added_up(list(zip(*whole, strict=True)))

    def _rate(
        self,
        row: QueueRow,
        way: str,
        figures: Mapping[str, Figure],
        probes: Mapping[Series, list[Point | None]],
    ) -> float | None:
        told, counter = _RATES[way]
        if told in figures and not figures[told].is_stale:
            return figures[told].value
        if counter in figures and not figures[counter].is_stale:
            return per_second(self._points(row, (counter,), probes))
        return None


def _added_up(figures: Sequence[Figure]) -> Figure:
    return Figure(
        sum(figure.value for figure in figures),
        min(figure.sampled_at for figure in figures),
        any(figure.is_stale for figure in figures),
    )
