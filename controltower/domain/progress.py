"""How the legs of a journey are, in a line: ``2 of 3 shipments delivered, 1 waiting to be picked``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from controltower.domain.legs import DONE, OPEN, Leg
from controltower.domain.processes import CANCELLED, LegKind, Process


def progress_of(process: Process, legs: Sequence[Leg]) -> str:
    """The progress of all legs; "" when none has more to tell than the stages of the journey do.

    Legs of which nothing is expected, because their kind declares no end, are only spoken of when cancelled.
    """
    parts = []
    for number, kind in enumerate(process.legs):
        own = [leg for leg in legs if leg.kind == number]
        told = [leg for leg in own if leg.status == CANCELLED] if not _has_end(kind) else own
        if len(own) > 1 or any(leg.status == CANCELLED for leg in own):
            parts += _parts(process, kind, told, len(own))
    return ", ".join(parts)


def _has_end(kind: LegKind) -> bool:
    return bool(kind.completed_by) or any(outcome != CANCELLED for outcome in kind.ends)


def _parts(process: Process, kind: LegKind, legs: Sequence[Leg], total: int) -> list[str]:
    counted = Counter(_state(process, kind, leg) for leg in legs)
    noun = kind.title.lower() if total == 1 else kind.plural
    parts = []
    # The first part names what is counted, those after it only how many of them.
    for place, (state, number) in enumerate(sorted(counted.items(), key=lambda item: item[0])):
        amount = str(number) if number == total else f"{number} of {total}"
        parts.append(f"{amount} {noun} {state[1]}" if place == 0 else f"{number} {state[1]}")
    return parts


_RANK = {DONE: 0, "returned": 1, "refused": 2, OPEN: 3, "failed": 4, CANCELLED: 5}


def _state(process: Process, kind: LegKind, leg: Leg) -> tuple[int, str]:
    """How a leg is, for sorting and in words."""
    rank = _RANK[leg.status]
    if leg.status == DONE:
        return rank, _title(process, leg.stage).lower() if leg.stage else DONE
    if leg.status == OPEN:
        awaited = next_stage(process, kind, leg)
        return rank, _waiting(_title(process, awaited).lower()) if awaited else "open"
    if leg.status == "failed":
        where = leg.failure.stage if leg.failure else ""
        return rank, f"failed at {_title(process, where).lower()}" if where else "failed"
    return rank, leg.status


def _waiting(title: str) -> str:
    """Titles are mostly participles: picked, shipped."""
    is_done_to = title.endswith("ed") and " " not in title
    return f"waiting to be {title}" if is_done_to else f"waiting for {title}"


def next_stage(process: Process, kind: LegKind, leg: Leg) -> str:
    """The name of the stage that an open leg waits for; "" when all were told."""
    reached = {name for name, _ in leg.reached}
    names = [process.steps[stage].name for stage in kind.stages if not process.steps[stage].is_optional]
    furthest = max((place for place, name in enumerate(names) if name in reached), default=-1)
    if furthest + 1 < len(names):
        return names[furthest + 1]
    completing = (process.steps[stage].name for stage in sorted(kind.completed_by))
    return next((name for name in completing if name not in reached), "")


def _title(process: Process, name: str) -> str:
    return next((stage.title for stage in process.steps if stage.name == name), name)
