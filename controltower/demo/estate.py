"""The estate: orders come in, one arrival after the other, and each becomes a list of emissions.

Pure: the seed, the series and the times given decide everything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random
from typing import NamedTuple

from controltower.demo.emissions import Emission
from controltower.demo.fulfilment import fulfil
from controltower.demo.mishaps import disturb
from controltower.demo.orders import SMOOTH, Names, Order, draw_order, pack_together
from controltower.demo.pace import Pace
from controltower.demo.paperwork import process_order
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


class Arrival(NamedTuple):
    """What one arrival brought: how many orders, and all that will ever be heard of them."""

    orders: int
    emissions: list[Emission]


class Estate:
    """Plays orders. Two estates with the same arguments play the same, order by order."""

    def __init__(self, *, seed: int, series: str, started_at: datetime) -> None:
        self._seed = f"{seed}/{series}"
        self._names = Names(series)
        self._started_at = started_at
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
        rng = Random(f"{self._seed}/{self._next_number}")
        pace = Pace(live=live)
        script = Script(rng, pace, self._outage)
        orders = self._draw(rng)
        for order, received_at in zip(orders, _take(script, orders, at), strict=True):
            released_at = received_at and process_order(script, order, received_at)
            if released_at:
                fulfil(script, order, released_at)
        self._next_number += len(orders)
        return Arrival(len(orders), disturb(script.emissions, rng, pace))

    def _draw(self, rng: Random) -> list[Order]:
        number, roll = self._next_number, rng.random()
        if roll < POLLED:
            count = rng.choice((2, 3, 4))
            return [draw_order(number + n, rng, self._names, channel="marketplace") for n in range(count)]
        first = draw_order(number, rng, self._names)
        if roll < POLLED + TOGETHER:
            first = replace(first, fate=SMOOTH)
            return [first, pack_together(first, draw_order(number + 1, rng, self._names))]
        return [first]

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


def _age(share_left: float) -> timedelta:
    """How long before the start an order came in that has this share of the past after it."""
    if share_left <= _RUSH_SHARE:
        return _RUSH_SPAN * (share_left / _RUSH_SHARE)
    return _RUSH_SPAN + (BACKFILL_SPAN - _RUSH_SPAN) * ((share_left - _RUSH_SHARE) / (1 - _RUSH_SHARE))


def _take(script: Script, orders: Sequence[Order], at: datetime) -> list[datetime | None]:
    if len(orders) > 1 and all(order.channel == "marketplace" for order in orders):
        return take_polled_orders(script, orders, at)
    return [take_order(script, order, at + timedelta(seconds=2 * n)) for n, order in enumerate(orders)]
