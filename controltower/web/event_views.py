"""The events of a journey as its page lists them, with what a person should know about each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby

from controltower.domain.durations import in_words
from controltower.domain.facts import FAILED
from controltower.domain.journeys import Fact
from controltower.domain.processes import Process, Reading
from controltower.store.journeys import EventRow

REPORTED_LATE = timedelta(minutes=5)
CLOCK_AHEAD = timedelta(minutes=1)
_NAMED_LEGS = 3


@dataclass(frozen=True, slots=True)
class EventView:
    """One event."""

    row: EventRow
    stage: str  # title of the stage that it reaches or failed; "" for others
    is_failed: bool
    error_code: str
    error_message: str
    remarks: tuple[tuple[str, str], ...]  # (icon, words)
    anchor: str  # its place on the page
    note: str = ""  # what it changed, why and by whom


@dataclass(frozen=True, slots=True)
class Day:
    """The events of one day, UTC."""

    on: date
    events: tuple[EventView, ...]


def view_events(rows: Sequence[EventRow], facts: Iterable[Fact], process: Process | None) -> list[EventView]:
    """Views of the events in their order; `facts` tell what the rows do not: the reasons of failures."""
    told = {fact.digest: fact for fact in facts}
    known: dict[tuple[str, str], bytes] = {}
    views = []
    for row in rows:
        first = known.setdefault((row.source, row.id), row.digest)
        views.append(_view(row, told.get(row.digest), process, is_conflict=first != row.digest))
    return views


def by_day(views: Iterable[EventView]) -> list[Day]:
    """The views in their order, those of one day together."""
    return [
        Day(on, tuple(group)) for on, group in groupby(views, key=lambda view: view.row.occurred_at.date())
    ]


def _view(row: EventRow, fact: Fact | None, process: Process | None, *, is_conflict: bool) -> EventView:
    reading = process.read(row.type) if process else Reading()
    return EventView(
        row=row,
        stage=_says(process, reading, fact) if process else "",
        is_failed=row.outcome == FAILED or reading.failed,
        error_code=fact.error_code if fact else "",
        error_message=fact.error_message if fact else "",
        remarks=tuple(_remarks(row, is_conflict=is_conflict)),
        note=fact.note if fact else "",
        anchor=f"event-{row.digest.hex()}",
    )


def _says(process: Process, reading: Reading, fact: Fact | None) -> str:
    """What an event says of the journey or of its legs: the stage, or the end."""
    word = ""
    if reading.ends is not None:
        word = reading.ends.capitalize()
    elif reading.amends:
        word = "Amended"
    elif reading.stage is not None:
        word = process.steps[reading.stage].title
    legs = list(fact.legs) if fact else []
    if not word or not legs or (reading.leg is None and not _is_of_legs(process, reading)):
        return word
    names = ", ".join(identifier.value for identifier in legs[:_NAMED_LEGS])
    return f"{word}: {names}" + (" …" if len(legs) > _NAMED_LEGS else "")


def _is_of_legs(process: Process, reading: Reading) -> bool:
    return reading.stage is not None and bool(process.steps[reading.stage].leg)


def _remarks(row: EventRow, *, is_conflict: bool) -> Iterable[tuple[str, str]]:
    delay = row.received_at - row.occurred_at
    if delay > REPORTED_LATE:
        yield "hourglass", f"Reported {in_words(delay)} late"
    if -delay > CLOCK_AHEAD:
        yield "late", f"The source's clock is {in_words(-delay)} ahead"
    if is_conflict:
        yield "duplicate", "Conflict: the source sent another event under this id; this one is not counted"
