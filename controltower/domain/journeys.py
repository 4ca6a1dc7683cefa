"""Folding facts into a journey.

`fold` is a pure function of a *set* of facts: it sorts them by what they say, never by when they arrived,
and keeps one of those that a source sent under the same id. Any permutation and repetition gives the same
journey.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from controltower.domain.facts import FAILED
from controltower.domain.processes import Process

IN_FLIGHT = "in_flight"
FAILED_STATUS = "failed"
DONE = "done"
CANCELLED = "cancelled"
STATUSES = (IN_FLIGHT, FAILED_STATUS, DONE, CANCELLED)


class Fact(NamedTuple):
    """What the fold needs of an event; a journey keeps these beside itself, so that folding reads no events.
    """

    occurred_us: int
    digest: bytes
    source: str
    id: str
    type: str
    system: str
    outcome: str
    error_code: str
    error_message: str
    channel: str
    amount: str
    currency: str
    customer: str
    status: str
    trace_id: bytes


@dataclass(frozen=True, slots=True)
class Failure:
    """Something that went wrong and that no later success has put right."""

    stage: str  # "" when the event belongs to no stage
    system: str
    code: str
    message: str
    failed_us: int


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
    amount: str
    currency: str
    customer: str
    reported_status: str  # the newest status word that any system reported
    event_count: int
    conflicts: int  # facts that share source and id with another but say something else


def fold(process: Process, facts: Iterable[Fact]) -> Journey:
    """The journey that `facts` (at least one) describe."""
    ordered = sorted(facts)
    told: set[tuple[str, str]] = set()  # source and id
    reached: dict[int, int] = {}
    failures: dict[int | None, Fact] = {}
    last_success: dict[int, int] = {}
    systems: set[str] = set()
    cancelled = completed = False
    channel = customer = amount = currency = status = ""  # the first two as first, the others as last told
    last_event_us = started_us = ordered[0][0]
    repeats = 0
    before: Fact | None = None
    # One pass with the fields at hand: this is the inner loop of the way in.
    for fact in ordered:
        if fact == before:
            repeats += 1
            continue
        before = fact
        at, _, source, event_id, kind, system, outcome, _, _, market, worth, money, person, word, _ = fact
        name = (source, event_id)
        # Of facts that share source and id the earliest by its own word counts, ties broken by content.
        if name in told:
            continue
        told.add(name)
        last_event_us = at
        systems.add(system)
        channel = channel or market
        customer = customer or person
        amount = worth or amount
        currency = money or currency
        status = word or status
        reading = process.read(kind)
        failed = outcome == FAILED
        if reading.cancels and not failed:
            cancelled = True
        elif reading.completes and not failed:
            completed = True
        elif reading.failed or failed:
            failures[reading.stage] = fact
        elif reading.stage is not None:
            reached.setdefault(reading.stage, at)
            last_success[reading.stage] = at
    failure = _open_failure(process, failures, last_success) if failures else None
    current = max(reached, default=None)
    return Journey(
        process.name,
        process.version,
        _status(process, reached, failure, cancelled=cancelled, completed=completed),
        "" if current is None else process.stages[current].name,
        started_us if current is None else reached[current],
        started_us,
        last_event_us,
        tuple([(process.stages[i].name, reached[i]) for i in sorted(reached)]),
        failure,
        tuple(sorted(systems)),
        channel,
        amount,
        currency,
        customer,
        status,
        len(told),
        len(ordered) - repeats - len(told),
    )


def _open_failure(
    process: Process, failures: dict[int | None, Fact], last_success: dict[int, int]
) -> Failure | None:
    """The newest failure whose stage has not succeeded since."""
    newest: Failure | None = None
    furthest = max(last_success.values(), default=-1)
    for stage, fact in failures.items():
        mended_us = furthest if stage is None else last_success.get(stage, -1)
        if mended_us >= fact.occurred_us or (newest and newest.failed_us >= fact.occurred_us):
            continue
        newest = Failure(
            stage="" if stage is None else process.stages[stage].name,
            system=fact.system,
            code=fact.error_code,
            message=fact.error_message,
            failed_us=fact.occurred_us,
        )
    return newest


def _status(
    process: Process, reached: dict[int, int], failure: Failure | None, *, cancelled: bool, completed: bool
) -> str:
    if cancelled:
        return CANCELLED
    if failure is not None:
        return FAILED_STATUS
    if completed or (process.completed_by and process.completed_by <= reached.keys()):
        return DONE
    return IN_FLIGHT
