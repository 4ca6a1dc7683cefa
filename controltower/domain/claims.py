"""Who says what: the attributes that matter, as each system reported them, and where they disagree.

The system of record decides. What another system says beyond the tolerance is a discrepancy. Money is
compared along its way: what was ordered with what was captured, invoiced, and settled plus fees less refunds.
All of it is a function of the set of facts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from controltower.domain.amounts import number_of, tolerance_of
from controltower.domain.facts import FAILED
from controltower.domain.money import MoneyStep, fees_of, money_steps, refund_of
from controltower.domain.outcomes import Fact
from controltower.domain.processes import ANY, FIRST, LAST, REFUNDED, Process, matches

TOTAL = "total"
CURRENCY = "currency"
REFUND = "refund"
_NUMBERS = frozenset((TOTAL, "quantity", REFUND))


class Claim(NamedTuple):
    """What one system said last of one attribute."""

    system: str
    value: str
    said_us: int


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute with all that was said of it."""

    name: str
    claims: tuple[Claim, ...]  # one for each system, by name
    decided: Claim | None  # what the system of record says; None while it says nothing
    disagreeing: tuple[Claim, ...]  # beyond the tolerance


@dataclass(frozen=True, slots=True)
class Account:
    """What all facts of a journey say together."""

    attributes: tuple[Attribute, ...]
    ordered: Decimal | None
    fees: Decimal
    refunds: Decimal
    money: tuple[MoneyStep, ...]

    @property
    def discrepancies(self) -> tuple[str, ...]:
        """Every disagreement in a few words, the same for the same set of facts."""
        told = [
            f"{one.name}: {claim.system} says {claim.value}, {one.decided.system} {one.decided.value}"
            for one in self.attributes
            for claim in one.disagreeing
            if one.decided is not None
        ]
        told += [
            f"{step.name} {step.amount}, {'ordered' if step.expected == self.ordered else 'expected'} "
            f"{step.expected}"
            for step in self.money
            if step.difference
        ]
        return tuple(told)

    def decided(self, name: str) -> str:
        """What the system of record says of an attribute; "" while it says nothing."""
        found = next((one.decided for one in self.attributes if one.name == name), None)
        return "" if found is None else found.value


class _Said(NamedTuple):
    """What one fact says of an attribute."""

    fact: Fact
    value: str


def account_of(process: Process, facts: Iterable[Fact], *, is_over: bool) -> Account:
    """Compare what the facts say; `is_over` when nothing more is expected of the journey.

    A sum that is still too small may grow while the journey is not over; one that is too large is wrong.
    """
    once: dict[tuple[str, str], Fact] = {}
    for fact in sorted(facts):  # of facts that share source and id the one that the journey counts
        once.setdefault((fact.source, fact.id), fact)
    channel = next((fact.channel for fact in once.values() if fact.channel), "")
    told = [fact for fact in once.values() if fact.outcome != FAILED]
    attributes = tuple(
        _attribute(process, name, said, channel, is_over=is_over)
        for name in _compared(process)
        if (said := _all_said(process, told, name))
    )
    decided = {one.name: number_of(one.decided.value) for one in attributes if one.decided is not None}
    ordered, refunds = decided.get(TOTAL), decided.get(REFUND) or Decimal(0)
    steps = () if ordered is None else money_steps(process, told, ordered, refunds, channel, is_over=is_over)
    return Account(attributes, ordered, fees_of(told), refunds, tuple(steps))


def _compared(process: Process) -> list[str]:
    """The attributes that are compared; refunds are wherever a process follows them."""
    implied = [REFUND] if REFUNDED in process.money and REFUND not in process.records else []
    return [*process.records, *implied]


def _attribute(
    process: Process, name: str, said: Sequence[_Said], channel: str, *, is_over: bool
) -> Attribute:
    """An attribute of which at least one thing is said."""
    last = _paid_back(said) if name == REFUND else _last_words(said)
    asked = process.records.get(name, (ANY,))
    decided = next((last[system] for entry in asked if (system := _speaker(entry, said))), None)
    claims = tuple(last[system] for system in sorted(last))
    if decided is None or (name == REFUND and not is_over):  # refunds are told one after another
        return Attribute(name, claims, decided, ())
    differing = tuple(claim for claim in claims if not _agree(process, name, claim, decided, channel))
    return Attribute(name, claims, decided, differing)


def _speaker(entry: str, said: Sequence[_Said]) -> str:
    """The system that an entry of the systems of record means; "" when it says nothing."""
    if entry == ANY:
        return said[0].fact.system
    if entry.startswith((FIRST, LAST)):
        order, _, event = entry.partition(":")
        told = said if f"{order}:" == FIRST else said[::-1]
        return next((one.fact.system for one in told if matches(one.fact.type.casefold(), (event,))), "")
    return min((one.fact.system for one in said if one.fact.system.casefold() == entry), default="")


def _last_words(said: Iterable[_Said]) -> Mapping[str, Claim]:
    """What each system said last."""
    return {fact.system: Claim(fact.system, value, fact.occurred_us) for fact, value in said}


def _paid_back(said: Iterable[_Said]) -> Mapping[str, Claim]:
    """What each system said of all refunds together.

    Of a system that tells one refund by events of several types, the type that tells most counts.
    """
    sums: dict[str, dict[str, Decimal]] = {}
    last_us: dict[str, int] = {}
    for fact, value in said:
        of_system = sums.setdefault(fact.system, {})
        of_system[fact.type] = of_system.get(fact.type, Decimal(0)) + Decimal(value)
        last_us[fact.system] = fact.occurred_us
    return {
        system: Claim(system, f"{max(of_system.values()):f}", last_us[system])
        for system, of_system in sums.items()
    }


def _all_said(process: Process, told: Iterable[Fact], name: str) -> list[_Said]:
    """What facts say of an attribute, in the order of their time."""
    return [_Said(fact, value) for fact in told if (value := _says(process, fact, name))]


def _says(process: Process, fact: Fact, name: str) -> str:
    """What a fact says of an attribute of the whole order; "" for nothing."""
    if name == TOTAL:
        # What was invoiced or paid is a part of the order, and compared along the way of the money.
        return "" if process.read(fact.type).money or not _is_of_whole(process, fact) else fact.amount
    if name == REFUND:
        refund = refund_of(process, fact)
        return "" if refund is None else str(refund)
    if name == CURRENCY:
        return fact.currency
    if name == "status":
        return fact.status
    return fact.claimed(name) if _is_of_whole(process, fact) else ""


def _is_of_whole(process: Process, fact: Fact) -> bool:
    """Whether a fact speaks of all of the order; one that names legs does only at a stage of the journey."""
    stage = process.read(fact.type).stage
    return not fact.legs or (stage is not None and not process.steps[stage].leg)


def _agree(process: Process, name: str, one: Claim, other: Claim, channel: str) -> bool:
    if name in _NUMBERS:
        first, second = number_of(one.value), number_of(other.value)
        if first is not None and second is not None:
            return abs(first - second) <= tolerance_of(process, name, channel, second)
    return _plain(one.value) == _plain(other.value)


def _plain(text: str) -> str:
    """A text as it is compared: without case, with single spaces."""
    return " ".join(text.casefold().split())
