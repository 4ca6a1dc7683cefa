"""What a network does to messages: some come twice, some late, some in the wrong order."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from random import Random

from controltower.demo.emissions import Emission, EventOut, rfc3339
from controltower.demo.pace import Pace

TWICE = 0.05
LATE = 0.03
OVERTAKEN = 0.04
CONTRADICTED = 0.004


def disturb(emissions: Iterable[Emission], rng: Random, pace: Pace) -> list[Emission]:
    """The emissions as they really arrive. What an event says of itself is never touched, except that a
    few sources use an id a second time for something slightly different."""
    disturbed: list[Emission] = []
    for emission in emissions:
        if not isinstance(emission, EventOut):
            disturbed.append(emission)
            continue
        event = _delay(emission, rng, pace)
        disturbed.append(event)
        if rng.random() < TWICE:
            disturbed.append(event._replace(at=event.at + pace.draw("resend", rng)))
        if rng.random() < CONTRADICTED:
            disturbed.append(_contradict(event, pace.draw("resend", rng)))
    return sorted(disturbed, key=lambda emission: emission.at)


def _delay(event: EventOut, rng: Random, pace: Pace) -> EventOut:
    roll = rng.random()
    if roll < LATE:
        return event._replace(at=event.at + pace.draw("late", rng))
    if roll < LATE + OVERTAKEN:
        return event._replace(at=event.at + pace.draw("retry", rng))
    return event


def _contradict(event: EventOut, after: timedelta) -> EventOut:
    at = event.at + after
    return EventOut(at, {**event.document, "time": rfc3339(at)})
