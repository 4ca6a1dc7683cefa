"""Killed at every stage boundary of intake and replay: nothing is lost, nothing comes out under two keys.

A boundary is where a transaction begins or has ended, and where messages are handed to the target or have
been confirmed by it: whatever dies in between is undone by the database, or looks as if it had died at one
of these.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from itertools import count

import pytest

from controltower.domain.messages import CONFIRMED, IDEMPOTENCY_KEY, Outgoing, Sent
from controltower.services.dead_letters import following, intake
from controltower.services.replay import executing, leases, planning
from controltower.store.engine import Connection, Database, transaction
from controltower.store.replays import Plan
from tests.builders import NOW
from tests.services.replay.rig import MemoryTargets, Rig, a_letter


class Killed(BaseException):
    """The process is gone; nobody catches this."""


class Killer:
    """Kills at the n-th boundary; never when n is None."""

    def __init__(self) -> None:
        self.left: int | None = None

    def pass_boundary(self) -> None:
        if self.left is None:
            return
        if self.left == 0:
            self.left = None
            raise Killed
        self.left -= 1


class Receiver(MemoryTargets):
    """Processes each idempotency key once, as receivers should, and notes all that was delivered."""

    def __init__(self, killer: Killer) -> None:
        super().__init__("bus")
        self.killer = killer
        self.keys: dict[str, set[str]] = {}  # body -> idempotency keys it was delivered with
        self.deliveries: Counter[str] = Counter()

    def send(self, messages: Sequence[Outgoing]) -> list[Sent]:
        self.killer.pass_boundary()
        for outgoing in messages:
            body = outgoing.message.body.decode()
            self.deliveries[body] += 1
            self.keys.setdefault(body, set()).add(outgoing.message.header(IDEMPOTENCY_KEY))
        self.killer.pass_boundary()
        return [Sent(CONFIRMED)] * len(messages)


@pytest.fixture
def report(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Says figures where whoever runs the tests sees them."""

    def say(figures: str) -> None:
        with capsys.disabled():
            sys.stdout.write(f"\n{figures}\n")

    return say


@pytest.fixture
def killer(monkeypatch: pytest.MonkeyPatch) -> Killer:
    """Sits at every boundary."""
    made = Killer()

    @contextmanager
    def killable(db: Database) -> Iterator[Connection]:
        made.pass_boundary()
        with transaction(db) as c:
            yield c
        made.pass_boundary()

    for module in (following, intake, executing, leases, planning):
        monkeypatch.setattr(module, "transaction", killable)
    return made


def stuck_orders(rig: Rig, run: int, orders: int) -> list[bytes]:
    """Orders that could not be posted, the first of them with two letters."""
    letters = []
    for number in range(orders):
        order = f"{run}-{number}"
        rig.tell("order.captured", ("order", order), at=NOW - timedelta(hours=1))
        letters.append(a_letter(order, body=order.encode(), message_id=f"m{order}"))
    second = a_letter(
        f"{run}-0",
        type="order.released",
        body=f"{run}-second".encode(),
        message_id=f"m{run}-second",
        at=NOW + timedelta(seconds=1),
    )
    return list(rig.take(*letters, second).ids)


def live_on(rig: Rig, receiver: Receiver, posted: set[str]) -> None:
    """Orders whose message was processed move on."""
    for body in sorted(receiver.deliveries.keys() - posted):
        posted.add(body)
        rig.pass_time(seconds=1)
        if body.endswith("second"):
            rig.tell("order.released", ("order", f"{body.partition('-')[0]}-0"))
        else:
            rig.tell("order.posted", ("order", body))


def carry_out(rig: Rig, plan: Plan, receiver: Receiver, posted: set[str]) -> None:
    """Fresh workers and time bring any plan to its end."""
    for number in range(12):
        rig.pass_time(minutes=3)
        rig.follow()
        rig.work(rig.worker(f"{plan.id.hex()}-{number}"))
        live_on(rig, receiver, posted)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_replay_that_is_killed_at_any_boundary_is_finished_by_the_next_worker(
    rig: Rig, killer: Killer, report: Callable[[str], None]
):
    receiver = Receiver(killer)
    rig.targets = receiver
    rig.planner = planning.Planner(rig.db, rig.processes, receiver)
    posted: set[str] = set()
    killed = 0
    for boundary in count():
        ids = stuck_orders(rig, boundary, orders=4)
        plan = rig.plan(*ids)
        rig.start(plan)
        killer.left = boundary
        try:
            rig.work(rig.worker(f"victim-{boundary}"))
            live_on(rig, receiver, posted)
            rig.work(rig.worker(f"victim-{boundary}"))
        except Killed:
            killed += 1
        has_survived, killer.left = killer.left is not None, None
        carry_out(rig, plan, receiver, posted)
        assert rig.current(plan).state == "done", f"killed at boundary {boundary}: {rig.states(plan)}"
        assert {rig.letter(one).state for one in ids} == {"resolved"}
        if has_survived:
            break
    repeats = sum(n - 1 for n in receiver.deliveries.values())
    twice = sum(len(keys) > 1 for keys in receiver.keys.values())
    report(
        f"{killed} kills, {len(receiver.deliveries)} messages: {repeats} came again, {twice} under two keys"
    )
    assert killed > 20
    assert all(len(keys) == 1 for keys in receiver.keys.values())
    assert len(receiver.deliveries) == 5 * (killed + 1), "none was lost"


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_an_intake_that_is_killed_at_any_boundary_loses_and_doubles_nothing(rig: Rig, killer: Killer):
    for boundary in count():
        letters = [a_letter(f"{boundary}-{n}", message_id=f"{boundary}-{n}") for n in range(3)]
        killer.left = boundary
        try:
            rig.take(*letters)
        except Killed:
            pass
        has_survived, killer.left = killer.left is not None, None
        taken = rig.take(*letters)  # what the broker hands out again
        assert (taken.new, taken.died_again) in ((3, 0), (0, 0))
        assert [rig.letter(one).deaths for one in taken.ids] == [1, 1, 1]
        assert {rig.letter(one).journey_id is None for one in taken.ids} == {False}
        if has_survived:
            break
    assert boundary > 3
