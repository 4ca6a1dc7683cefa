"""Queue samples grow old: one a minute is enough after a day, one every 15 minutes after a week.

It may die at any line: what was thinned stays so, and thinning it again deletes nothing.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from controltower.domain.times import to_us
from controltower.store.engine import Database, reading, transaction
from controltower.store.queue_thinning import mark_thinned, next_sample_us, thin_series, thinned_until
from controltower.store.queues import Series, list_series

_MINUTE_US = 60_000_000
_HOUR_US = 60 * _MINUTE_US  # whole slots of every tier
_DAY_US = 24 * _HOUR_US


class Tier(NamedTuple):
    """Samples that are older than `age` are thinned out to one every `slot_us`."""

    age: timedelta
    slot_us: int


TIERS = (Tier(timedelta(days=1), _MINUTE_US), Tier(timedelta(days=7), 15 * _MINUTE_US))


def thin_once(db: Database, now: datetime) -> int:
    """Thin out what has grown old since the last time; returns how many samples were deleted."""
    return sum(_thin(db, tier, now) for tier in TIERS)


def _thin(db: Database, tier: Tier, now: datetime) -> int:
    until_us = to_us(now - tier.age) // _HOUR_US * _HOUR_US
    with reading(db) as c:
        since_us = thinned_until(c, tier.slot_us)
        series = list_series(c) if since_us < until_us else []
    if since_us >= until_us:
        return 0
    deleted = sum(_thin_series(db, one, tier.slot_us, since_us, until_us) for one in series)
    with transaction(db) as c:
        mark_thinned(c, tier.slot_us, since_us, until_us)
    return deleted


def _thin_series(db: Database, series: Series, slot_us: int, since_us: int, until_us: int) -> int:
    """A day at a time, each in a transaction of its own: whoever commits facts has to wait for it."""
    deleted = 0
    end_us = since_us
    while True:
        with reading(db) as c:
            next_us = next_sample_us(c, series, end_us)
        if next_us is None or next_us >= until_us:
            return deleted
        start_us = next_us // _HOUR_US * _HOUR_US
        end_us = min(start_us + _DAY_US, until_us)
        with transaction(db) as c:
            deleted += thin_series(c, series, slot_us, start_us, end_us)
