"""Following dead letters along their journeys: where they belong, what is at stake, and that they are over.

The projection notes which journeys with dead letters changed; `follow_once` looks at those and at no others.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from controltower.domain.dead_letters import (
    CUSTOMER,
    INTERNAL,
    LIVE,
    MONEY,
    NO_EFFECT,
    OUTSTANDING,
    PURGE_AFTER,
    RESOLVED,
    SOURCE,
    UNPLACED,
    WAITING,
    scaled,
)
from controltower.domain.journeys import ENDED
from controltower.domain.outcomes import Fact
from controltower.domain.processes import Process
from controltower.domain.replays import CONFIRMED, SENDING, SENT, Approval
from controltower.domain.replays import NO_EFFECT as ITEM_NO_EFFECT
from controltower.domain.times import from_us, to_us
from controltower.services.dead_letters.lineage import Lineage, lineage_of
from controltower.store.audit import Deed, record
from controltower.store.engine import Connection, Database, transaction
from controltower.store.journey_samples import load_facts
from controltower.store.letter_rows import LetterRow
from controltower.store.letters import find_letters, mark, mark_each, overdue_letters, purge
from controltower.store.replays import settle_items
from controltower.store.touched import mark_seen, next_touched

BATCH = 200
TOWER = "the tower"
_MONEY = Approval()


def follow_once(db: Database, processes: Mapping[str, Process], now: datetime) -> bool:
    """Bring the letters of journeys that changed up to date and close those that are over; False when no
    journey waits.
    """
    with transaction(db) as c:
        touched = next_touched(c, BATCH)
        if not touched:
            return False
        journeys = load_facts(c, [journey_id for journey_id, _ in touched])
        ids = {one for facts in journeys.values() for fact in facts if (one := _letter_of(fact))}
        letters = [row for row in find_letters(c, ids).values() if row.state in LIVE]
        lineages = lineage_of(c, letters, processes)
        mark_each(c, [_placed(one, now) for one in lineages.values()])
        close_confirmed(c, lineages.values(), now)
        mark_seen(c, touched)
    return True


def close_confirmed(c: Connection, lineages: Iterable[Lineage], now: datetime) -> None:
    """Resolve the letters past whose failure the business has moved, and say why."""
    why: dict[bytes, str] = {}
    letters: dict[bytes, LetterRow] = {}
    for one in lineages:
        fact = one.confirmation
        if fact is not None:
            at = from_us(fact.occurred_us).strftime("%Y-%m-%d %H:%M:%S")
            why[one.letter.id] = f"{fact.type} by {fact.system} at {at} UTC came after it failed."
            letters[one.letter.id] = one.letter
    resolve(c, letters, why, now)


def resolve(
    c: Connection,
    letters: Mapping[bytes, LetterRow],
    why: Mapping[bytes, str],
    now: datetime,
    *,
    by: str = TOWER,
    expected: Collection[str] = LIVE,
) -> set[bytes]:
    """Close letters and confirm what is outstanding of them, if they are still in an expected state; returns
    which were. `letters` are they as they were read.
    """
    if not letters:
        return set()
    now_us = to_us(now)
    by_words: dict[str, list[bytes]] = defaultdict(list)
    for letter_id, words in why.items():
        by_words[words].append(letter_id)
    resolved: set[bytes] = set()
    for words, ids in by_words.items():
        values = {
            "state": RESOLVED,
            "plan_id": None,
            "confirm_due_us": None,
            "settled_us": now_us,
            "settled_by": by,
            "settled_why": words,
            "purge_us": to_us(now + PURGE_AFTER),
            "changed_us": now_us,
        }
        resolved |= mark(c, ids, expected, values)
    sent = {one: f"Confirmed: {why[one]}" for one in resolved if letters[one].state in OUTSTANDING}
    settle_items(c, sent, CONFIRMED, (SENDING, SENT), now_us)
    _confirm_late(c, [one for one in resolved if letters[one].state == NO_EFFECT], why, now_us)
    record(c, [_deed("resolved", letters[one], why[one], by) for one in sorted(resolved)], now)
    return resolved


def expire_once(db: Database, now: datetime) -> bool:
    """Give back letters whose replay no sign of the business followed; False when there are none."""
    with transaction(db) as c:
        late = overdue_letters(c, (WAITING,), to_us(now), BATCH)
        if not late:
            return False
        words = "Sent, no effect: the journey did not move within its normal time."
        moved = mark(
            c,
            [row.id for row in late],
            (WAITING,),
            {"state": NO_EFFECT, "plan_id": None, "confirm_due_us": None, "changed_us": to_us(now)},
        )
        outcomes = dict.fromkeys(moved, words)
        settle_items(c, outcomes, ITEM_NO_EFFECT, (SENDING, SENT), to_us(now))
        record(c, [_deed("no effect", row, words) for row in late if row.id in moved], now)
    return True


def purge_once(db: Database, now: datetime) -> bool:
    """Delete closed letters whose purge date has passed; False when there are none."""
    with transaction(db) as c:
        return purge(c, to_us(now), BATCH) > 0


def _letter_of(fact: Fact) -> bytes | None:
    if fact.source != SOURCE:
        return None
    return bytes.fromhex(fact.id.partition(".")[0])


def _placed(one: Lineage, now: datetime) -> dict[str, Any]:
    """What its journey says of a letter."""
    row, journey = one.letter, one.journey
    reading = one.process.read(row.type) if one.process else None
    is_staged = one.process is not None and reading is not None and reading.stage is not None
    amount = scaled(journey.amount) if journey else 0
    return {
        "id": row.id,
        "journey_id": journey.id if journey else None,
        "order_key": journey.id.hex() if journey else row.order_key,
        "title": (journey.title if journey else "") or row.title,
        "process": journey.process if journey else "",
        "stage": one.process.steps[reading.stage or 0].name if is_staged and one.process and reading else "",
        "amount_e4": amount or scaled(row.amount),
        "currency": (journey.currency if journey and amount else "") or row.currency,
        "impact": _impact(one),
        "changed_us": to_us(now),
    }


def _impact(one: Lineage) -> str:
    if _MONEY.moves_money(one.letter.type):
        return MONEY
    if one.journey is None:
        return UNPLACED
    is_sale = bool(one.journey.customer or one.journey.amount or one.letter.amount)
    return CUSTOMER if is_sale and one.journey.status not in ENDED else INTERNAL


def _confirm_late(c: Connection, ids: Sequence[bytes], why: Mapping[bytes, str], now_us: int) -> None:
    """A replay that was given up for without effect had one after all, only late."""
    words = {one: f"Confirmed late: {why[one]}" for one in ids}
    settle_items(c, words, CONFIRMED, (ITEM_NO_EFFECT,), now_us)


def _deed(action: str, row: LetterRow, words: str, by: str = TOWER) -> Deed:
    before = {"state": row.state, "attempts": row.attempts}
    return Deed(by, action, f"dead_letter/{row.id.hex()}", words, {"before": before})
