"""Planning replays: what is chosen is frozen, judged and shown before anything is sent.

A plan is drafted in batches, so that one of ten thousand items shows its progress and survives a restart;
`draft_some` does one batch and may be run again at any point.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from controltower.domain.dead_letters import REPLAYABLE
from controltower.domain.edits import remedy_of
from controltower.domain.errors import BadPayload, Conflict
from controltower.domain.processes import Process
from controltower.domain.replays import (
    DRAFTED,
    DRAFTING,
    PLAIN,
    PLANNED,
    REDIRECTED,
    REFUSED,
    Approval,
    Frozen,
    plan_digest,
    step_of,
)
from controltower.services.dead_letters.lineage import Lineage, lineage_of
from controltower.services.replay.targets import Targets
from controltower.store.audit import Deed, record
from controltower.store.engine import Connection, Database, reading, transaction
from controltower.store.letter_rows import LetterFilter, LetterRow
from controltower.store.letters import chosen_ids, find_bodies, find_letters
from controltower.store.replay_targets import Redirect, list_redirects
from controltower.store.replays import (
    Item,
    Plan,
    add_items,
    add_plan,
    get_plan,
    list_items,
    mark_plan,
    save_draft,
)

BATCH = 200
INLINE = 200  # items that are judged while the caller waits
MOST_ITEMS = 100_000
LIFETIME = timedelta(hours=1)
_UNJUDGED = ""


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants to be sent again, and how."""

    letters: LetterFilter | Sequence[bytes]  # a filter, or the letters themselves
    selection: str = ""  # the filter as people see it: a query string
    connection: str = ""  # "" for where each came from, or where a redirect says
    place: str = ""
    reason: str = ""
    ramp: bool = True
    rate: int = 0  # messages a second at most; 0: as the target allows
    confirm_within: timedelta = timedelta()  # patience for the business; 0: as its process says
    policy: str = ""


@dataclass(frozen=True, slots=True)
class Planner:
    """Makes plans."""

    db: Database
    processes: Mapping[str, Process]
    targets: Targets
    approval: Approval = Approval()

    def make(self, wish: Wish, *, by: str, now: datetime) -> Plan:
        """Freeze what is chosen now, and judge it: at once when it is little, else by the worker.

        Raises BadPayload when there is nothing to send or the target is not declared, Conflict when a letter
        that was named is not to be had.
        """
        self._check_target(wish)
        with transaction(self.db) as c:
            ids = self._choose(c, wish, now)
            plan_id = new_plan_id(now)
            _begin(c, plan_id, wish, ids, by=by, now=now)
        if len(ids) <= INLINE:
            while self.draft_some(plan_id, now):
                pass
        with reading(self.db) as c:
            return get_plan(c, plan_id)

    def draft_some(self, plan_id: bytes, now: datetime) -> bool:
        """Judge the next items of a plan, and freeze it after the last; False when it is drafted."""
        with transaction(self.db) as c:
            plan = get_plan(c, plan_id)
            if plan.state != DRAFTING:
                return False
            items = list_items(c, plan_id, (PLANNED,), plan.step - 1, BATCH)
            if items:
                save_draft(c, self._judged(c, plan, items))
                mark_plan(c, plan_id, (DRAFTING,), step=items[-1].place + 1)
            else:
                self._freeze(c, plan)
        return bool(items)

    def _check_target(self, wish: Wish) -> None:
        if wish.connection and wish.connection not in self.targets.names():
            raise BadPayload(f"target: no connection {wish.connection!r} is declared that can take messages")
        if wish.connection and not wish.place:
            raise BadPayload("target: a place there is needed: a queue, topic or path")

    def _choose(self, c: Connection, wish: Wish, now: datetime) -> list[bytes]:
        if isinstance(wish.letters, LetterFilter):
            wanted = replace(
                wish.letters,
                states=tuple(one for one in wish.letters.states if one in REPLAYABLE) or REPLAYABLE,
            )
            ids = chosen_ids(c, wanted, now, MOST_ITEMS + 1)
            if len(ids) > MOST_ITEMS:
                raise BadPayload(f"more than {MOST_ITEMS} dead letters are chosen; narrow the filter")
        else:
            rows = find_letters(c, wish.letters)
            ids = [one for one in dict.fromkeys(wish.letters) if one in rows]
            held = [rows[one] for one in ids if rows[one].state not in REPLAYABLE]
            if held:
                raise Conflict(
                    f"{_name(held[0])} is {held[0].state.replace('_', ' ')}; it cannot be sent now."
                )
        if not ids:
            raise BadPayload("none of the chosen dead letters can be sent again")
        return ids

    def _judged(self, c: Connection, plan: Plan, items: Sequence[Item]) -> list[Item]:
        letters = find_letters(c, [one.letter_id for one in items])
        lineages = lineage_of(c, letters.values(), self.processes)
        redirects = redirects_by_source(c)
        chosen = plan.target_connection, plan.target_place
        remedies = _remedies(c, letters.values())
        known = set(self.targets.names())
        judged = []
        for item in items:
            row = letters.get(item.letter_id)
            if row is None:
                judged.append(replace(item, state=REFUSED, outcome="It was purged."))
                continue
            target = goal_of((row.origin_connection, row.origin_place), chosen, redirects)
            whole = replace(
                item,
                payload_hash=row.payload_hash,
                edit=row.edit,
                attempt=row.attempts + 1,
                order_key=row.order_key,
                connection=target.connection,
                target_place=target.place,
                fingerprint=row.fingerprint,
                remedy=remedies.get(row.id) or (REDIRECTED if target.is_elsewhere else PLAIN),
                previous=row.state,
            )
            judged.append(_with_verdict(whole, lineages[row.id], known))
        return judged

    def _freeze(self, c: Connection, plan: Plan) -> None:
        frozen, verdicts, types, edits = [], Counter[str](), set(), 0
        for batch in _all_items(c, plan.id):
            letters = find_letters(c, [one.letter_id for one in batch])
            for item in batch:
                if item.state != PLANNED:
                    continue
                frozen.append(frozen_of(item))
                verdicts[item.verdict] += 1
                edits += item.edit > 0
                types.add(letters[item.letter_id].type)
        mark_plan(
            c,
            plan.id,
            (DRAFTING,),
            state=DRAFTED,
            step=0,
            verdicts=verdicts,
            digest=plan_digest(frozen),
            needs_approval=self.approval.reason(len(frozen), edits, sorted(types)),
        )


def new_plan_id(now: datetime) -> bytes:
    """A time-ordered id (UUID version 7)."""
    millis = int(now.timestamp() * 1000)
    random = int.from_bytes(os.urandom(10)) & ((1 << 74) - 1)
    order = time.monotonic_ns() & 0xFFF  # keeps those of one millisecond mostly in order
    value = (millis << 80) | (0x7 << 76) | (order << 64) | (0b10 << 62) | (random & ((1 << 62) - 1))
    return UUID(int=value).bytes


def frozen_of(item: Item) -> Frozen:
    """What a plan freezes of an item."""
    return Frozen(item.letter_id, item.payload_hash, item.verdict, item.connection, item.target_place)


def digest_of(c: Connection, plan_id: bytes) -> bytes:
    """The digest over the items of a plan as they are stored now, those apart that were never to be sent."""
    found = [
        frozen_of(item)
        for batch in _all_items(c, plan_id)
        for item in batch
        if item.state != REFUSED or item.verdict
    ]
    return plan_digest(found)


def _all_items(c: Connection, plan_id: bytes) -> Iterator[list[Item]]:
    after = -1
    while batch := list_items(c, plan_id, (), after, 1000):
        yield batch
        after = batch[-1].place


def _begin(
    c: Connection, plan_id: bytes, wish: Wish, ids: Sequence[bytes], *, by: str, now: datetime
) -> None:
    add_plan(
        c,
        {
            "id": plan_id,
            "state": DRAFTING,
            "made_at": now,
            "made_by": by,
            "policy": wish.policy,
            "selection": wish.selection,
            "reason": wish.reason,
            "target_connection": wish.connection,
            "target_place": wish.place,
            "items": len(ids),
            "verdicts": {},
            "digest": b"",
            "expires_at": now + LIFETIME,
            "needs_approval": "",
            "rate": wish.rate,
            "ramp": wish.ramp and len(ids) > 1,
            "confirm_us": int(wish.confirm_within.total_seconds() * 1_000_000),
        },
    )
    ramp = wish.ramp and len(ids) > 1
    add_items(c, [_blank(plan_id, place, one, step_of(place, ramp=ramp)) for place, one in enumerate(ids)])
    subject = f"replay/{plan_id.hex()}"
    detail = {"items": len(ids), "selection": wish.selection, "target": wish.connection, "place": wish.place}
    record(c, [Deed(by, "planned", subject, wish.reason, detail)], now)


def _blank(plan_id: bytes, place: int, letter_id: bytes, step: int) -> Item:
    return Item(
        plan_id=plan_id,
        place=place,
        letter_id=letter_id,
        state=PLANNED,
        step=step,
        attempt=0,
        payload_hash=b"",
        edit=0,
        verdict=_UNJUDGED,
        verdict_why="",
        order_key="",
        connection="",
        target_place="",
        fingerprint="",
        remedy="",
        previous="",
        sent_at=None,
        settled_at=None,
        outcome="",
    )


class Goal(NamedTuple):
    """Where a letter goes."""

    connection: str
    place: str
    is_elsewhere: bool  # not where the letter came from


def redirects_by_source(c: Connection) -> dict[tuple[str, str], Redirect]:
    """Every redirect, by where it leads from."""
    return {(one.connection, one.place): one for one in list_redirects(c)}


def goal_of(
    origin: tuple[str, str], chosen: tuple[str, str], redirects: Mapping[tuple[str, str], Redirect]
) -> Goal:
    """Where a letter of this origin goes: to the connection and place that were chosen, when they are not
    empty; else where a redirect leads; else back to where it came from.
    """
    if chosen[0]:
        return Goal(*chosen, chosen != origin)
    redirect = redirects.get(origin)
    if redirect is not None:
        return Goal(redirect.to_connection, redirect.to_place, True)
    return Goal(*origin, False)


def _with_verdict(item: Item, lineage: Lineage, known: set[str]) -> Item:
    if not item.connection or not item.target_place:
        return replace(item, state=REFUSED, outcome="It does not say where it came from; choose a target.")
    if item.connection not in known:
        return replace(item, state=REFUSED, outcome=f"No connection {item.connection!r} is declared.")
    if item.previous not in REPLAYABLE:
        return replace(item, state=REFUSED, outcome=f"It is {item.previous.replace('_', ' ')} by now.")
    verdict = lineage.verdict
    return replace(item, verdict=verdict.kind, verdict_why=verdict.why)


def _remedies(c: Connection, letters: Iterable[LetterRow]) -> dict[bytes, str]:
    edited = [row for row in letters if row.edit]
    if not edited:
        return {}
    bodies = find_bodies(c, {(row.id, edit) for row in edited for edit in (0, row.edit)})
    return {row.id: remedy_of(bodies[row.id, 0].message, bodies[row.id, row.edit].message) for row in edited}


def _name(row: LetterRow) -> str:
    return row.title or row.message_id or row.id.hex()
