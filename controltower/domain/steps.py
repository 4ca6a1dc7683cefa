"""The steps of a journey: its facts in one order, whatever the order in which they came."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import NamedTuple

from controltower.domain.facts import FAILED
from controltower.domain.journeys import Fact
from controltower.domain.processes import FAILURE_SUFFIXES, Process, Reading

_FAILURE = ".failed"


class Step(NamedTuple):
    """Something that happened on a journey."""

    at_us: int
    activity: str  # the event type, or the stage that it is about; a failure is never called like a success
    system: str
    is_failed: bool
    type: str  # of the event


class Trail(NamedTuple):
    """A journey as its steps."""

    journey_id: bytes
    started_us: int
    steps: tuple[Step, ...]


def list_steps(facts: Iterable[Fact], process: Process | None, *, by_stage: bool = False) -> tuple[Step, ...]:
    """The steps that a set of facts tells, in order of time; those of one moment in the order of the process.

    Of facts that share source and id one counts, the same that `fold` counts. With `by_stage`, activities are
    the names of stages, and facts that are about no stage are no steps.
    """
    steps = []
    for fact in _told_once(facts):
        reading = process.read(fact.type) if process else Reading()
        is_failed = fact.outcome == FAILED or reading.failed
        activity = _stage_activity(process, reading) if by_stage else fact.type
        if activity:
            called = _failed_name(activity) if is_failed else activity
            step = Step(fact.occurred_us, called, fact.system, is_failed, fact.type)
            steps.append((fact.occurred_us, _rank(process, reading), step))
    return tuple([step for *_, step in sorted(steps)])


def hand_overs(steps: Iterable[Step]) -> Iterator[tuple[Step, Step]]:
    """Consecutive steps of different systems."""
    return ((one, other) for one, other in pairwise(steps) if one.system != other.system)


def _told_once(facts: Iterable[Fact]) -> Iterator[Fact]:
    told: set[tuple[str, str]] = set()
    for fact in sorted(facts):
        name = (fact.source, fact.id)
        if name not in told:
            told.add(name)
            yield fact


def _rank(process: Process | None, reading: Reading) -> int:
    """Where a step stands among those of the same moment: stages in their order, then others, then ends."""
    last = len(process.steps) if process else 0
    if reading.ends is not None:
        return last + 1
    return last if reading.stage is None else reading.stage


def _stage_activity(process: Process | None, reading: Reading) -> str:
    if process is None:
        return ""
    if reading.ends is not None:
        return reading.ends
    return "" if reading.stage is None else process.steps[reading.stage].name


def _failed_name(activity: str) -> str:
    return activity if activity.rpartition(".")[2] in FAILURE_SUFFIXES else activity + _FAILURE
