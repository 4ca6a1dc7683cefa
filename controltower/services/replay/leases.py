"""Leases: the right to work on a plan, kept while its holder lives and free soon after it died."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from threading import Event, Thread

from controltower.domain.errors import StoreUnavailable
from controltower.domain.times import to_us
from controltower.store.engine import Database, transaction
from controltower.store.replays import lease_plan

_log = logging.getLogger(__name__)

LEASE = timedelta(seconds=15)
_RENEWALS = 3  # within the length of a lease


def take_lease(db: Database, plan_id: bytes, worker: str, now: datetime) -> bool:
    """Take or keep a plan; False while another worker has it."""
    with transaction(db) as c:
        return lease_plan(c, plan_id, worker, to_us(now), to_us(now + LEASE))


@contextmanager
def kept_lease(db: Database, plan_id: bytes, worker: str, clock: Callable[[], datetime]) -> Iterator[None]:
    """Keep a plan that was taken for the length of the block, however long a target takes to answer."""
    done = Event()

    def renew() -> None:
        while not done.wait(LEASE.total_seconds() / _RENEWALS):
            try:
                take_lease(db, plan_id, worker, clock())
            except StoreUnavailable as exc:
                _log.warning("the lease of a replay could not be renewed: %s", exc)

    thread = Thread(target=renew, name="replay-lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
