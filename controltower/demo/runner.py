"""Plays the estate in real time: the past first, then one arrival after the other, until told to stop."""

from __future__ import annotations

import heapq
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from queue import Empty, SimpleQueue
from random import Random
from threading import Event, Thread
from typing import Any, Protocol

from controltower.demo.emissions import DepthOut, Emission, EventOut, LetterOut, SpanPlan
from controltower.demo.estate import Estate
from controltower.demo.events_out import EventPoster
from controltower.demo.queues_out import QueueMeters
from controltower.demo.spans_out import Tracers

log = logging.getLogger("controltower.demo")

_REPORT_EVERY = timedelta(minutes=1)
_LONGEST_NAP = timedelta(seconds=1)


class Wires(Protocol):
    """Where emissions go."""

    def send(self, emission: Emission) -> None:
        """Send an emission that is due; may wait, never drops an event."""

    def tally(self) -> str:
        """What was sent so far, in a few words."""


class Letters(Protocol):
    """Where messages go that the middleware gives up on."""

    accepted: int

    def put(self, document: Mapping[str, Any]) -> None:
        """Hand a letter over."""

    def close(self, patience: float) -> None:
        """Hand over what waits, for at most `patience` seconds."""


class TowerWires:
    """The wires to a tower: events by HTTP, spans and queue depths through the SDK, dead letters either by
    HTTP or through a broker.
    """

    def __init__(self, poster: EventPoster, letters: Letters, tracers: Tracers, queues: QueueMeters) -> None:
        self._poster = poster
        self._letters = letters
        self._tracers = tracers
        self._queues = queues

    def send(self, emission: Emission) -> None:
        """Send an emission that is due; waits when the tower cannot keep up."""
        if isinstance(emission, EventOut):
            self._poster.put(emission.document)
        elif isinstance(emission, LetterOut):
            self._letters.put(emission.document)
        elif isinstance(emission, DepthOut):
            self._queues.change(emission)
        else:
            self._send_spans(emission.spans)

    def tally(self) -> str:
        """What was sent so far, in a few words."""
        events, spans = self._poster, self._tracers
        refused = f", {events.refused} refused" if events.refused else ""
        waiting = f", {events.unsent} waiting" if events.unsent else ""
        lost = f", {spans.lost} lost" if spans.lost else ""
        dead = f"; {self._letters.accepted} dead letters accepted" if self._letters.accepted else ""
        told = f"{events.accepted} events accepted{refused}{waiting}{dead}"
        return f"{told}; {spans.exported} spans accepted{lost}"

    def close(self, patience: float) -> None:
        """Send what is due and stop within `patience` seconds; says so when events had to be left behind."""
        post_the_rest = [partial(self._poster.close, patience), partial(self._letters.close, patience)]
        _call_all([*post_the_rest, *self._tracers.closers(), *self._queues.closers()], patience)
        if self._poster.unsent:
            log.warning("Stopped with %d events unsent: the tower did not take them", self._poster.unsent)

    def _send_spans(self, spans: tuple[SpanPlan, ...]) -> None:
        for span in spans:
            self._tracers.emit(span)


def _call_all(calls: Sequence[Callable[[], None]], patience: float) -> None:
    """Call all at once and wait for at most `patience` seconds.

    The SDK waits half a minute for each exporter when nobody answers; whoever stops us would kill us first.
    """
    threads = [Thread(target=call, daemon=True) for call in calls]
    give_up_at = time.monotonic() + patience
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(give_up_at - time.monotonic(), 0.0))


class Runner:
    """Sends emissions when they are due."""

    def __init__(self, estate: Estate, wires: Wires, clock: Callable[[], datetime], stop: Event) -> None:
        self._estate = estate
        self._wires = wires
        self._clock = clock
        self._stop = stop
        self._due: list[tuple[datetime, int, Emission]] = []
        self._handed_in: SimpleQueue[Sequence[Emission]] = SimpleQueue()
        self._sequence = count()
        self._orders = 0

    def play(self, *, backfill: int, orders_per_minute: float, rng: Random) -> None:
        """Post the past, then play live until stopped. With no orders per minute only the past goes on."""
        now = self._clock()
        self._schedule(self._estate.backfill(backfill) if backfill else [])
        next_arrival = now if orders_per_minute > 0 else datetime.max.replace(tzinfo=now.tzinfo)
        next_report = now + _REPORT_EVERY
        self.send_due(now)
        log.info("%d orders of the last three days are on their way", backfill)
        while not self._stop.is_set():
            now = self._clock()
            while next_arrival <= now and not self._stop.is_set():
                arrived = self._arrive(next_arrival)
                next_arrival += timedelta(minutes=arrived / orders_per_minute) * rng.uniform(0.4, 1.6)
            self.send_due(now)
            if now >= next_report:
                log.info("%d orders live, %s", self._orders, self._wires.tally())
                next_report = now + _REPORT_EVERY
            self._nap(now, next_arrival)

    def send_due(self, now: datetime) -> None:
        """Send all that is due by `now`, in the order in which it is due."""
        self._take_in()
        while self._due and self._due[0][0] <= now and not self._stop.is_set():
            self._wires.send(heapq.heappop(self._due)[2])

    def hand_in(self, emissions: Sequence[Emission]) -> None:
        """Have more sent when it is due; any thread may."""
        self._handed_in.put(emissions)

    def _take_in(self) -> None:
        try:
            while True:
                self._schedule(self._handed_in.get_nowait())
        except Empty:
            return

    def _arrive(self, at: datetime) -> int:
        arrival = self._estate.arrive(at, live=True)
        self._schedule(arrival.emissions)
        self._orders += arrival.orders
        return arrival.orders

    def _schedule(self, emissions: Sequence[Emission]) -> None:
        for emission in emissions:
            heapq.heappush(self._due, (emission.at, next(self._sequence), emission))

    def _nap(self, now: datetime, next_arrival: datetime) -> None:
        wake_at = min(next_arrival, now + _LONGEST_NAP)
        if self._due:
            wake_at = min(wake_at, self._due[0][0])
        self._stop.wait(max((wake_at - now).total_seconds(), 0.0))
