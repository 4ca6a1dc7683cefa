"""Folding facts into a journey.

`fold` is a pure function of a *set* of facts: it sorts them by what they say, never by when they arrived,
and keeps one of those that a source sent under the same id. Any permutation and repetition gives the same
journey.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from controltower.domain.claims import CURRENCY, TOTAL, account_of
from controltower.domain.facts import FAILED
from controltower.domain.legs import Leg, find_legs
from controltower.domain.outcomes import Fact, Failure, Track
from controltower.domain.processes import CANCELLED, COMPLETED, REFUSED, RETURNED, Outcome, Process
from controltower.domain.progress import progress_of

__all__ = [
    "CANCELLED",
    "DONE",
    "ENDED",
    "FAILED_STATUS",
    "IN_FLIGHT",
    "REFUSED",
    "RETURNED",
    "STATUSES",
    "Fact",
    "Failure",
    "Journey",
    "Leg",
    "fold",
]

IN_FLIGHT = "in_flight"
FAILED_STATUS = "failed"
DONE = "done"
STATUSES = (IN_FLIGHT, FAILED_STATUS, DONE, CANCELLED, RETURNED, REFUSED)
ENDED = (DONE, CANCELLED, RETURNED, REFUSED)
"""Statuses of journeys of which nothing more is expected."""


class Journey(NamedTuple):
    """What the facts say of one transaction, by one version of its process."""

    process: str
    process_version: int
    status: str
    stage: str  # the furthest stage reached, "" before any
    stage_since_us: int
    started_us: int
    last_event_us: int
    reached: tuple[tuple[str, int], ...]  # (stage name, first reached), in the order of the process
    failure: Failure | None  # the newest open one
    systems: tuple[str, ...]  # sorted
    channel: str
    amount: str  # what the system of record says; as last told when none decides
    currency: str  # the same
    customer: str
    reported_status: str  # the newest status word that any system reported
    event_count: int
    conflicts: int  # facts that share source and id with another but say something else
    legs: tuple[Leg, ...] = ()  # by kind, then by when they began
    progress: str = ""  # how its legs are, in words; "" when the stages say it all
    amendments: int = 0
    duplicates: int = 0  # submissions that a system made again under another id
    discrepancies: tuple[str, ...] = ()  # where systems disagree, in words


_SUMMED = frozenset(("fees", "refund"))  # claims that add up with others, so that one alone matters


def fold(process: Process, facts: Iterable[Fact]) -> Journey:
    """The journey that `facts` (at least one) describe."""
    ordered = sorted(facts)
    ids: set[tuple[str, str]] = set()  # source and id
    told: list[Fact] = []
    track = Track()
    ended: set[Outcome] = set()
    systems: set[str] = set()
    submitted: set[tuple[int, str]] = set()
    repeats = amendments = duplicates = claimants = 0
    has_legs = is_disputable = False
    compares_status = "status" in process.records
    valued: set[str] = set()  # steps of the way of the money that were told
    channel = customer = amount = currency = status = ""  # the first two as first, the others as last told
    before: Fact | None = None
    # One pass with the fields at hand: this is the inner loop of the way in.
    for fact in ordered:
        if fact == before:
            repeats += 1
            continue
        before = fact
        _, _, source, own_id, kind, system, outcome, _, _, shop, worth, money, person, word, *rest = fact
        _, legs, _, claims = rest
        name = (source, own_id)
        # Of facts that share source and id the earliest by its own word counts, ties broken by content.
        if name in ids:
            continue
        ids.add(name)
        told.append(fact)
        systems.add(system)
        # What all say alike, and of the way of the money each step once, needs no comparing.
        claimants += bool(claims)
        reading = process.read(kind)
        if worth and amount and worth != amount:
            is_disputable = True
        if claims and (claimants > 1 or not _SUMMED.isdisjoint(name for name, _ in fact.claims)):
            is_disputable = True
        if (money and currency and money != currency) or (compares_status and word and word != status):
            is_disputable = True
        if reading.money:
            is_disputable = is_disputable or reading.money in valued
            valued.add(reading.money)
        channel = channel or shop
        customer = customer or person
        amount = worth or amount
        currency = money or currency
        status = word or status
        has_legs = has_legs or bool(legs)
        if reading.ends is not None:
            if outcome != FAILED and reading.leg is None:
                ended.add(reading.ends)
            continue
        if reading.amends and outcome != FAILED:
            amendments += 1
        stage = reading.stage
        if stage is not None and process.steps[stage].is_once and not reading.failed and outcome != FAILED:
            duplicates += (stage, system) in submitted
            submitted.add((stage, system))
        track.note(reading, fact)
    found = find_legs(process, told) if has_legs and process.legs else ()
    failure = _open_failure(process, track, told, found)
    reached = [stage for stage in range(len(process.stages)) if stage in track.reached]
    current = reached[-1] if reached else None
    outcome_of_all = _status(process, reached, failure, ended, found)
    disputed: tuple[str, ...] = ()
    if is_disputable and process.records:
        account = account_of(process, told, is_over=outcome_of_all == DONE)
        disputed = account.discrepancies
        amount = account.decided(TOTAL) or amount
        currency = account.decided(CURRENCY) or currency
    return Journey(
        process.name,
        process.version,
        outcome_of_all,
        "" if current is None else process.stages[current].name,
        told[0].occurred_us if current is None else track.reached[current],
        told[0].occurred_us,
        told[-1].occurred_us,
        tuple([(process.stages[stage].name, track.reached[stage]) for stage in reached]),
        failure,
        tuple(sorted(systems)),
        channel,
        amount,
        currency,
        customer,
        status,
        len(told),
        len(ordered) - repeats - len(told),
        found,
        progress_of(process, found),
        amendments,
        duplicates,
        disputed,
    )


def _open_failure(
    process: Process, track: Track, told: Sequence[Fact], legs: Sequence[Leg]
) -> Failure | None:
    """The newest open failure of the journey or of one of its legs.

    What failed in one leg is not mended by the success of another; so where there are legs, the facts that
    name one speak for it alone.
    """
    if not legs:
        return track.open_failure(process)
    whole = Track()
    for fact in told:
        reading = process.read(fact.type)
        is_failed = reading.failed or fact.outcome == FAILED
        if reading.ends is None and not (is_failed and _is_of_leg(process, reading.stage, fact)):
            whole.note(reading, fact)
    failures = [leg.failure for leg in legs if leg.failure and leg.status == FAILED]
    if (own := whole.open_failure(process)) is not None:
        failures.append(own)
    return max(failures, key=lambda f: (f.failed_us, f.stage, f.system, f.code, f.message), default=None)


def _is_of_leg(process: Process, stage: int | None, fact: Fact) -> bool:
    """Whether a fact is about a stage that a leg which it names passes by itself."""
    named = {identifier.kind.rpartition(".")[2] for identifier in fact.legs}
    return stage is not None and any(stage in leg.stages and leg.kinds & named for leg in process.legs)


def _status(
    process: Process,
    reached: Sequence[int],
    failure: Failure | None,
    ended: set[Outcome],
    legs: Sequence[Leg],
) -> str:
    whole = _ends_of_whole(process, legs)
    if CANCELLED in ended or whole == {CANCELLED}:
        return CANCELLED
    if failure is not None:
        return FAILED_STATUS
    for outcome in (REFUSED, RETURNED):
        if outcome in ended or whole - {CANCELLED} == {outcome}:
            return outcome
    is_open = any(leg.is_open and process.legs[leg.kind].holds for leg in legs)
    is_complete = bool(process.completed_by) and all(
        process.is_satisfied(stage, reached) for stage in process.completed_by
    )
    return DONE if COMPLETED in ended or (is_complete and not is_open) else IN_FLIGHT


def _ends_of_whole(process: Process, legs: Sequence[Leg]) -> set[str]:
    """How the legs ended that a journey consists of; empty when there may be more to it than those legs.

    Many systems name a line only to cancel it. Such lines are not all there are, nor are those of an order
    of which a shipment is on its way.
    """
    parts = [leg for leg in legs if process.legs[leg.kind].is_whole]
    ends = {leg.status for leg in parts}
    if not any(leg.is_listed for leg in parts) or (ends == {CANCELLED} and _is_moving(process, legs)):
        return set()
    return ends


def _is_moving(process: Process, legs: Sequence[Leg]) -> bool:
    """Whether a leg that holds the journey got somewhere and was not cancelled."""
    return any(process.legs[leg.kind].holds and leg.stage and leg.status != CANCELLED for leg in legs)
