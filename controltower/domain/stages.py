"""Where a journey stands on the rail of its process, and whose move it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from controltower.domain.durations import in_words
from controltower.domain.journeys import CANCELLED, DONE, FAILED_STATUS, IN_FLIGHT, Journey
from controltower.domain.processes import Process, Stage
from controltower.domain.times import from_us

StageState = Literal["reached", "current", "late", "due", "not_reported", "not_reached", "failed"]


@dataclass(frozen=True, slots=True)
class StageView:
    """One stage of the rail."""

    stage: Stage
    state: StageState
    reached_at: datetime | None
    took: timedelta | None  # since the stage reached before it on the rail; negative when clocks disagree
    overdue_by: timedelta | None  # set when late


class Move(NamedTuple):
    """Who has to act next; `owner` is empty when nobody has to."""

    owner: str
    what: str


def stage_rail(process: Process, journey: Journey, now: datetime) -> list[StageView]:
    """Every stage of the process, in its order.

    A stage that a later one overtook is *not reported*. Only the stage awaited next is *due* or, past
    its usual time, *late*; those after it are *not reached*.
    """
    reached = dict(journey.reached)
    failing = _failing_stage(journey)
    furthest = max((i for i, s in enumerate(process.stages) if s.name in reached), default=-1)
    attempted = next((i for i, s in enumerate(process.stages) if s.name == failing), -1)
    awaited = _awaited(process, reached, furthest) if journey.status == IN_FLIGHT else None
    rail: list[StageView] = []
    before: datetime | None = None
    for index, stage in enumerate(process.stages):
        at = from_us(reached[stage.name]) if stage.name in reached else None
        took = None if at is None or before is None else at - before
        overdue_by = None
        state: StageState
        if stage.name == failing:
            state = "failed"
        elif at is not None:
            state = "current" if index == furthest and journey.status == IN_FLIGHT else "reached"
        elif index == awaited:
            overdue_by = _overdue_by(stage, before, now)
            state = "due" if overdue_by is None else "late"
        else:
            state = "not_reported" if index < max(furthest, attempted) else "not_reached"
        rail.append(StageView(stage, state, at, took, overdue_by))
        before = at or before
    return rail


def whose_move(process: Process, journey: Journey, now: datetime) -> Move:
    """Who has to act next on the journey, and why, in plain words."""
    if journey.status == DONE:
        return Move("", "Done: nothing is left to do.")
    if journey.status == CANCELLED:
        return Move("", "Cancelled: nothing is left to do.")
    rail = stage_rail(process, journey, now)
    if journey.status == FAILED_STATUS and journey.failure is not None:
        return _mend(process, journey)
    for view in rail:
        if view.state in ("due", "late"):
            return _await(view, _reached_before(rail, view), now)
    return Move("", "Every stage was reported; no further one is awaited.")


def _failing_stage(journey: Journey) -> str | None:
    """The stage whose failure holds the journey up; a cancelled one is held up by nothing."""
    if journey.status != FAILED_STATUS or journey.failure is None:
        return None
    return journey.failure.stage


def _awaited(process: Process, reached: dict[str, int], furthest: int) -> int | None:
    """The stage after the furthest one; then what completion still lacks."""
    if furthest + 1 < len(process.stages):
        return furthest + 1
    return min((i for i in process.completed_by if process.stages[i].name not in reached), default=None)


def _overdue_by(stage: Stage, before: datetime | None, now: datetime) -> timedelta | None:
    """How long the stage is past its usual time; None while it is not, or when none is declared."""
    if stage.usual is None or before is None or now <= before + stage.usual:
        return None
    return now - before - stage.usual


def _mend(process: Process, journey: Journey) -> Move:
    failure = journey.failure
    assert failure is not None
    stage = next((s for s in process.stages if s.name == failure.stage), None)
    reason = failure.message or failure.code or "no reason was reported"
    where = f" in {failure.system}" if failure.system else ""
    if stage is None:
        return Move(failure.system, f"A step failed{where}: {reason}")
    return Move(stage.owner, f"{stage.title} failed{where}: {reason}")


def _await(view: StageView, before: datetime | None, now: datetime) -> Move:
    title = view.stage.title
    if view.overdue_by is not None:
        return Move(view.stage.owner, f"{title} is {in_words(view.overdue_by)} late.")
    if view.stage.usual is None or before is None:
        return Move(view.stage.owner, f"{title} is awaited; no usual time is declared for it.")
    return Move(view.stage.owner, f"{title} is due within {in_words(before + view.stage.usual - now)}.")


def _reached_before(rail: list[StageView], view: StageView) -> datetime | None:
    """When the nearest stage reached before `view` on the rail was reached."""
    return next((v.reached_at for v in reversed(rail[: rail.index(view)]) if v.reached_at), None)
