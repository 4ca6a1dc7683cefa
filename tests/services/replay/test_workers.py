"""Several workers, several plans over the same letters, all at once: each letter leaves once."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from controltower.domain.messages import REPLAY_OF
from controltower.services.replay.executing import Executor
from tests.builders import NOW, an_event
from tests.services.replay.rig import Rig, a_letter

LETTERS = 60
WORKERS = 4


def run_until_idle(worker: Executor) -> None:
    for _ in range(60):
        worker.run_once()


def test_each_letter_leaves_once_however_many_workers_and_plans_there_are(rig: Rig):
    orders = [f"A{number}" for number in range(LETTERS)]
    events = [an_event("order.captured", ("order", order), at=NOW - timedelta(hours=1)) for order in orders]
    rig.post(*events)
    ids = rig.take(*(a_letter(order) for order in orders)).ids
    plans = [rig.plan(*ids, ramp=False) for _ in range(3)]
    for plan in plans:
        rig.start(plan)

    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(run_until_idle, [rig.worker(f"w{number}") for number in range(WORKERS)]))

    assert Counter(sent.message.header(REPLAY_OF) for sent in rig.targets.sent) == Counter(
        one.hex() for one in ids
    )
    states = Counter(state for plan in plans for state in rig.states(plan))
    assert states == {"sent": LETTERS, "refused": 2 * LETTERS}
