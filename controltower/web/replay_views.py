"""What the pages of replays show, put together from the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import NamedTuple

from controltower.domain.replays import (
    CLAIMED,
    DONE,
    DRAFTED,
    DRAFTING,
    ENDED,
    HALTED,
    ITEM_WORDS,
    OPEN_ITEMS,
    PLAIN,
    PLANNED,
    REDIRECTED,
    RUNNING,
    UNDER_WAY,
    needs_reason,
)
from controltower.domain.times import from_us, to_us
from controltower.domain.verdicts import KIND_WORDS, KINDS
from controltower.store.engine import Connection
from controltower.store.letter_rows import LetterRow
from controltower.store.letters import find_letters
from controltower.store.replay_targets import get_breaker
from controltower.store.replays import (
    GoalCount,
    Item,
    Plan,
    count_goals,
    count_items,
    count_outcomes,
    first_items,
    list_plans,
)

POLL_CLOSELY = 2
POLL_LOOSELY = 5
MOST_NOTICES = 3
_WAITING = (PLANNED, CLAIMED)


class Part(NamedTuple):
    """A share of a bar, in percent of its width."""

    state: str
    words: str
    items: int
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class StepBar:
    """A step of the ramp; its parts add up to its items."""

    number: int  # from 1
    items: int
    parts: tuple[Part, ...]
    is_current: bool
    is_over: bool


class Outage(NamedTuple):
    """A target that does not answer."""

    connection: str
    detail: str
    next_try_at: datetime


@dataclass(frozen=True, slots=True)
class PlanView:
    """A plan with everything that its page tells of the whole of it."""

    plan: Plan
    totals: Mapping[str, int]  # items by state, in the order in which progress is told
    steps: Sequence[StepBar]
    goals: Sequence[GoalCount]
    outages: Sequence[Outage]
    mark: str  # changes whenever what the page shows changes
    poll_seconds: int  # 0 when nothing can change any more
    is_expired: bool

    @property
    def verdicts(self) -> list[tuple[str, str, int]]:
        """Kind, words and number of each verdict that there is."""
        told = self.plan.verdicts
        return [(kind, KIND_WORDS[kind], told[kind]) for kind in KINDS if told.get(kind)]

    @property
    def sendable(self) -> int:
        """How many items it may send."""
        return sum(self.plan.verdicts.values())

    @property
    def is_forced(self) -> bool:
        """Whether some of it is less than safe."""
        return needs_reason(self.plan.verdicts)

    @property
    def starts(self) -> str:
        """The role that may start it."""
        return "operator" if self.is_forced else "support"

    @property
    def why_not(self) -> str:
        """Why nobody can start it now; "" when somebody can."""
        if self.is_expired:
            return "It has expired: what it shows may be out of date. Plan it again."
        if not self.sendable:
            return "Nothing in it can be sent; each item says why."
        if self.plan.needs_approval and not self.plan.approved_by:
            return f"A second person has to agree first: {self.plan.needs_approval}."
        return ""

    @property
    def outcome(self) -> str:
        """What became of its items, in words that add up."""
        return ", ".join(f"{items:,} {ITEM_WORDS[state]}" for state, items in self.totals.items())

    @property
    def over(self) -> int:
        """How many items came to their end."""
        return sum(items for state, items in self.totals.items() if state not in OPEN_ITEMS)

    @property
    def is_one(self) -> bool:
        """Whether it is about a single letter."""
        return self.plan.items == 1


@dataclass(frozen=True, slots=True)
class ItemView:
    """An item and its letter, which may be purged by now."""

    item: Item
    letter: LetterRow | None

    @property
    def title(self) -> str:
        """What people call it."""
        row = self.letter
        return (row.title or row.message_id if row else "") or self.item.letter_id.hex()[:12]

    @property
    def journey(self) -> str:
        """The id of its journey, "" when none is known."""
        return self.letter.journey_id.hex() if self.letter and self.letter.journey_id else ""

    @property
    def goes_as(self) -> str:
        """What is done to it on the way, in words."""
        return remedy_words(self.item.remedy)


def remedy_words(remedy: str) -> str:
    """What is done to a message on the way."""
    return {PLAIN: "unchanged", REDIRECTED: "unchanged, to another place"}.get(remedy, remedy)


def view_plan(c: Connection, plan: Plan, at: datetime) -> PlanView:
    """Everything that the page of a plan tells of the whole of it."""
    counts = count_items(c, plan.id)
    goals = count_goals(c, plan.id)
    outages = _outages(c, {goal.connection for goal in goals}, at) if plan.state in UNDER_WAY else []
    totals = _totals(counts)
    is_expired = plan.state in (DRAFTING, DRAFTED) and plan.expires_at <= at
    said = (plan.state, plan.approved_by, plan.step, is_expired, sorted(counts.items()), outages)
    return PlanView(
        plan=plan,
        totals=totals,
        steps=_steps(plan, counts),
        goals=goals,
        outages=outages,
        mark=blake2b(repr(said).encode(), digest_size=8).hexdigest(),
        poll_seconds=_poll_seconds(plan, totals, is_expired=is_expired),
        is_expired=is_expired,
    )


def view_items(c: Connection, items: Sequence[Item]) -> list[ItemView]:
    """The items with their letters."""
    letters = find_letters(c, [item.letter_id for item in items])
    return [ItemView(item, letters.get(item.letter_id)) for item in items]


class PlanLine(NamedTuple):
    """A plan in a list."""

    plan: Plan
    title: str  # of its first letter, and how many more there are
    totals: Mapping[str, int]
    over: int

    @property
    def outcome(self) -> str:
        """What became of its items, in words that add up."""
        return ", ".join(f"{items:,} {ITEM_WORDS[state]}" for state, items in self.totals.items())


def view_lines(c: Connection, plans: Sequence[Plan]) -> list[PlanLine]:
    """The plans with how far they are."""
    counts = count_outcomes(c, [plan.id for plan in plans])
    firsts = {one.item.plan_id: one.title for one in view_items(c, first_items(c, [p.id for p in plans]))}
    lines = []
    for plan in plans:
        totals = _told(counts[plan.id])
        over = sum(items for state, items in totals.items() if state not in OPEN_ITEMS)
        more = f" and {plan.items - 1:,} more" if plan.items > 1 else ""
        lines.append(PlanLine(plan, firsts.get(plan.id, "nothing") + more, totals, over))
    return lines


def list_notices(c: Connection, most: int = MOST_NOTICES) -> list[PlanLine]:
    """The newest replays that ended or halted and that nobody has said yet to have seen."""
    return view_lines(c, list_plans(c, (DONE, HALTED), limit=most, undismissed=True))


def _totals(counts: Mapping[tuple[int, str], int]) -> dict[str, int]:
    found: dict[str, int] = {}
    for (_, state), items in counts.items():
        found[state] = found.get(state, 0) + items
    return _told(found)


def _told(found: Mapping[str, int]) -> dict[str, int]:
    return {state: found[state] for state in ITEM_WORDS if found.get(state)}


def _steps(plan: Plan, counts: Mapping[tuple[int, str], int]) -> list[StepBar]:
    bars = []
    steps = sorted({step for step, _ in counts})
    for number, step in enumerate(steps, 1):
        own = _told({state: items for (one, state), items in counts.items() if one == step})
        is_over = not any(state in OPEN_ITEMS for state in own)
        is_current = plan.state in UNDER_WAY and step == plan.step
        bars.append(StepBar(number, sum(own.values()), tuple(_parts(own)), is_current, is_over))
    return bars


def _parts(own: Mapping[str, int]) -> list[Part]:
    total, x = sum(own.values()), 0.0
    parts = []
    for state, items in own.items():
        width = 100 * items / total
        parts.append(Part(state, ITEM_WORDS[state], items, round(x, 3), round(width, 3)))
        x += width
    return parts


def _outages(c: Connection, connections: set[str], at: datetime) -> list[Outage]:
    found = []
    for connection in sorted(connections):
        breaker = get_breaker(c, connection)
        if breaker.open_until_us > to_us(at):
            found.append(Outage(connection, breaker.detail, from_us(breaker.open_until_us)))
    return found


def _poll_seconds(plan: Plan, totals: Mapping[str, int], *, is_expired: bool) -> int:
    if plan.state in (RUNNING, DRAFTING) and not is_expired:
        return POLL_CLOSELY
    can_change = plan.state not in ENDED and not is_expired
    return POLL_LOOSELY if can_change else 0
