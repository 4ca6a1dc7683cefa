"""Replays: the states of a plan and of its items, the canary ramp, and who has to agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import NamedTuple

from controltower.domain.verdicts import SAFE

# Of a plan. It only moves forward, but for running and paused, which change places.
DRAFTING = "drafting"  # its items are being chosen and judged
DRAFTED = "drafted"  # frozen; nothing happens before somebody starts it
RUNNING = "running"
PAUSED = "paused"
HALTED = "halted"  # it stopped by itself; somebody resumes or cancels it
DONE = "done"
CANCELLED = "cancelled"
EXPIRED = "expired"
PLAN_STATES = (DRAFTING, DRAFTED, RUNNING, PAUSED, HALTED, DONE, CANCELLED, EXPIRED)
ENDED = (DONE, CANCELLED, EXPIRED)
UNDER_WAY = (RUNNING, PAUSED, HALTED)

# Of an item.
PLANNED = "planned"
CLAIMED = "claimed"  # its letter is held for this plan, and nobody else may send it
SENDING = "sending"
SENT = "sent"  # the target has it; nothing shows yet that the business moved
CONFIRMED = "confirmed"
NO_EFFECT = "no_effect"
DIED_AGAIN = "died_again"
UNSENDABLE = "unsendable"  # the target refused it
REFUSED = "refused"  # it is no longer what the plan froze, so it was not sent
WITHDRAWN = "withdrawn"  # the plan was cancelled before it was sent
ITEM_STATES = (
    PLANNED,
    CLAIMED,
    SENDING,
    SENT,
    CONFIRMED,
    NO_EFFECT,
    DIED_AGAIN,
    UNSENDABLE,
    REFUSED,
    WITHDRAWN,
)
UNSENT = (PLANNED, CLAIMED)
OPEN_ITEMS = (PLANNED, CLAIMED, SENDING, SENT)
FAILED_ITEMS = (NO_EFFECT, DIED_AGAIN, UNSENDABLE)

PLAN_WORDS: Mapping[str, str] = {
    DRAFTING: "Being judged",
    DRAFTED: "Not started",
    RUNNING: "Running",
    PAUSED: "Paused",
    HALTED: "Halted",
    DONE: "Done",
    CANCELLED: "Cancelled",
    EXPIRED: "Expired",
}
ITEM_WORDS: Mapping[str, str] = {
    CONFIRMED: "confirmed",
    SENT: "sent, not confirmed yet",
    SENDING: "being sent",
    CLAIMED: "waiting for its turn",
    PLANNED: "not sent yet",
    NO_EFFECT: "sent, no effect",
    DIED_AGAIN: "died again",
    UNSENDABLE: "refused by the target",
    REFUSED: "not sent",
    WITHDRAWN: "not sent: cancelled",
}
"""In the order in which progress is told."""

RAMP = (1, 5, 25)
"""How many items the first steps of a ramp send; the last step sends the rest."""

PLAIN, EDITED, REDIRECTED = "replay", "edit", "redirect"


def step_of(place: int, *, ramp: bool) -> int:
    """The step of the ramp in which the item at this place (from 0) is sent."""
    if not ramp:
        return 0
    for step, size in enumerate(RAMP):
        if place < size:
            return step
        place -= size
    return len(RAMP)


class Approval(NamedTuple):
    """What makes a second person necessary."""

    most_items: int = 100  # a plan with more needs one
    money_types: tuple[str, ...] = ("payment", "refund", "settlement", "invoice", "payout", "credit")
    """Parts of a type, between its dots, that say that money moves."""

    def reason(self, items: int, edits: int, types: Sequence[str]) -> str:
        """Why a second person must agree to a plan; "" when nobody needs to."""
        moving = sorted({kind for kind in types if self.moves_money(kind)})
        if moving:
            return f"it moves money ({', '.join(moving[:3])})"
        if edits:
            return f"{edits} of its messages {'were' if edits > 1 else 'was'} edited"
        if items > self.most_items:
            return f"it sends {items} messages, more than {self.most_items}"
        return ""

    def moves_money(self, message_type: str) -> bool:
        """Whether messages of a type move money."""
        return not set(self.money_types).isdisjoint(message_type.lower().replace("_", ".").split("."))


class Frozen(NamedTuple):
    """What a plan freezes of one item."""

    letter_id: bytes
    payload_hash: bytes
    verdict: str
    connection: str
    target_place: str


def plan_digest(items: Sequence[Frozen]) -> bytes:
    """16 bytes over everything that was frozen, in its order."""
    hashed = blake2b(digest_size=16)
    for item in items:
        hashed.update(item.letter_id + item.payload_hash)
        hashed.update(f"{item.verdict}\0{item.connection}\0{item.target_place}\0".encode())
    return hashed.digest()


def needs_reason(verdicts: Mapping[str, int]) -> bool:
    """Whether somebody must say why: anything is less than safe."""
    return any(count for verdict, count in verdicts.items() if verdict != SAFE)
