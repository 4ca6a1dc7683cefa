"""The parts that dead letters and replays are worked on with, and the steps that move them on."""

from __future__ import annotations

import secrets
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from controltower.domain.processes import Process
from controltower.domain.replay_policies import Policy
from controltower.domain.replays import Approval
from controltower.loop import Step
from controltower.services.dead_letters.desk import Desk
from controltower.services.dead_letters.following import expire_once, follow_once, purge_once
from controltower.services.dead_letters.intake import LetterIntake
from controltower.services.failure_rules import RuleShelf
from controltower.services.ingest import Ingest
from controltower.services.replay.executing import Executor
from controltower.services.replay.planning import Planner
from controltower.services.replay.policies import PolicyRunner
from controltower.services.replay.redirects import Redirects
from controltower.services.replay.steering import expire_plans_once
from controltower.services.replay.targets import Targets
from controltower.store.engine import Database

_SEND_SECONDS = 0.2
_FOLLOW_SECONDS = 0.5
_EXPIRE_SECONDS = 5.0
_POLICY_SECONDS = 10.0
_PURGE_SECONDS = 600.0
_POLITE_SWITCH = 0.0003  # seconds
_SLICE = 5.0  # how long a step may go on before others get their turn


@dataclass(frozen=True, slots=True)
class ReplayParts:
    """What the web, the edges and the worker share."""

    intake: LetterIntake
    desk: Desk
    planner: Planner
    redirects: Redirects
    executor: Executor
    policies: PolicyRunner


def build_replay_parts(
    db: Database,
    ingest: Ingest,
    processes: Mapping[str, Process],
    rules: RuleShelf,
    targets: Targets,
    clock: Callable[[], datetime],
    now_us: Callable[[], int],
    approval: Approval,
    policies: Sequence[Policy] = (),
) -> ReplayParts:
    """All of them, over one store."""
    planner = Planner(db, processes, targets, approval)
    worker = secrets.token_hex(8)
    return ReplayParts(
        LetterIntake(db, ingest, rules, now_us),
        Desk(db),
        planner,
        Redirects(db, targets),
        Executor(db, processes, targets, planner, worker, clock),
        PolicyRunner(db, processes, planner, policies, worker),
    )


def replay_steps(
    parts: ReplayParts, db: Database, processes: Mapping[str, Process], clock: Callable[[], datetime]
) -> tuple[Step, ...]:
    """What a worker does for them."""
    return (
        Step("replays", lambda: _politely(parts.executor.run_once), _SEND_SECONDS),
        Step("dead letters", lambda: _slice(lambda: follow_once(db, processes, clock())), _FOLLOW_SECONDS),
        Step("confirmations", lambda: _expire(db, clock), _EXPIRE_SECONDS),
        Step("replay policies", lambda: parts.policies.apply_once(clock()), _POLICY_SECONDS),
        Step("purge", lambda: _slice(lambda: purge_once(db, clock())), _PURGE_SECONDS),
    )


def _expire(db: Database, clock: Callable[[], datetime]) -> None:
    _slice(lambda: expire_once(db, clock()))
    expire_plans_once(db, clock())


def _politely(step: Callable[[], bool]) -> None:
    """As `_slice`, for work that keeps a core busy beside people who wait for screens.

    A thread that comes back from the database gets the interpreter again only when the one that has it is
    told to let go, by default after 5 ms; a screen asks the database dozens of times.
    """
    usual = sys.getswitchinterval()
    sys.setswitchinterval(_POLITE_SWITCH)
    try:
        _slice(step)
    finally:
        sys.setswitchinterval(usual)


def _slice(step: Callable[[], bool]) -> None:
    """Go on while there is work, for a while."""
    give_up_at = time.monotonic() + _SLICE
    while step() and time.monotonic() < give_up_at:
        pass
