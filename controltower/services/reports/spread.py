"""Over how many identifiers of a kind each journey spreads, and what amounts add up to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from controltower.domain.errors import BadPayload
from controltower.services.reports.figures import data_of
from controltower.services.reports.gathering import MOST_EVENTS, Scope, keys_of
from controltower.services.told_values import text_of, value_at
from controltower.store.engine import Connection
from controltower.store.told import events_told, owners_of

_SAMPLES = 20  # of the groups with the most


@dataclass(frozen=True, slots=True)
class Spread:
    """How many groups name no, one, two … different identifiers of a kind."""

    groups: int
    counts: dict[int, int]  # identifiers -> groups
    examples: list[str]  # groups with the most, the most first; only those with several


@dataclass(frozen=True, slots=True)
class Amounts:
    """What the amounts in one currency are."""

    currency: str  # "" where none is said
    n: int
    zero: int
    negative: int
    total: str
    smallest: str
    median: str
    largest: str


@dataclass(frozen=True, slots=True)
class AmountCounts:
    """Amounts by currency; what is no number, and events that say none, are counted beside them."""

    amounts: list[Amounts]
    unreadable: int
    missing: int


def count_spread(c: Connection, scope: Scope, kind: str, types: Collection[str] = ()) -> Spread:
    """How many different identifiers of `kind` each group names.

    By journey, those of its legs are in it. Events of other types make no group.
    """
    named: dict[str, set[str]] = {}
    waiting: dict[bytes, set[str]] = {}
    for number, told in enumerate(events_told(c, scope.source, types=types)):
        if number >= MOST_EVENTS:
            raise BadPayload(f"more than {MOST_EVENTS:,} events: name a source or event types")
        values = keys_of(told, kind)
        for group in keys_of(told, scope.by) if scope.by else ():
            named.setdefault(group, set()).update(values)
        if told.component and not scope.by:
            waiting.setdefault(told.component, set()).update(values)
    owners = owners_of(c, list(waiting))
    for component, some in waiting.items():
        for journey in owners.get(component, [component]):
            named.setdefault(journey.hex(), set()).update(some)
    return _spread({group: len(values) for group, values in named.items()})


def _spread(sizes: dict[str, int]) -> Spread:
    several = sorted((group for group, size in sizes.items() if size > 1), key=lambda one: (-sizes[one], one))
    return Spread(len(sizes), dict(sorted(Counter(sizes.values()).items())), several[:_SAMPLES])


def count_amounts(c: Connection, source: str, types: Collection[str], path: str) -> AmountCounts:
    """What the amounts under a key of the data (a dotted path) add up to, by the `currency` said beside."""
    found: dict[str, list[Decimal]] = {}
    unreadable = missing = 0
    for number, told in enumerate(events_told(c, source, types=types, with_payload=True)):
        if number >= MOST_EVENTS:
            raise BadPayload(f"more than {MOST_EVENTS:,} events: name a source or event types")
        data = data_of(told.payload)
        text = text_of(value_at(data, path))
        amount = _number(text)
        if amount is not None:
            found.setdefault(text_of(value_at(data, "currency")), []).append(amount)
        elif text:
            unreadable += 1
        else:
            missing += 1
    return AmountCounts([_amounts(*one) for one in sorted(found.items())], unreadable, missing)


def _number(text: str) -> Decimal | None:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        return None
    return amount if amount.is_finite() else None


def _amounts(currency: str, amounts: list[Decimal]) -> Amounts:
    amounts.sort()
    middle = len(amounts) // 2
    median = amounts[middle] if len(amounts) % 2 else (amounts[middle - 1] + amounts[middle]) / 2
    return Amounts(
        currency=currency,
        n=len(amounts),
        zero=sum(not one for one in amounts),
        negative=sum(one < 0 for one in amounts),
        total=str(sum(amounts)),
        smallest=str(amounts[0]),
        median=str(median),
        largest=str(amounts[-1]),
    )
