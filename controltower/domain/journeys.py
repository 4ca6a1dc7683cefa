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


@dataclass(frozen=True, slots=True)
class Journey:
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
    ordered = sorted(set(facts))
    told = _first_of_each_id(ordered)
    reached: dict[int, int] = {}
    failures: dict[int | None, Fact] = {}
    last_success: dict[int, int] = {}
    cancelled = completed = False
    for fact in told:
        reading = process.read(fact.type)
        if reading.cancels and fact.outcome != FAILED:
            cancelled = True
        elif reading.completes and fact.outcome != FAILED:
            completed = True
        elif reading.failed or fact.outcome == FAILED:
            failures[reading.stage] = fact
        elif reading.stage is not None:
            reached.setdefault(reading.stage, fact.occurred_us)
            last_success[reading.stage] = fact.occurred_us
    failure = _open_failure(process, failures, last_success)
    current = max(reached, default=None)
    return Journey(
        process=process.name,
        process_version=process.version,
        status=_status(process, reached, failure, cancelled=cancelled, completed=completed),
        stage="" if current is None else process.stages[current].name,
        stage_since_us=told[0].occurred_us if current is None else reached[current],
        started_us=told[0].occurred_us,
        last_event_us=told[-1].occurred_us,
        reached=tuple((process.stages[i].name, reached[i]) for i in sorted(reached)),
        failure=failure,
        systems=tuple(sorted({fact.system for fact in told})),
        channel=_first(fact.channel for fact in told),
        amount=_last(fact.amount for fact in told),
        currency=_last(fact.currency for fact in told),
        customer=_first(fact.customer for fact in told),
        reported_status=_last(fact.status for fact in told),
        event_count=len(told),
        conflicts=len(ordered) - len(told),
    )


def _first_of_each_id(ordered: list[Fact]) -> list[Fact]:
    """One fact for each (source, id): the earliest by its own word, ties broken by content."""
    seen: set[tuple[str, str]] = set()
    told = []
    for fact in ordered:
        name = (fact.source, fact.id)
        if name not in seen:
            seen.add(name)
            told.append(fact)
    return told


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


def _first(values: Iterable[str]) -> str:
    return next((value for value in values if value), "")


def _last(values: Iterable[str]) -> str:
    newest = ""
    for value in values:
        newest = value or newest
    return newest
