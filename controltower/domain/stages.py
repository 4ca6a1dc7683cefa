"""Where a journey and each of its legs stand on their rails, and whose move it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from controltower.domain.durations import in_words
from controltower.domain.journeys import (
    CANCELLED,
    DONE,
    FAILED_STATUS,
    IN_FLIGHT,
    REFUSED,
    RETURNED,
    Journey,
)
from controltower.domain.legs import Leg
from controltower.domain.processes import Process, Stage
from controltower.domain.times import from_us

StageState = Literal[
    "reached", "current", "late", "due", "not_reported", "not_reached", "not_needed", "failed"
]

_OVER = {
    DONE: "Done: nothing is left to do.",
    CANCELLED: "Cancelled: nothing is left to do.",
    RETURNED: "Returned: nothing is left to do.",
    REFUSED: "Refused: nothing is left to do.",
}


@dataclass(frozen=True, slots=True)
class StageView:
    """One stage of a rail."""

    stage: Stage
    state: StageState
    reached_at: datetime | None
    took: timedelta | None  # since the stage reached before it on the rail; negative when clocks disagree
    overdue_by: timedelta | None  # set when late
    share: tuple[int, int] | None = None  # of the legs that pass it: how many did, of how many that live


class Move(NamedTuple):
    """Who has to act next; `owner` is empty when nobody has to."""

    owner: str
    what: str


@dataclass(frozen=True, slots=True)
class _Rail:
    """What both kinds of rails are drawn from."""

    stages: Sequence[Stage]
    reached: Mapping[str, int]  # by name, microseconds
    failing: str | None  # the stage whose failure holds it up
    is_open: bool
    completing: Sequence[str]  # names of the stages without which it is not complete
    began_at: datetime | None = None  # counts as the stage before the first

    def views(self, now: datetime) -> Iterator[StageView]:
        furthest = max((i for i, s in enumerate(self.stages) if s.name in self.reached), default=-1)
        attempted = next((i for i, s in enumerate(self.stages) if s.name == self.failing), -1)
        awaited = self._awaited(furthest) if self.is_open else None
        before = self.began_at
        for index, stage in enumerate(self.stages):
            at = from_us(self.reached[stage.name]) if stage.name in self.reached else None
            took = None if at is None or before is None or before is self.began_at else at - before
            overdue_by = None
            state: StageState
            if stage.name == self.failing:
                state = "failed"
            elif at is not None:
                state = "current" if index == furthest and self.is_open else "reached"
            elif index == awaited:
                overdue_by = _overdue_by(stage, before, now)
                state = "due" if overdue_by is None else "late"
            elif index < max(furthest, attempted):
                state = "not_reported" if self._is_needed(stage) else "not_needed"
            else:
                state = "not_reached"
            yield StageView(stage, state, at, took, overdue_by)
            before = at or before

    def _is_needed(self, stage: Stage) -> bool:
        """Whether anybody waits for it: it is not optional, and none that stands for it was reached."""
        stands_in = stage.alternative and any(
            other.alternative == stage.alternative and other.name in self.reached for other in self.stages
        )
        return not (stage.is_optional or stands_in)

    def _awaited(self, furthest: int) -> int | None:
        """The next stage that is needed after the furthest one; then what completion still lacks."""
        needed = [i for i, s in enumerate(self.stages) if s.name not in self.reached and self._is_needed(s)]
        ahead = next((i for i in needed if i > furthest), None)
        if ahead is not None:
            return ahead
        return next((i for i in needed if self.stages[i].name in self.completing), None)


def stage_rail(process: Process, journey: Journey, now: datetime) -> list[StageView]:
    """Every stage of the process, in its order.

    A stage that a later one overtook is *not reported*, unless nobody needs it. Only the stage awaited next
    is *due* or, past its usual time, *late*; those after it are *not reached*. A stage that legs pass by
    themselves says how many of them did.
    """
    failing = journey.failure.stage if journey.status == FAILED_STATUS and journey.failure else None
    rail = _Rail(
        process.stages,
        dict(journey.reached),
        failing,
        journey.status == IN_FLIGHT,
        [process.stages[index].name for index in sorted(process.completed_by)],
    )
    return [_shared(process, journey, view) for view in rail.views(now)]


def leg_rail(process: Process, leg: Leg, now: datetime) -> list[StageView]:
    """Every stage of a leg, in its order; empty for a kind of leg that has none."""
    kind = process.legs[leg.kind]
    rail = _Rail(
        [process.steps[index] for index in kind.stages],
        dict(leg.reached),
        leg.failure.stage if leg.status == FAILED_STATUS and leg.failure else None,
        leg.status == IN_FLIGHT,
        [process.steps[index].name for index in sorted(kind.completed_by)],
        from_us(leg.started_us),
    )
    return list(rail.views(now))


def _shared(process: Process, journey: Journey, view: StageView) -> StageView:
    legs = [
        leg
        for leg in journey.legs
        if process.legs[leg.kind].name == view.stage.leg and leg.status != CANCELLED
    ]
    if len(legs) < 2:
        return view
    passed = sum(_has_passed(process, leg, view.stage) for leg in legs)
    state = view.state
    if state == "reached" and passed < len(legs) and journey.status == IN_FLIGHT:
        state = "current"
    return StageView(
        view.stage, state, view.reached_at, view.took, view.overdue_by, (passed, len(legs))
    )


def _has_passed(process: Process, leg: Leg, stage: Stage) -> bool:
    names = [process.steps[index].name for index in process.legs[leg.kind].stages]
    reached = {name for name, _ in leg.reached}
    return any(name in reached for name in names[names.index(stage.name) :])


def whose_move(process: Process, journey: Journey, now: datetime) -> Move:
    """Who has to act next on the journey, and why, in plain words."""
    if journey.status in _OVER:
        return Move("", _OVER[journey.status])
    if journey.status == FAILED_STATUS and journey.failure is not None:
        return _mend(process, journey)
    waiting = [*_of_legs(process, journey, now), *_of_journey(process, journey, now)]
    # What is late comes first, the most overdue before the others; a leg before the journey as a whole.
    late = [one for one in waiting if one.view.overdue_by is not None]
    chosen = max(late, key=lambda one: one.view.overdue_by or timedelta(), default=None)
    if chosen is None and waiting:
        chosen = waiting[0]
    if chosen is None:
        return Move("", "Every stage was reported; no further one is awaited.")
    return _await(chosen, now)


class _Waiting(NamedTuple):
    view: StageView
    before: datetime | None  # when the nearest stage reached before it was reached
    name: str  # of the leg, with its kind; "" for the journey


def _of_journey(process: Process, journey: Journey, now: datetime) -> Iterator[_Waiting]:
    rail = stage_rail(process, journey, now)
    has_open = {process.legs[leg.kind].name for leg in journey.legs if leg.is_open}
    for place, view in enumerate(rail):
        if view.state in ("due", "late") and view.stage.leg not in has_open:
            before = next((v.reached_at for v in reversed(rail[:place]) if v.reached_at), None)
            yield _Waiting(view, before, "")


def _of_legs(process: Process, journey: Journey, now: datetime) -> Iterator[_Waiting]:
    numbers = Counter(leg.kind for leg in journey.legs)
    for leg in journey.legs:
        kind = process.legs[leg.kind]
        if not (leg.is_open and kind.holds):
            continue
        rail = leg_rail(process, leg, now)
        for place, view in enumerate(rail):
            if view.state in ("due", "late"):
                before = next((v.reached_at for v in reversed(rail[:place]) if v.reached_at), None)
                name = f"{kind.title} {leg.title}: " if numbers[leg.kind] > 1 else ""
                yield _Waiting(view, before or from_us(leg.started_us), name)


def _is_one_of_many(journey: Journey, leg: Leg) -> bool:
    return sum(other.kind == leg.kind for other in journey.legs) > 1


def _overdue_by(stage: Stage, before: datetime | None, now: datetime) -> timedelta | None:
    """How long the stage is past its usual time; None while it is not, or when none is declared."""
    if stage.usual is None or before is None or now <= before + stage.usual:
        return None
    return now - before - stage.usual


def _mend(process: Process, journey: Journey) -> Move:
    failure = journey.failure
    assert failure is not None
    stage = next((s for s in process.steps if s.name == failure.stage), None)
    reason = failure.message or failure.code or "no reason was reported"
    where = f" in {failure.system}" if failure.system else ""
    leg = next((leg for leg in journey.legs if leg.failure == failure), None)
    name = f"{process.legs[leg.kind].title} {leg.title}: " if leg and _is_one_of_many(journey, leg) else ""
    if stage is None:
        return Move(failure.system, f"{name}A step failed{where}: {reason}")
    return Move(stage.owner, f"{name}{stage.title} failed{where}: {reason}")


def _await(waiting: _Waiting, now: datetime) -> Move:
    view, before, name = waiting
    title = f"{name}{view.stage.title}"
    if view.overdue_by is not None:
        return Move(view.stage.owner, f"{title} is {in_words(view.overdue_by)} late.")
    if view.stage.usual is None or before is None:
        return Move(view.stage.owner, f"{title} is awaited; no usual time is declared for it.")
    return Move(view.stage.owner, f"{title} is due within {in_words(before + view.stage.usual - now)}.")
