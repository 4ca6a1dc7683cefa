"""Replay plans and their items: frozen when they are made, moved on by compare-and-set."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, bindparam, case, func, or_, select, update

from controltower.domain.errors import NotFound
from controltower.domain.replays import CLAIMED, REFUSED, SENDING, SENT, WITHDRAWN
from controltower.domain.times import from_us, to_us
from controltower.store.bulk import bulk_of
from controltower.store.dead_letter_tables import replay_item, replay_plan
from controltower.store.membership import in_chunks


@dataclass(frozen=True, slots=True)
class Plan:
    """A replay plan without its items."""

    id: bytes
    state: str
    made_at: datetime
    made_by: str
    policy: str
    selection: str
    reason: str
    target_connection: str
    target_place: str
    items: int
    verdicts: Mapping[str, int]
    digest: bytes
    expires_at: datetime
    needs_approval: str
    approved_by: str
    approved_at: datetime | None
    started_by: str
    started_at: datetime | None
    ended_at: datetime | None
    halted_why: str
    rate: int
    ramp: bool
    step: int
    forgiven: int
    confirm_us: int
    leased_by: str
    leased_us: int
    dismissed_at: datetime | None
    dismissed_by: str


@dataclass(frozen=True, slots=True)
class Item:
    """One letter of a plan."""

    plan_id: bytes
    place: int
    letter_id: bytes
    state: str
    step: int
    attempt: int
    payload_hash: bytes
    edit: int
    verdict: str
    verdict_why: str
    order_key: str
    connection: str
    target_place: str
    fingerprint: str
    remedy: str
    previous: str
    sent_at: datetime | None
    settled_at: datetime | None
    outcome: str


class GoalCount(NamedTuple):
    """A place that items of a plan go to, and what is done to them on the way."""

    connection: str
    place: str
    remedy: str  # see domain.replays and domain.edits.remedy_of
    items: int


def add_plan(c: Connection, values: Mapping[str, Any]) -> None:
    """Keep a plan; `values` has every column but those that nobody has touched yet."""
    untouched = {
        "policy": "",
        "approved_by": "",
        "started_by": "",
        "halted_why": "",
        "step": 0,
        "forgiven": 0,
        "leased_by": "",
        "leased_us": 0,
        "dismissed_by": "",
    }
    told = {**untouched, **_stored(values)}
    bulk_of(c).insert(replay_plan, [tuple(told.get(name) for name in replay_plan.columns.keys())])


def add_items(c: Connection, items: Sequence[Item]) -> None:
    """Keep the items of a plan; those that are there are left alone."""
    rows = [
        (
            *(getattr(item, name) for name in _ITEM_COLUMNS[:-5]),
            item.previous,
            0,
            _us(item.sent_at),
            _us(item.settled_at),
            item.outcome,
        )
        for item in items
    ]
    bulk_of(c).insert(replay_item, rows)


_ITEM_COLUMNS = tuple(replay_item.columns.keys())
_DRAFTED = (
    "state",
    "attempt",
    "payload_hash",
    "edit",
    "verdict",
    "verdict_why",
    "order_key",
    "connection",
    "target_place",
    "fingerprint",
    "remedy",
    "previous",
    "outcome",
)


def save_draft(c: Connection, items: Sequence[Item]) -> None:
    """Keep what was found out about the items of a plan that is being drafted."""
    item = replay_item.c
    statement = update(replay_item).where(item.plan_id == bindparam("plan"), item.place == bindparam("at"))
    values: dict[str, Any] = {name: bindparam(f"new_{name}") for name in _DRAFTED}
    c.execute(
        statement.values(**values),
        [
            {"plan": one.plan_id, "at": one.place, **{f"new_{name}": getattr(one, name) for name in _DRAFTED}}
            for one in items
        ],
    )


def get_plan(c: Connection, plan_id: bytes) -> Plan:
    """The plan; NotFound when there is none."""
    row = c.execute(select(replay_plan).where(replay_plan.c.id == plan_id)).one_or_none()
    if row is None:
        raise NotFound(f"There is no replay {plan_id.hex()}.")
    return _plan(row)


def list_plans(
    c: Connection,
    states: Collection[str] = (),
    before: bytes | None = None,
    limit: int = 50,
    *,
    undismissed: bool = False,
    policy: str = "",
) -> list[Plan]:
    """A page of plans, newest first; `before` is the id of the last one of the page before."""
    query = select(replay_plan)
    if policy:
        query = query.where(replay_plan.c.policy == policy)
    if states:
        query = query.where(replay_plan.c.state.in_(states))
    if undismissed:
        query = query.where(replay_plan.c.dismissed_us.is_(None))
    if before is not None:
        query = query.where(replay_plan.c.id < before)
    return [_plan(row) for row in c.execute(query.order_by(replay_plan.c.id.desc()).limit(limit))]


def mark_plan(c: Connection, plan_id: bytes, expected: Collection[str], **values: Any) -> bool:
    """Change a plan that is in one of these states; False when it is in another."""
    still = update(replay_plan).where(replay_plan.c.id == plan_id, replay_plan.c.state.in_(expected))
    return c.execute(still.values(**_stored(values))).rowcount == 1


def approve_plan(c: Connection, plan_id: bytes, expected: str, *, by: str, now: datetime) -> bool:
    """Note who agreed; False when the plan is in another state or somebody agreed before."""
    plan = replay_plan.c
    still = update(replay_plan).where(plan.id == plan_id, plan.state == expected, plan.approved_by == "")
    return c.execute(still.values(approved_by=by, approved_us=to_us(now))).rowcount == 1


def lease_plan(c: Connection, plan_id: bytes, worker: str, now_us: int, until_us: int) -> bool:
    """Take or keep the right to work on a plan; False while another worker has it."""
    plan = replay_plan.c
    free = (plan.leased_us <= now_us) | (plan.leased_by == worker)
    claim = update(replay_plan).where(plan.id == plan_id, free)
    return c.execute(claim.values(leased_by=worker, leased_us=until_us)).rowcount == 1


def release_leases(c: Connection, worker: str) -> None:
    """Let others have the plans of a worker."""
    own = update(replay_plan).where(replay_plan.c.leased_by == worker, replay_plan.c.leased_us > 0)
    c.execute(own.values(leased_us=0))


def runnable_plans(c: Connection, states: Collection[str], worker: str, now_us: int) -> list[Plan]:
    """Plans in these states that no other worker has, oldest first."""
    plan = replay_plan.c
    free = (plan.leased_us <= now_us) | (plan.leased_by == worker)
    query = select(replay_plan).where(plan.state.in_(states), free)
    return [_plan(row) for row in c.execute(query.order_by(plan.id).limit(50))]


def list_items(
    c: Connection,
    plan_id: bytes,
    states: Collection[str] = (),
    after: int = -1,
    limit: int = 100,
    *,
    verdict: str = "",
) -> list[Item]:
    """A page of the items of a plan, in the order of sending."""
    query = select(replay_item).where(replay_item.c.plan_id == plan_id, replay_item.c.place > after)
    if states:
        query = query.where(replay_item.c.state.in_(states))
    if verdict:
        query = query.where(replay_item.c.verdict == verdict)
    return [_item(row) for row in c.execute(query.order_by(replay_item.c.place).limit(limit))]


def first_items(c: Connection, plan_ids: Collection[bytes]) -> list[Item]:
    """The item of each plan that is sent first."""
    item = replay_item.c
    found: list[Item] = []
    for chunk in in_chunks(plan_ids):
        query = select(replay_item).where(item.plan_id.in_(chunk), item.place == 0)
        found.extend(_item(row) for row in c.execute(query))
    return found


def items_of_letter(c: Connection, letter_id: bytes, limit: int = 50) -> list[Item]:
    """Every replay of a letter, newest first."""
    query = select(replay_item).where(replay_item.c.letter_id == letter_id)
    return [_item(row) for row in c.execute(query.order_by(replay_item.c.plan_id.desc()).limit(limit))]


def count_items(c: Connection, plan_id: bytes) -> dict[tuple[int, str], int]:
    """How many items of a plan are in each step and state."""
    item = replay_item.c
    query = select(item.step, item.state, func.count()).where(item.plan_id == plan_id)
    return {(row[0], row[1]): row[2] for row in c.execute(query.group_by(item.step, item.state))}


def count_outcomes(c: Connection, plan_ids: Collection[bytes]) -> dict[bytes, dict[str, int]]:
    """How many items of each plan are in each state."""
    item = replay_item.c
    found: dict[bytes, dict[str, int]] = {plan_id: {} for plan_id in plan_ids}
    for chunk in in_chunks(plan_ids):
        query = select(item.plan_id, item.state, func.count()).where(item.plan_id.in_(chunk))
        for row in c.execute(query.group_by(item.plan_id, item.state)):
            found[bytes(row[0])][row[1]] = row[2]
    return found


def count_goals(c: Connection, plan_id: bytes) -> list[GoalCount]:
    """Where the items of a plan go and as what, the most first; those that were never to be sent apart."""
    item = replay_item.c
    columns = (item.connection, item.target_place, item.remedy)
    query = select(*columns, func.count().label("items")).where(item.plan_id == plan_id, item.verdict != "")
    rows = c.execute(query.group_by(*columns))
    return sorted((GoalCount(*row) for row in rows), key=lambda goal: (-goal.items, *goal[:3]))


def count_sent_since(c: Connection, policy: str, since: datetime) -> int:
    """How many messages a policy tried to send at or after a time, and how many it still has under way."""
    plan, item = replay_plan.c, replay_item.c
    lately = (plan.ended_us.is_(None)) | (plan.ended_us >= to_us(since))
    tried_us = func.coalesce(item.sent_us, item.settled_us)
    query = (
        select(func.count())
        .select_from(replay_item.join(replay_plan, plan.id == item.plan_id))
        .where(plan.policy == policy, lately, item.state.not_in((REFUSED, WITHDRAWN)))
        .where(or_(tried_us.is_(None), tried_us >= to_us(since)))
    )
    return c.execute(query).scalar_one()


def sendable_items(c: Connection, plan_id: bytes, step: int, now_us: int, limit: int) -> list[Item]:
    """The next items to send in a step: of each order key at most the first, and none while another message
    of that key is on its way, in this plan or in any other. What a dead worker was sending comes again.
    """
    item = replay_item.c
    dropped = select(replay_item).where(
        item.plan_id == plan_id, item.state == SENDING, item.step == step, item.leased_us <= now_us
    )
    found = [_item(row) for row in c.execute(dropped.order_by(item.place).limit(limit))]
    taken = {one.order_key for one in found}
    after = -1
    while len(found) < limit:
        page = _claimed(c, plan_id, step, after, limit)
        if not page:
            break
        after = page[-1].place
        on_their_way = _keys_on_their_way(c, {one.order_key for one in page} - taken - {""})
        for one in page:
            if one.order_key and (one.order_key in on_their_way or one.order_key in taken):
                continue
            taken.add(one.order_key)
            found.append(one)
    return found[:limit]


def _claimed(c: Connection, plan_id: bytes, step: int, after: int, limit: int) -> list[Item]:
    item = replay_item.c
    query = select(replay_item).where(
        item.plan_id == plan_id, item.state == CLAIMED, item.step == step, item.place > after
    )
    return [_item(row) for row in c.execute(query.order_by(item.place).limit(limit))]


def _keys_on_their_way(c: Connection, keys: Collection[str]) -> set[str]:
    item = replay_item.c
    found: set[str] = set()
    for chunk in in_chunks(sorted(keys)):
        query = select(item.order_key).where(item.order_key.in_(chunk), item.state.in_((SENDING, SENT)))
        found.update(c.execute(query).scalars())
    return found


def mark_items(
    c: Connection, plan_id: bytes, places: Iterable[int], expected: Collection[str], **values: Any
) -> set[int]:
    """Change the items at these places that are in one of these states; returns their places."""
    moved: set[int] = set()
    for chunk in in_chunks(places):
        still = update(replay_item).where(
            replay_item.c.plan_id == plan_id,
            replay_item.c.place.in_(chunk),
            replay_item.c.state.in_(expected),
        )
        moved.update(c.execute(still.values(**_stored(values)).returning(replay_item.c.place)).scalars())
    return moved


def mark_item_outcomes(
    c: Connection, plan_id: bytes, outcomes: Mapping[int, str], expected: Collection[str], **values: Any
) -> None:
    """As `mark_items`, with words of its own for each."""
    for chunk in in_chunks(sorted(outcomes)):
        words = case({place: outcomes[place] for place in chunk}, value=replay_item.c.place)
        still = update(replay_item).where(
            replay_item.c.plan_id == plan_id,
            replay_item.c.place.in_(chunk),
            replay_item.c.state.in_(expected),
        )
        c.execute(still.values(outcome=words, **_stored(values)))


def settle_items(
    c: Connection, letters: Mapping[bytes, str], state: str, expected: Collection[str], now_us: int
) -> list[Item]:
    """Move the outstanding items of these letters (with the outcome of each in words) to `state`; returns
    those that were in one of the expected states.
    """
    item = replay_item.c
    found: list[Item] = []
    for chunk in in_chunks(sorted(letters)):
        query = select(replay_item).where(item.letter_id.in_(chunk), item.state.in_(expected))
        found.extend(_item(row) for row in c.execute(query))
    settled = []
    for one in found:
        still = update(replay_item).where(
            item.plan_id == one.plan_id, item.place == one.place, item.state == one.state
        )
        values = {"state": state, "settled_us": now_us, "outcome": letters[one.letter_id]}
        if c.execute(still.values(**values)).rowcount == 1:
            settled.append(one)
    return settled


def _stored(values: Mapping[str, Any]) -> dict[str, Any]:
    """Columns for what callers say: datetimes as microseconds under the name that the column has."""
    told: dict[str, Any] = {}
    for name, value in values.items():
        if name.endswith("_at"):
            told[name.removesuffix("_at") + "_us"] = _us(value)
        elif name == "verdicts":
            told[name] = json.dumps(dict(value), sort_keys=True)
        else:
            told[name] = value
    return told


def _us(moment: datetime | None) -> int | None:
    return None if moment is None else to_us(moment)


def _at(us: int | None) -> datetime | None:
    return None if us is None else from_us(us)


def _plan(row: Row[Any]) -> Plan:
    return Plan(
        id=bytes(row.id),
        state=row.state,
        made_at=from_us(row.made_us),
        made_by=row.made_by,
        policy=row.policy,
        selection=row.selection,
        reason=row.reason,
        target_connection=row.target_connection,
        target_place=row.target_place,
        items=row.items,
        verdicts=json.loads(row.verdicts),
        digest=bytes(row.digest),
        expires_at=from_us(row.expires_us),
        needs_approval=row.needs_approval,
        approved_by=row.approved_by,
        approved_at=_at(row.approved_us),
        started_by=row.started_by,
        started_at=_at(row.started_us),
        ended_at=_at(row.ended_us),
        halted_why=row.halted_why,
        rate=row.rate,
        ramp=bool(row.ramp),
        step=row.step,
        forgiven=row.forgiven,
        confirm_us=row.confirm_us,
        leased_by=row.leased_by,
        leased_us=row.leased_us,
        dismissed_at=_at(row.dismissed_us),
        dismissed_by=row.dismissed_by,
    )


def _item(row: Row[Any]) -> Item:
    return Item(
        plan_id=bytes(row.plan_id),
        place=row.place,
        letter_id=bytes(row.letter_id),
        state=row.state,
        step=row.step,
        attempt=row.attempt,
        payload_hash=bytes(row.payload_hash),
        edit=row.edit,
        verdict=row.verdict,
        verdict_why=row.verdict_why,
        order_key=row.order_key,
        connection=row.connection,
        target_place=row.target_place,
        fingerprint=row.fingerprint,
        remedy=row.remedy,
        previous=row.previous,
        sent_at=_at(row.sent_us),
        settled_at=_at(row.settled_us),
        outcome=row.outcome,
    )
