"""Steering replays: agreed to, started, paused, resumed, cancelled; each leaves an entry in the audit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from controltower.domain.dead_letters import REPLAYING
from controltower.domain.errors import BadPayload, Conflict, Forbidden
from controltower.domain.replays import (
    CANCELLED,
    DONE,
    DRAFTED,
    DRAFTING,
    ENDED,
    EXPIRED,
    FAILED_ITEMS,
    HALTED,
    PAUSED,
    RUNNING,
    UNDER_WAY,
    UNSENT,
    WITHDRAWN,
    needs_reason,
)
from controltower.domain.times import to_us
from controltower.services.replay.planning import digest_of
from controltower.store.audit import Deed, record
from controltower.store.engine import Connection, Database, transaction
from controltower.store.letters import mark
from controltower.store.replays import (
    Item,
    Plan,
    approve_plan,
    count_items,
    get_plan,
    list_items,
    list_plans,
    mark_items,
    mark_plan,
)


def approve(db: Database, plan_id: bytes, *, by: str, now: datetime) -> None:
    """Agree to a plan as the second person. Raises Conflict, and Forbidden for the one who made it."""
    with transaction(db) as c:
        plan = _current(c, plan_id, now)
        if not plan.needs_approval:
            raise Conflict("This replay needs nobody's agreement.")
        if by == plan.made_by:
            raise Forbidden("Somebody other than who planned it has to agree.")
        if not approve_plan(c, plan_id, DRAFTED, by=by, now=now):
            raise Conflict(f"This replay is {plan.state} and agreed to by {plan.approved_by or 'nobody'}.")
        _record(c, plan, "approved", by, now)


def start(
    db: Database, plan_id: bytes, digest: bytes, *, by: str, may_force: bool, reason: str, now: datetime
) -> None:
    """Begin to send what a plan froze. `digest` is that of the preview which the caller saw.

    Raises Conflict when the plan is no longer that, has expired or waits for agreement; Forbidden when some
    of it is less than safe and the caller may not force it; BadPayload when they give no reason.
    """
    with transaction(db) as c:
        plan = _current(c, plan_id, now)
        if plan.state != DRAFTED:
            raise Conflict(f"This replay is {plan.state}; it cannot be started.")
        if digest != plan.digest or digest_of(c, plan_id) != plan.digest:
            raise Conflict("What would be sent is not what was shown; look at the plan again.")
        if not any(plan.verdicts.values()):
            raise Conflict("Nothing in this plan can be sent.")
        said = reason.strip() or plan.reason
        if needs_reason(plan.verdicts) and not may_force:
            raise Forbidden("Some of it is not safe to send; an operator can send it, with a reason.")
        if needs_reason(plan.verdicts) and not said:
            raise BadPayload("reason: say why it is sent although it is not safe")
        if plan.needs_approval and not plan.approved_by:
            raise Conflict(f"A second person has to agree first: {plan.needs_approval}.")
        if not mark_plan(c, plan_id, (DRAFTED,), state=RUNNING, started_by=by, started_at=now, reason=said):
            raise Conflict("Somebody else started this replay a moment ago.")
        _record(c, plan, "started", by, now, said)


def pause(db: Database, plan_id: bytes, *, by: str, now: datetime) -> None:
    """Send nothing more until it is resumed; what is on its way is still followed. Raises Conflict."""
    with transaction(db) as c:
        plan = get_plan(c, plan_id)
        if not mark_plan(c, plan_id, (RUNNING,), state=PAUSED):
            raise Conflict(f"This replay is {plan.state}; only a running one can be paused.")
        _record(c, plan, "paused", by, now)


def resume(db: Database, plan_id: bytes, *, by: str, may_force: bool, now: datetime) -> None:
    """Go on with a paused or halted plan; what failed so far does not halt it again.

    Raises Conflict, and Forbidden when it halted by itself and the caller may not force it.
    """
    with transaction(db) as c:
        plan = get_plan(c, plan_id)
        if plan.state == HALTED and not may_force:
            raise Forbidden("It halted by itself; an operator can decide that it goes on.")
        failed = sum(n for (_, state), n in count_items(c, plan_id).items() if state in FAILED_ITEMS)
        if not mark_plan(c, plan_id, (PAUSED, HALTED), state=RUNNING, halted_why="", forgiven=failed):
            raise Conflict(f"This replay is {plan.state}; only a paused or halted one can be resumed.")
        _record(c, plan, "resumed", by, now)


def cancel(db: Database, plan_id: bytes, *, by: str, why: str, now: datetime) -> None:
    """Send nothing more, ever; letters that were not sent are as they were before. Raises Conflict."""
    with transaction(db) as c:
        plan = get_plan(c, plan_id)
        if not mark_plan(c, plan_id, (DRAFTING, DRAFTED, *UNDER_WAY), state=CANCELLED, ended_at=now):
            raise Conflict(f"This replay is {plan.state} already.")
        after = -1
        while batch := list_items(c, plan_id, UNSENT, after, 1000):
            mark_items(c, plan_id, [one.place for one in batch], UNSENT, state=WITHDRAWN)
            give_back(c, plan_id, batch, now)
            after = batch[-1].place
        _record(c, plan, "cancelled", by, now, why)


def dismiss(db: Database, plan_id: bytes, *, by: str, now: datetime) -> None:
    """Take the notice of an ended replay off the screen. Raises Conflict while it has not ended."""
    with transaction(db) as c:
        plan = get_plan(c, plan_id)
        if plan.state not in ENDED:
            raise Conflict(f"This replay is {plan.state}; its notice stays until it has ended.")
        mark_plan(c, plan_id, ENDED, dismissed_at=now, dismissed_by=by)


def expire_plans_once(db: Database, now: datetime) -> bool:
    """Close plans that nobody started in time; False when there are none."""
    with transaction(db) as c:
        late = [plan for plan in list_plans(c, (DRAFTED, DRAFTING)) if plan.expires_at <= now]
        return any([mark_plan(c, plan.id, (plan.state,), state=EXPIRED, ended_at=now) for plan in late])


def give_back(c: Connection, plan_id: bytes, items: Iterable[Item], now: datetime) -> None:
    """Make letters that were held for a plan, and not sent, what they were before."""
    by_state: dict[str, list[bytes]] = defaultdict(list)
    for item in items:
        by_state[item.previous].append(item.letter_id)
    for state, ids in by_state.items():
        values = {"state": state, "plan_id": None, "changed_us": to_us(now)}
        mark(c, ids, (REPLAYING,), values, plan_id=plan_id)


def finish(c: Connection, plan: Plan, outcomes: dict[str, int], now: datetime) -> None:
    """Note that a plan came to its end, with what became of its items."""
    # What a policy did without any trouble is on its own page, and no news for everybody.
    seen = {"dismissed_at": now, "dismissed_by": plan.started_by} if plan.policy else {}
    if mark_plan(c, plan.id, (RUNNING,), state=DONE, ended_at=now, **seen):
        record(c, [Deed("the tower", "finished", f"replay/{plan.id.hex()}", "", {"outcomes": outcomes})], now)


def halt(c: Connection, plan: Plan, why: str, now: datetime) -> None:
    """Stop a plan by itself, until somebody looks."""
    if mark_plan(c, plan.id, (RUNNING,), state=HALTED, halted_why=why):
        record(c, [Deed("the tower", "halted", f"replay/{plan.id.hex()}", why)], now)


def _current(c: Connection, plan_id: bytes, now: datetime) -> Plan:
    plan = get_plan(c, plan_id)
    if plan.state in (DRAFTED, DRAFTING) and plan.expires_at <= now:
        raise Conflict("This plan has expired; what it shows may be out of date. Plan it again.")
    return plan


def _record(c: Connection, plan: Plan, action: str, by: str, now: datetime, why: str = "") -> None:
    detail = {
        "state": plan.state,
        "items": plan.items,
        "verdicts": dict(plan.verdicts),
        "digest": plan.digest.hex(),
        "target": plan.target_connection,
        "place": plan.target_place,
    }
    record(c, [Deed(by, action, f"replay/{plan.id.hex()}", why, detail)], now)
