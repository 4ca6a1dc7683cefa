"""Policies: replaying by itself what the operator declared, through the same plans as people.

A policy sends only what is as it came, is nobody's, moves no money and is safe by its verdict. It has one
plan at a time. A plan that halts is given up, and the policy rests: what died again is tried at most as often
as the policy says and is then left to people.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from controltower.domain.errors import Conflict, ControlTowerError
from controltower.domain.processes import Process
from controltower.domain.replay_policies import Policy
from controltower.domain.replays import DRAFTED, DRAFTING, HALTED, UNDER_WAY
from controltower.domain.times import to_us
from controltower.domain.verdicts import SAFE
from controltower.services.dead_letters.lineage import lineage_of
from controltower.services.replay.planning import Planner, Wish, goal_of, redirects_by_source
from controltower.services.replay.steering import cancel, start
from controltower.store.engine import Connection, Database, reading, transaction
from controltower.store.letter_rows import LetterRow
from controltower.store.replay_policies import lease_policy, list_candidates, note_look
from controltower.store.replays import Plan, count_sent_since, list_plans

LOOKED_AT = 200  # letters that are judged at a time
REST = timedelta(minutes=15)  # after a plan that halted
LEASE = timedelta(seconds=60)
_HOUR = timedelta(hours=1)


@dataclass(slots=True)
class PolicyRunner:
    """Applies policies; as many as one likes may run, in any number of processes."""

    db: Database
    processes: Mapping[str, Process]
    planner: Planner
    policies: Sequence[Policy]
    worker: str  # tells this one from all others
    _after: dict[str, tuple[int, bytes]] = field(default_factory=dict)  # where each looks on

    def apply_once(self, now: datetime) -> bool:
        """Let each policy make and start at most one plan; False when none did."""
        return any([self._apply(policy, now) for policy in self.policies])

    def _apply(self, policy: Policy, now: datetime) -> bool:
        with transaction(self.db) as c:
            if not lease_policy(c, policy.name, self.worker, to_us(now), to_us(now + LEASE)):
                return False
        sent, said = self._replay(policy, now)
        with transaction(self.db) as c:
            note_look(c, policy.name, said, now)
        return sent

    def _replay(self, policy: Policy, now: datetime) -> tuple[bool, str]:
        """Whether it started a plan, and what it came to in words."""
        if policy.hours is not None and not policy.hours.hold(now):
            return False, f"Outside its hours, {policy.hours}."
        with reading(self.db) as c:
            last = next(iter(list_plans(c, limit=1, policy=policy.name)), None)
        if last is not None and (why := self._held_up(policy, last, now)):
            return False, why
        with reading(self.db) as c:
            room = policy.max_per_hour - count_sent_since(c, policy.name, now - _HOUR)
            if room <= 0:
                return False, f"It sent {policy.max_per_hour} within the hour, as many as it may."
            chosen = self._choose(c, policy, min(room, self.planner.approval.most_items), now)
        if not chosen:
            return False, "Nothing that it may send is waiting."
        return self._send(policy, chosen, now)

    def _held_up(self, policy: Policy, last: Plan, now: datetime) -> str:
        """Why its last plan keeps it from making another; "" when it does not."""
        if last.state == HALTED:
            why = f"It halted, so the policy gives the rest back. {last.halted_why}"
            cancel(self.db, last.id, by=policy.actor, why=why, now=now)
            return f"Its last replay halted: {last.halted_why}"
        if last.state in (DRAFTING, DRAFTED):  # a worker died before it started it
            cancel(self.db, last.id, by=policy.actor, why="It was never started.", now=now)
            return ""
        if last.state in UNDER_WAY:
            return "Its last replay is under way."
        if last.halted_why and last.ended_at is not None and last.ended_at + REST > now:
            until = f"{last.ended_at + REST:%H:%M} UTC"
            return f"It rests until {until}, for its last replay halted: {last.halted_why}"
        return ""

    def _choose(self, c: Connection, policy: Policy, room: int, now: datetime) -> list[LetterRow]:
        """The next letters that it may send; looks at some at a time, and begins again after the last."""
        after = self._after.pop(policy.name, None)
        rows = list_candidates(
            c,
            {
                "failure_class": policy.failure_class,
                "system": policy.system,
                "type": policy.type,
                "place": policy.place,
            },
            since=now - policy.max_age,
            until=now - policy.wait,
            max_attempts=policy.max_attempts,
            after=after,
            limit=LOOKED_AT,
            now=now,
        )
        lineages = lineage_of(c, rows, self.processes)
        redirects, known = redirects_by_source(c), set(self.planner.targets.names())
        chosen: list[LetterRow] = []
        for row in rows:
            origin = row.origin_connection, row.origin_place
            goal = goal_of(origin, (policy.connection, policy.target_place), redirects)
            is_sendable = bool(goal.place) and goal.connection in known
            may_be_sent = is_sendable and not self.planner.approval.moves_money(row.type)
            if may_be_sent and lineages[row.id].verdict.kind == SAFE:
                chosen.append(row)
            if len(chosen) == room:
                return chosen
        if len(rows) == LOOKED_AT:
            self._after[policy.name] = rows[-1].cursor
        return chosen

    def _send(self, policy: Policy, chosen: Sequence[LetterRow], now: datetime) -> tuple[bool, str]:
        wish = Wish(
            [row.id for row in chosen],
            connection=policy.connection,
            place=policy.target_place,
            reason=f"Declared as safe to replay by the policy {policy.name}.",
            policy=policy.name,
        )
        try:
            plan = self.planner.make(wish, by=policy.actor, now=now)
        except Conflict as exc:  # a person was faster
            return False, str(exc)
        try:
            start(self.db, plan.id, plan.digest, by=policy.actor, may_force=False, reason="", now=now)
        except ControlTowerError as exc:
            cancel(self.db, plan.id, by=policy.actor, why=str(exc), now=now)
            return False, f"It made a plan and did not start it: {exc}"
        return True, f"It started a replay of {len(chosen)}."
