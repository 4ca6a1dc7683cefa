"""Thinning out old queue samples: of each slot of time the first sample of each series is left.

The first one is a sample like any other, so that the mean over a day stays what it was, and doing it again
deletes nothing.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, delete, exists, func, select, update

from controltower.store.bulk import bulk_of
from controltower.store.queues import Series
from controltower.store.tables import queue_sample, queue_thinning


def thin_series(c: Connection, series: Series, slot_us: int, since_us: int, until_us: int) -> int:
    """Leave one sample a slot in [since, until), which are whole slots; returns how many were deleted."""
    table, kept = queue_sample.c, queue_sample.alias("kept")
    earlier = exists().where(
        *(kept.c[name] == value for name, value in series._asdict().items()),
        kept.c.sampled_us >= table.sampled_us // slot_us * slot_us,
        kept.c.sampled_us < table.sampled_us,
    )
    old = delete(queue_sample).where(
        *_of(series), table.sampled_us >= since_us, table.sampled_us < until_us, earlier
    )
    return c.execute(old).rowcount


def next_sample_us(c: Connection, series: Series, since_us: int) -> int | None:
    """When the first sample of a series at or after a moment was taken; None when there is none."""
    query = select(func.min(queue_sample.c.sampled_us)).where(
        *_of(series), queue_sample.c.sampled_us >= since_us
    )
    found: int | None = c.execute(query).scalar_one()
    return found


def thinned_until(c: Connection, slot_us: int) -> int:
    """Up to when samples were thinned out to one a slot; 0 when they never were."""
    query = select(queue_thinning.c.done_us).where(queue_thinning.c.slot_us == slot_us)
    return c.execute(query).scalar_one_or_none() or 0


def mark_thinned(c: Connection, slot_us: int, before_us: int, until_us: int) -> bool:
    """Note up to when they are; False when another worker noted something since `before_us` was read."""
    bulk_of(c).insert(queue_thinning, [(slot_us, 0)])
    still = update(queue_thinning).where(
        queue_thinning.c.slot_us == slot_us, queue_thinning.c.done_us == before_us
    )
    return c.execute(still.values(done_us=until_us)).rowcount == 1


def _of(series: Series) -> list[ColumnElement[bool]]:
    return [queue_sample.c[name] == value for name, value in series._asdict().items()]
