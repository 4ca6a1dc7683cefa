"""The way of the money: what was captured, invoiced and settled, compared with what was ordered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from controltower.domain.amounts import number_of, tolerance_of
from controltower.domain.outcomes import Fact
from controltower.domain.processes import REFUNDED, SETTLED, Process

_STEPS = ("captured", "invoiced", SETTLED)


@dataclass(frozen=True, slots=True)
class MoneyStep:
    """One step of the way of the money, compared with what should have come there."""

    name: str  # captured, invoiced, settled
    amount: Decimal
    expected: Decimal  # what was ordered; when settled, less fees and refunds
    difference: Decimal  # from what was expected; 0 within the tolerance
    is_complete: bool  # nothing more of it is expected


def money_steps(
    process: Process, told: Sequence[Fact], ordered: Decimal, refunds: Decimal, channel: str, *, is_over: bool
) -> Iterable[MoneyStep]:
    """Each step of which anything was told.

    A sum that is still too small may grow while the journey is not over; one that is too large is wrong.
    """
    fees = fees_of(told)
    tolerance = tolerance_of(process, "total", channel, ordered)
    for name in _STEPS:
        amount = _sum(process, told, name)
        if amount is None:
            continue
        expected = ordered - fees - refunds if name == SETTLED else ordered
        difference = amount - expected
        is_wrong = difference > tolerance or (is_over and abs(difference) > tolerance)
        yield MoneyStep(name, amount, expected, difference if is_wrong else Decimal(0), is_over)


def fees_of(told: Iterable[Fact]) -> Decimal:
    """What all facts say was kept as fees."""
    return sum((number_of(fact.claimed("fees")) or Decimal(0) for fact in told), Decimal(0))


def refund_of(process: Process, fact: Fact) -> Decimal | None:
    """What a fact says was paid back; None when it is not about that, or has no amount."""
    return _amount(fact) if process.read(fact.type).money == REFUNDED else None


def _sum(process: Process, told: Iterable[Fact], step: str) -> Decimal | None:
    """The amounts of all facts of this step; None when none has any."""
    amounts = [
        amount
        for fact in told
        if process.read(fact.type).money == step and (amount := _amount(fact)) is not None
    ]
    return sum(amounts, Decimal(0)) if amounts else None


def _amount(fact: Fact) -> Decimal | None:
    amount = number_of(fact.amount)
    return amount if amount is not None else number_of(fact.claimed("refund"))
