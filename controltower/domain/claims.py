"""Who says what: the attributes that matter, as each system reported them, and where they disagree.

The system of record decides. What another system says beyond the tolerance is a discrepancy. Money is
compared along its way: what was ordered with what was captured, invoiced, and settled plus fees less refunds.
All of it is a function of the set of facts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from controltower.domain.facts import FAILED
from controltower.domain.outcomes import Fact
from controltower.domain.processes import Process

ANY = "*"
"""As a system of record: whichever system spoke first."""

MOST_DIGITS = 15
_NUMBERS = frozenset(("total", "quantity", "refund"))


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
class MoneyStep:
    """One step of the way of the money, compared with what was ordered."""

    name: str  # captured, invoiced, settled
    amount: Decimal
    difference: Decimal  # from what was ordered; 0 within the tolerance
    is_complete: bool  # nothing more of it is expected


@dataclass(frozen=True, slots=True)
class Account:
    """What all facts of a journey say together."""

    attributes: tuple[Attribute, ...]
    ordered: Decimal | None
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
            f"{step.name} {step.amount}, ordered {self.ordered}" for step in self.money if step.difference
        ]
        return tuple(told)


def account_of(process: Process, facts: Iterable[Fact], *, is_over: bool) -> Account:
    """Compare what the facts say; `is_over` when nothing more is expected of the journey.

    A sum that is still too small may grow while the journey is not over; one that is too large is wrong.
    """
    once: dict[tuple[str, str], Fact] = {}
    for fact in sorted(facts):  # of facts that share source and id the one that the journey counts
        once.setdefault((fact.source, fact.id), fact)
    told = [fact for fact in once.values() if fact.outcome != FAILED]
    spoken_of = [name for name in process.records if any(_says(process, fact, name) for fact in told)]
    attributes = tuple(_attribute(process, name, told) for name in spoken_of)
    ordered = _ordered(attributes)
    if ordered is None:
        return Account(attributes, None, ())
    return Account(attributes, ordered, tuple(_money(process, told, ordered, is_over=is_over)))


def _attribute(process: Process, name: str, told: Sequence[Fact]) -> Attribute:
    last: dict[str, Claim] = {}
    first: Claim | None = None
    for fact in told:
        value = _says(process, fact, name)
        if value:
            claim = last[fact.system] = Claim(fact.system, value, fact.occurred_us)
            first = first or claim
    decided = None
    for system in process.records[name]:
        if system == ANY and first is not None:
            decided = last[first.system]
        elif system in last:
            decided = last[system]
        if decided is not None:
            break
    claims = tuple(last[system] for system in sorted(last))
    disagreeing = tuple(
        claim for claim in claims if decided is not None and not _agree(process, name, claim, decided)
    )
    return Attribute(name, claims, decided, disagreeing)


def _says(process: Process, fact: Fact, name: str) -> str:
    """What a fact says of an attribute of the whole order; "" for nothing."""
    if name == "total":
        # What was invoiced or paid is a part of the order, and compared along the way of the money.
        return "" if process.read(fact.type).money or not _is_of_whole(process, fact) else fact.amount
    if name == "currency":
        return fact.currency
    if name == "status":
        return fact.status
    claimed = next((value for key, value in fact.claims if key == name), "")
    return claimed if claimed and _is_of_whole(process, fact) else ""


def _is_of_whole(process: Process, fact: Fact) -> bool:
    """Whether a fact speaks of all of the order; one that names legs does only at a stage of the journey."""
    stage = process.read(fact.type).stage
    return not fact.legs or (stage is not None and not process.steps[stage].leg)


def _agree(process: Process, name: str, one: Claim, other: Claim) -> bool:
    if name in _NUMBERS:
        first, second = number_of(one.value), number_of(other.value)
        if first is not None and second is not None:
            return abs(first - second) <= _tolerance(process, name, second)
    return one.value.casefold() == other.value.casefold()


def _tolerance(process: Process, name: str, of: Decimal) -> Decimal:
    declared = process.tolerances.get(name, "0")
    if declared.endswith("%"):
        return abs(of) * (number_of(declared[:-1]) or Decimal(0)) / 100
    return number_of(declared) or Decimal(0)


def number_of(text: str) -> Decimal | None:
    """A finite decimal number, None for anything else."""
    try:
        number = Decimal(text)
    except ArithmeticError:
        return None
    # By its exponent: a comparison of a number of a million digits would overflow.
    return number if number.is_finite() and abs(number.adjusted()) < MOST_DIGITS else None


def _ordered(attributes: Sequence[Attribute]) -> Decimal | None:
    decided = next((one.decided for one in attributes if one.name == "total"), None)
    return None if decided is None else number_of(decided.value)


def _money(
    process: Process, told: Sequence[Fact], ordered: Decimal, *, is_over: bool
) -> Iterable[MoneyStep]:
    sums = {name: _sum(process, told, name) for name in process.money}
    refunds = sums.get("refunded") or Decimal(0)
    fees = sum((_claimed(fact, "fees") for fact in told), Decimal(0))
    tolerance = _tolerance(process, "total", ordered)
    for name in ("captured", "invoiced", "settled"):
        amount = sums.get(name)
        if amount is None:
            continue
        expected = ordered - fees - refunds if name == "settled" else ordered
        difference = amount - expected
        is_wrong = difference > tolerance or (is_over and abs(difference) > tolerance)
        yield MoneyStep(name, amount, difference if is_wrong else Decimal(0), is_over)


def _sum(process: Process, told: Sequence[Fact], step: str) -> Decimal | None:
    """The amounts of all facts of this step; None when none has any."""
    amounts: list[Decimal] = []
    for fact in told:
        if process.read(fact.type).money == step:
            amount = number_of(fact.amount)
            if amount is None:
                amount = _claimed(fact, "refund") or None
            if amount is not None:
                amounts.append(amount)
    return sum(amounts, Decimal(0)) if amounts else None


def _claimed(fact: Fact, name: str) -> Decimal:
    text = next((value for key, value in fact.claims if key == name), "")
    return number_of(text) or Decimal(0)
