"""Sending what plans froze.

Every step claims its work in the database, may be run again, and only moves forward: planned, claimed,
sending, sent. A worker that dies while it sends leaves items that another sends again, under the same
idempotency key, once their lease is over; nothing else can bring a message out twice.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from controltower.domain.dead_letters import REPLAYABLE, REPLAYING, WAITING
from controltower.domain.errors import ControlTowerError
from controltower.domain.messages import CONFIRMED, UNAVAILABLE, Outgoing, Sent
from controltower.domain.messages import REFUSED as REFUSED_BY_TARGET
from controltower.domain.processes import Process
from controltower.domain.replays import (
    CLAIMED,
    DRAFTING,
    FAILED_ITEMS,
    OPEN_ITEMS,
    PLANNED,
    REFUSED,
    RUNNING,
    SENDING,
    SENT,
    UNSENDABLE,
)
from controltower.domain.times import to_us
from controltower.domain.verdicts import SAFE
from controltower.services.dead_letters.lineage import Lineage, changed_since, lineage_of
from controltower.services.replay.breakers import Breakers
from controltower.services.replay.leases import LEASE, kept_lease, take_lease
from controltower.services.replay.outgoing import outgoing_of, patience_of
from controltower.services.replay.pacing import Pacer
from controltower.services.replay.planning import Planner
from controltower.services.replay.steering import finish, give_back, halt
from controltower.services.replay.targets import Target, Targets
from controltower.store.audit import Deed, record
from controltower.store.engine import Connection, Database, reading, transaction
from controltower.store.letter_rows import LetterBody, LetterRow
from controltower.store.letters import find_bodies, find_letters, mark, mark_each
from controltower.store.replays import (
    Item,
    Plan,
    count_items,
    list_items,
    mark_item_outcomes,
    mark_items,
    mark_plan,
    release_leases,
    runnable_plans,
    sendable_items,
)

_log = logging.getLogger(__name__)

CLAIM_BATCH = 500
SEND_BATCH = 500
SKEW = timedelta(minutes=1)  # between the clocks of workers


@dataclass(slots=True)
class _Batch:
    """Items that are about to leave, with all that it takes."""

    items: list[Item]
    letters: Mapping[bytes, LetterRow]
    bodies: Mapping[tuple[bytes, int], LetterBody]


@dataclass(slots=True)
class Executor:
    """Moves plans on; as many as one likes may run, in any number of processes."""

    db: Database
    processes: Mapping[str, Process]
    targets: Targets
    planner: Planner
    worker: str  # tells this one from all others
    clock: Callable[[], datetime]
    pacer: Pacer = field(default_factory=Pacer)
    breakers: Breakers = field(default_factory=Breakers)
    _open: dict[str, Target] = field(default_factory=dict)

    def run_once(self) -> bool:
        """Do the next piece of work of every plan that nobody else works on; False when there is none."""
        now = self.clock()
        with reading(self.db) as c:
            plans = runnable_plans(c, (DRAFTING, RUNNING), self.worker, to_us(now))
        return any([self._advance(plan) for plan in plans])

    def close(self) -> None:
        """Hang up, and leave the plans to others."""
        with transaction(self.db) as c:
            release_leases(c, self.worker)
        while self._open:
            self._open.popitem()[1].close()

    def _advance(self, plan: Plan) -> bool:
        now = self.clock()
        if not take_lease(self.db, plan.id, self.worker, now):
            return False
        if plan.state == DRAFTING:
            return self.planner.draft_some(plan.id, now)
        return self._claim(plan, now) or self._send(plan, now) or self._step(plan, now)

    def _claim(self, plan: Plan, now: datetime) -> bool:
        """Hold the letters of the next items, so that nobody else sends them; False when all are held."""
        with transaction(self.db) as c:
            items = list_items(c, plan.id, (PLANNED,), -1, CLAIM_BATCH)
            if not items:
                return False
            held = self._hold(c, plan, items, now)
            mark_items(
                c, plan.id, [one.place for one in items if one.letter_id in held], (PLANNED,), state=CLAIMED
            )
            self._refuse_lost(c, plan, [one for one in items if one.letter_id not in held])
        return True

    def _hold(self, c: Connection, plan: Plan, items: Sequence[Item], now: datetime) -> set[bytes]:
        by_frozen: dict[tuple[bytes, int, int], list[bytes]] = defaultdict(list)
        for item in items:
            by_frozen[item.payload_hash, item.edit, item.attempt].append(item.letter_id)
        held: set[bytes] = set()
        for (payload_hash, edit, attempt), ids in by_frozen.items():
            values = {"state": REPLAYING, "plan_id": plan.id, "attempts": attempt, "changed_us": to_us(now)}
            frozen = {"payload_hash": payload_hash, "edit": edit, "attempts": attempt - 1}
            held |= mark(c, ids, REPLAYABLE, values, **frozen)
        return held

    def _refuse_lost(self, c: Connection, plan: Plan, items: Sequence[Item]) -> None:
        rows = find_letters(c, [one.letter_id for one in items])
        outcomes = {}
        for item in items:
            row = rows.get(item.letter_id)
            state = row.state.replace("_", " ") if row else "purged"
            outcomes[item.place] = f"Not sent: it is {state} or was changed since the plan was made."
        mark_item_outcomes(c, plan.id, outcomes, (PLANNED,), state=REFUSED)

    def _send(self, plan: Plan, now: datetime) -> bool:
        """Send the next items of the step; False when none may leave now."""
        if self._has_failed(plan):
            return False
        room = self.pacer.room(plan.id.hex(), plan.rate, now)
        if room <= 0:
            return False
        batch = self._prepare(plan, min(room, SEND_BATCH), now)
        if batch is None:
            return False
        for connection, items in _by_connection(batch.items).items():
            messages = [self._outgoing(batch, item) for item in items]
            with kept_lease(self.db, plan.id, self.worker, self.clock):
                sent = self._deliver(connection, messages)
            self._settle(plan, connection, items, sent, batch.letters)
            self.pacer.take(connection, len(items))
        self.pacer.take(plan.id.hex(), len(batch.items))
        return True

    def _within_rates(self, items: Sequence[Item], now: datetime) -> list[Item]:
        """As many of the items, from the first, as their targets may get now."""
        names = {item.connection for item in items}
        room = {name: self.pacer.room(name, self.targets.rate_of(name), now) for name in names}
        found = []
        for item in items:
            if room[item.connection] > 0:
                room[item.connection] -= 1
                found.append(item)
        return found

    def _has_failed(self, plan: Plan) -> bool:
        with reading(self.db) as c:
            counts = count_items(c, plan.id)
        return sum(n for (_, state), n in counts.items() if state in FAILED_ITEMS) > plan.forgiven

    def _prepare(self, plan: Plan, room: int, now: datetime) -> _Batch | None:
        """Mark the next items as being sent, after a last look at each; None when there are none."""
        with transaction(self.db) as c:
            items = sendable_items(c, plan.id, plan.step, to_us(now), room)
            items = self.breakers.let_through(c, self._within_rates(items, now), now)
            if not items:
                return None
            letters = find_letters(c, [one.letter_id for one in items])
            moved = changed_since(c, letters.values(), plan.made_at - SKEW)
            lineages = lineage_of(c, moved, self.processes)
            drifted = {one.place: why for one in items if (why := _drift(plan, one, letters, lineages))}
            mark_item_outcomes(c, plan.id, drifted, (CLAIMED,), state=REFUSED)
            give_back(c, plan.id, [one for one in items if one.place in drifted], now)
            kept = [one for one in items if one.place not in drifted]
            leased_us = to_us(now + LEASE)
            places = [one.place for one in kept]
            mark_items(c, plan.id, places, (CLAIMED, SENDING), state=SENDING, leased_us=leased_us)
            keys = {(one.letter_id, edit) for one in kept for edit in (0, one.edit)}
            return _Batch(kept, letters, find_bodies(c, keys))

    def _outgoing(self, batch: _Batch, item: Item) -> Outgoing:
        original = batch.bodies[item.letter_id, 0]
        return outgoing_of(item, original, batch.bodies[item.letter_id, item.edit])

    def _deliver(self, connection: str, messages: Sequence[Outgoing]) -> list[Sent]:
        try:
            target = self._open.get(connection)
            if target is None:
                target = self._open[connection] = self.targets.open(connection)
            return target.send(messages)
        except ControlTowerError as exc:
            return [Sent(UNAVAILABLE if exc.retryable else REFUSED_BY_TARGET, str(exc))] * len(messages)

    def _settle(
        self,
        plan: Plan,
        connection: str,
        items: Sequence[Item],
        sent: Sequence[Sent],
        letters: Mapping[bytes, LetterRow],
    ) -> None:
        now = self.clock()
        with transaction(self.db) as c:
            outcomes = list(zip(items, sent, strict=True))
            taken = [one for one, told in outcomes if told.delivery == CONFIRMED]
            refused = [(one, told) for one, told in outcomes if told.delivery == REFUSED_BY_TARGET]
            lost = [(one, told) for one, told in outcomes if told.delivery == UNAVAILABLE]
            self._note_sent(c, plan, taken, letters, now)
            words = {one.place: f"The target refused it: {told.detail}" for one, told in refused}
            mark_item_outcomes(c, plan.id, words, (SENDING,), state=UNSENDABLE, settled_at=now)
            give_back(c, plan.id, [one for one, _ in refused], now)
            words = {one.place: f"Not reached yet: {told.detail}" for one, told in lost}
            mark_item_outcomes(c, plan.id, words, (SENDING,), state=CLAIMED)
            self.breakers.note(c, connection, [told for _, told in outcomes], now)
            record(c, [_deed(plan, one, told) for one, told in outcomes if told.delivery != UNAVAILABLE], now)

    def _note_sent(
        self,
        c: Connection,
        plan: Plan,
        items: Sequence[Item],
        letters: Mapping[bytes, LetterRow],
        now: datetime,
    ) -> None:
        """Only what still is as it was when it left: meanwhile it may have died again or been confirmed."""
        now_us = to_us(now)
        places = [one.place for one in items]
        mark_items(c, plan.id, places, (SENDING,), state=SENT, sent_us=now_us, outcome="")
        values = {"state": WAITING, "sent_us": now_us, "changed_us": now_us}
        waiting = mark(c, [one.letter_id for one in items], (REPLAYING,), values, plan_id=plan.id)
        patience = timedelta(microseconds=plan.confirm_us)
        mark_each(
            c,
            [
                {
                    "id": one,
                    "confirm_due_us": to_us(now + (patience or self._patience(letters[one]))),
                }
                for one in sorted(waiting)
            ],
        )

    def _patience(self, row: LetterRow) -> timedelta:
        process = self.processes.get(row.process)
        return patience_of(process, row.type)

    def _step(self, plan: Plan, now: datetime) -> bool:
        """Halt, take the next step of the ramp, or finish; False when the plan waits for something."""
        with transaction(self.db) as c:
            counts = count_items(c, plan.id)
            failed = sum(n for (_, state), n in counts.items() if state in FAILED_ITEMS)
            if failed > plan.forgiven:
                halt(c, plan, _why_halted(counts, plan), now)
                return True
            if any(n for (step, state), n in counts.items() if step <= plan.step and state in OPEN_ITEMS):
                return False
            later = sorted(step for (step, state), n in counts.items() if step > plan.step and n)
            if later:
                mark_plan(c, plan.id, (RUNNING,), step=later[0])
            else:
                finish(c, plan, _totals(counts), now)
            return True


def _drift(
    plan: Plan, item: Item, letters: Mapping[bytes, LetterRow], lineages: Mapping[bytes, Lineage]
) -> str:
    """Why an item is no longer what was frozen; "" when it is. What was being sent before is sent again.

    `lineages` has the letters whose journeys changed since; of the others the verdict still holds.
    """
    if item.state == SENDING:
        return ""
    row = letters.get(item.letter_id)
    if row is None:
        return "Not sent: it was purged."
    if row.state != REPLAYING or row.plan_id != plan.id:
        return f"Not sent: it is {row.state.replace('_', ' ')} by now."
    if row.payload_hash != item.payload_hash or row.edit != item.edit:
        return "Not sent: it was edited since the plan was made."
    lineage = lineages.get(item.letter_id)
    if lineage is None:
        return ""
    # While it is held its own state says nothing of how it was before.
    verdict = lineage.verdict_before(item.previous)
    if verdict.kind not in (item.verdict, SAFE):
        return f"Not sent: the verdict is no longer {item.verdict.replace('_', ' ')}. {verdict.why}"
    return ""


def _why_halted(counts: Mapping[tuple[int, str], int], plan: Plan) -> str:
    by_state = {state: sum(n for (_, one), n in counts.items() if one == state) for state in FAILED_ITEMS}
    words = {"no_effect": "had no effect", "died_again": "died again", "unsendable": "were refused"}
    told = ", ".join(f"{n} {words[state]}" for state, n in by_state.items() if n)
    done = sum(n for (step, state), n in counts.items() if step <= plan.step and state not in OPEN_ITEMS)
    return f"When it halted, {done} had come to an end: {told}."


def _totals(counts: Mapping[tuple[int, str], int]) -> dict[str, int]:
    totals: dict[str, int] = defaultdict(int)
    for (_, state), n in counts.items():
        totals[state] += n
    return dict(totals)


def _by_connection(items: Iterable[Item]) -> dict[str, list[Item]]:
    found: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        found[item.connection].append(item)
    return found


def _deed(plan: Plan, item: Item, told: Sent) -> Deed:
    done = "sent" if told.delivery == CONFIRMED else "refused by the target"
    detail = {
        "plan": plan.id.hex(),
        "attempt": item.attempt,
        "edit": item.edit,
        "verdict": item.verdict,
        "target": item.connection,
        "place": item.target_place,
        "answer": told.detail,
    }
    by = f"policy {plan.policy}" if plan.policy else plan.started_by
    return Deed(by, done, f"dead_letter/{item.letter_id.hex()}", plan.reason, detail)
