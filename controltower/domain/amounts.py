"""Amounts and quantities as systems write them, and when two of them count as equal."""

from __future__ import annotations

from decimal import Decimal

from controltower.domain.processes import Process

MOST_DIGITS = 15


def number_of(text: str) -> Decimal | None:
    """A finite decimal number, None for anything else."""
    if not text:
        return None  # what most facts say; an exception for each would cost as much as all the rest
    try:
        number = Decimal(text)
    except ArithmeticError:
        return None
    # By its exponent: a comparison of a number of a million digits would overflow.
    return number if number.is_finite() and abs(number.adjusted()) < MOST_DIGITS else None


def tolerance_of(process: Process, name: str, channel: str, of: Decimal) -> Decimal:
    """Up to which difference a number counts as equal to `of`, on a journey of this sales channel."""
    declared = process.tolerance(name, channel)
    if declared.endswith("%"):
        return abs(of) * (number_of(declared[:-1]) or Decimal(0)) / 100
    return number_of(declared) or Decimal(0)
