"""How long things take: hours in the past that is posted first, seconds in what is played live."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import NamedTuple


class Delay(NamedTuple):
    """A range in business time and the range it is squeezed into when it is played live."""

    business: tuple[timedelta, timedelta]
    live: tuple[timedelta, timedelta]


def _minutes(low: float, high: float) -> tuple[timedelta, timedelta]:
    return timedelta(minutes=low), timedelta(minutes=high)


def _hours(low: float, high: float) -> tuple[timedelta, timedelta]:
    return timedelta(hours=low), timedelta(hours=high)


def _seconds(low: float, high: float) -> tuple[timedelta, timedelta]:
    return timedelta(seconds=low), timedelta(seconds=high)


DELAYS = {
    "receive": Delay(_seconds(1, 20), _seconds(0.3, 1.5)),
    "accept": Delay(_minutes(1, 9), _seconds(1, 5)),
    "post": Delay(_minutes(3, 20), _seconds(2, 8)),
    "release": Delay(_minutes(5, 40), _seconds(2, 8)),
    "request": Delay(_minutes(1, 5), _seconds(0.5, 2)),
    "pick": Delay(_hours(0.5, 4), _seconds(4, 12)),
    "pack": Delay(_minutes(5, 40), _seconds(2, 5)),
    "ship": Delay(_hours(0.5, 5), _seconds(3, 12)),
    "scan": Delay(_hours(0.5, 4), _seconds(3, 8)),
    "transit": Delay(_hours(1, 6), _seconds(4, 12)),
    "deliver": Delay(_hours(2, 8), _seconds(8, 30)),
    "invoice": Delay(_hours(0.5, 5), _seconds(3, 10)),
    "settle": Delay(_hours(2, 9), _seconds(6, 25)),
    "repair": Delay(_hours(0.5, 9), _seconds(15, 75)),
    "retry": Delay(_minutes(2, 15), _seconds(2, 6)),
    "cancel": Delay(_minutes(10, 50), _seconds(4, 12)),
    "late": Delay(_minutes(5, 90), _seconds(20, 150)),
    "resend": Delay(_minutes(1, 10), _seconds(1, 20)),
}


class Pace:
    """Draws delays, either in business time or squeezed."""

    def __init__(self, *, live: bool) -> None:
        self._live = live

    def draw(self, step: str, rng: Random) -> timedelta:
        """How long this step takes this time; both paces use one draw, so that a seed tells one story."""
        delay = DELAYS[step]
        low, high = delay.live if self._live else delay.business
        return low + (high - low) * rng.random()
