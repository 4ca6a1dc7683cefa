"""The estate: orders come in, one arrival after the other, and each becomes a list of emissions.

Pure: the seed, the series and the times given decide everything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random
from typing import NamedTuple

from controltower.demo.causes import Causes
from controltower.demo.emissions import Emission
from controltower.demo.fulfilment import fulfil
from controltower.demo.mishaps import disturb
from controltower.demo.orders import NEXT_ARRIVALS, SMOOTH, Names, Order, draw_order, pack_together
from controltower.demo.pace import Pace
from controltower.demo.paperwork import process_order
from controltower.demo.references import Reference
from controltower.demo.sale import take_order, take_polled_orders
from controltower.demo.script import Outage, Script

FIRST_NUMBER = 1001
BACKFILL_SPAN = timedelta(days=3)
# The last orders of the past come close together, so that every early stage has somebody in it at the start.
_RUSH_SHARE, _RUSH_SPAN = 0.12, timedelta(hours=1)
# In the past that is posted first, the 3PL was silent once; live it goes silent again and again.
_PAST_SILENCE = timedelta(hours=54), timedelta(hours=40)  # before the start
_SILENCE_EVERY = timedelta(minutes=12)
_SILENCE_LASTS = timedelta(minutes=3)

TOGETHER = 0.05  # two orders of a customer in one package
POLLED = 0.06  # several marketplace orders in one fetch
# Beside those that fate picks: one order in so many has an article that the ERP does not know.
_STUCK_EVERY, _FIRST_STUCK = 20, 7


class Arrival(NamedTuple):
    """What one arrival brought: how many orders, and all that will ever be heard of them."""

    orders: int
    emissions: list[Emission]


class Estate:
    """Plays orders. Two estates with the same arguments play the same, order by order, until somebody puts
    right what keeps orders from being booked.
    """

    def __init__(self, *, seed: int, series: str, started_at: datetime, causes: Causes | None = None) -> None:
        self._seed = seed
        self._series = series
        self._started_at = started_at
        self._causes = causes or Causes(started_at)
        self._next_number = FIRST_NUMBER

    def backfill(self, orders: int) -> list[Emission]:
        """The past three days in business time, by due time; some of it is due only after the start."""
        emissions: list[Emission] = []
        last_number = self._next_number + orders
        while self._next_number < last_number:
            share_left = (last_number - self._next_number) / orders
            emissions += self.arrive(self._started_at - _age(share_left), live=False).emissions
        return sorted(emissions, key=lambda emission: emission.at)

    def arrive(self, at: datetime, *, live: bool) -> Arrival:
        """The next order, or the next few that belong together, taken at `at`."""
        first = Reference(self._seed, self._series, self._next_number)
        rng = first.generator()
        pace = Pace(live=live)
        script = Script(rng, pace, self._causes, self._outage)
        orders = draw_orders(first, rng)
        for order, received_at in zip(orders, _take(script, orders, at), strict=True):
            released_at = received_at and process_order(script, order, received_at)
            if released_at:
                fulfil(script, order, released_at)
        self._next_number += len(orders)
        return Arrival(len(orders), disturb(script.emissions, rng, pace))

    def _outage(self, moment: datetime) -> Outage | None:
        """The time of silence of the 3PL that covers `moment`."""
        since_start = moment - self._started_at
        if since_start < timedelta():
            begins, ends = _PAST_SILENCE
            outage = Outage(self._started_at - begins, self._started_at - ends)
        else:
            round_begins_at = self._started_at + since_start // _SILENCE_EVERY * _SILENCE_EVERY
            ends_at = round_begins_at + _SILENCE_EVERY
            outage = Outage(ends_at - _SILENCE_LASTS, ends_at)
        return outage if outage.covers(moment) else None


def draw_orders(first: Reference, rng: Random) -> list[Order]:
    """The order of a reference, and those that belong together with it; `rng` is the reference's generator,
    unused.
    """
    number, names, roll = first.number, Names(first.series), rng.random()
    free = (_FIRST_STUCK - number) % _STUCK_EVERY  # numbers up to the next that is stuck
    if not free:
        article = NEXT_ARRIVALS[number // _STUCK_EVERY % len(NEXT_ARRIVALS)]
        return [draw_order(number, rng, names, reference=str(first), stuck_on=article)]
    if roll < POLLED:
        count = min(rng.choice((2, 3, 4)), free)
        places = [first._replace(place=place) for place in range(count)]
        return [
            draw_order(number + one.place, rng, names, channel="marketplace", reference=str(one))
            for one in places
        ]
    order = draw_order(number, rng, names, reference=str(first))
    if roll < POLLED + TOGETHER and free > 1:
        order = replace(order, fate=SMOOTH)
        other = draw_order(number + 1, rng, names, reference=str(first._replace(place=1)))
        return [order, pack_together(order, other)]
    return [order]


def _age(share_left: float) -> timedelta:
    """How long before the start an order came in that has this share of the past after it."""
    if share_left <= _RUSH_SHARE:
        return _RUSH_SPAN * (share_left / _RUSH_SHARE)
    return _RUSH_SPAN + (BACKFILL_SPAN - _RUSH_SPAN) * ((share_left - _RUSH_SHARE) / (1 - _RUSH_SHARE))


def _take(script: Script, orders: Sequence[Order], at: datetime) -> list[datetime | None]:
    if len(orders) > 1 and all(order.channel == "marketplace" for order in orders):
        return take_polled_orders(script, orders, at)
    return [take_order(script, order, at + timedelta(seconds=2 * n)) for n, order in enumerate(orders)]
