"""What the page of one journey shows, put together from the store and the process."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b

from controltower.domain.claims import Account, account_of
from controltower.domain.crowds import Crowd, crowds_of
from controltower.domain.dead_letters import OUTSTANDING
from controltower.domain.failure_rules import Diagnosis, RuleBook
from controltower.domain.identifiers import TRACE, Bond
from controltower.domain.journeys import DONE, ENDED, FAILED_STATUS, Fact, Journey
from controltower.domain.legs import Leg
from controltower.domain.processes import Process
from controltower.domain.stages import Move, StageView, leg_rail, stage_rail, whose_move
from controltower.store.engine import Connection
from controltower.store.journeys import (
    IdentifierRow,
    JourneyRow,
    journey_events,
    journey_facts,
    journey_identifiers,
    journey_trace_ids,
)
from controltower.store.letter_rows import LetterRow
from controltower.store.letters import letters_of_journey
from controltower.store.membership import load_whole
from controltower.web.event_views import Day, by_day, view_events
from controltower.web.formatting import masked
from controltower.web.lanes import Lanes, build_lanes
from controltower.web.letter_cards import LetterCard, list_letter_cards
from controltower.web.trace_views import TraceCard, list_cards

MOVING = timedelta(hours=1)  # a journey that changed within this is looked at closely
POLL_CLOSELY = 3
POLL_LOOSELY = 60
MOST_EVENTS = 400
MOST_TRACES = 40

_BOND_TITLES = {
    Bond.ORDER: "Joins facts to this journey",
    Bond.LEG: "Names a leg of it",
    Bond.TRACE: "Traces",
    Bond.LABEL: "Finds it",
}


@dataclass(frozen=True, slots=True)
class Outline:
    """Enough of a journey to know whether its page has to be drawn anew."""

    row: JourneyRow
    journey: Journey
    process: Process | None
    rail: Sequence[StageView]
    trace_ids: Sequence[bytes]
    mark: str  # changes whenever what the page shows changes, the passing of time in words excepted
    poll_seconds: int  # 0 when nothing can change any more
    diagnosis: Diagnosis | None  # of the failure that holds it up
    leg_diagnoses: Sequence[Diagnosis | None]  # of each leg of the journey; None for one that does not fail
    letters: Sequence[LetterRow]


@dataclass(frozen=True, slots=True)
class IdentifierGroup:
    """Identifiers of one bond, with what that bond does."""

    title: str
    rows: tuple[tuple[IdentifierRow, str, str], ...]  # the row, its value as shown, where it leads


@dataclass(frozen=True, slots=True)
class LegCard:
    """One leg on the page."""

    kind: str
    leg: Leg
    numbers: tuple[str, ...]  # the other numbers that it goes by, with their kind
    rail: Sequence[StageView]
    diagnosis: Diagnosis | None  # of the failure that holds it up
    owner: str  # who has to put it right; "" when nobody is known


@dataclass(frozen=True, slots=True)
class JourneyView:
    """The whole page."""

    outline: Outline
    move: Move
    tone: str  # failed, late, or the status
    account: Account | None  # who says what; None when its process is not declared here
    legs: Sequence[LegCard]  # shown when there is more than one, or one that the stages do not tell of
    days: Sequence[Day]
    event_count: int
    hidden_events: int
    crowds: Sequence[Crowd]  # identifiers that can hardly be the number of one order
    lanes: Lanes
    identifiers: Sequence[IdentifierGroup]
    traces: Sequence[TraceCard]
    letters: Sequence[LetterCard]


def load_outline(
    c: Connection, journey_id: bytes, processes: Mapping[str, Process], book: RuleBook, at: datetime
) -> Outline:
    """The outline of a journey. Raises NotFound when there is none of this id."""
    row, journey = journey_facts(c, journey_id, processes)
    process = processes.get(row.process)
    rail = stage_rail(process, journey, at) if process else []
    trace_ids = journey_trace_ids(c, journey_id, limit=MOST_TRACES)
    states = "".join(view.state[0] for view in rail)
    diagnosis = _diagnosis(journey, book)
    leg_diagnoses = [_diagnosis(leg, book) for leg in journey.legs]
    letters = letters_of_journey(c, journey_id)
    changing = (diagnosis, leg_diagnoses, [(one.id, one.changed_at, one.state) for one in letters])
    said = blake2b(repr(changing).encode(), digest_size=4).hexdigest()
    return Outline(
        row=row,
        journey=journey,
        process=process,
        rail=rail,
        trace_ids=trace_ids,
        mark=f"{row.updated_at.timestamp():.6f}-{states}-{len(trace_ids)}-{said}",
        poll_seconds=_poll_seconds(row, letters, at),
        diagnosis=diagnosis,
        leg_diagnoses=leg_diagnoses,
        letters=letters,
    )


def load_journey(
    c: Connection, outline: Outline, processes: Mapping[str, Process], at: datetime, *, whole_names: bool
) -> JourneyView:
    """Everything that the page shows; `whole_names` is for those who may see e-mail addresses."""
    journey_id = outline.row.id
    facts = load_whole(c, journey_id).facts
    events = journey_events(c, journey_id)
    views = view_events(events, facts, outline.process)
    shown = views[-MOST_EVENTS:]
    return JourneyView(
        outline=outline,
        move=_move(outline, at),
        tone=_tone(outline),
        account=_account(outline, facts),
        legs=_legs(outline, at),
        days=by_day(shown),
        event_count=len(views),
        hidden_events=len(views) - len(shown),
        crowds=crowds_of((event.system, event.identifiers) for event in events),
        lanes=build_lanes(shown),
        identifiers=_groups(journey_identifiers(c, journey_id), whole_names=whole_names),
        traces=list_cards(c, outline.trace_ids),
        letters=list_letter_cards(c, outline.letters, processes),
    )


def _poll_seconds(row: JourneyRow, letters: Sequence[LetterRow], at: datetime) -> int:
    if any(letter.state in OUTSTANDING for letter in letters):
        return POLL_CLOSELY
    if row.status in ENDED:
        return 0
    return POLL_CLOSELY if at - row.updated_at <= MOVING else POLL_LOOSELY


def _diagnosis(one: Journey | Leg, book: RuleBook) -> Diagnosis | None:
    failure = one.failure
    if failure is None or one.status != FAILED_STATUS:
        return None
    return book.diagnose(failure.system, failure.code, failure.message)


def _move(outline: Outline, at: datetime) -> Move:
    if outline.process is None:
        return Move(
            "", f"The process {outline.row.process!r} is not declared here, so its stages are not known."
        )
    move = whose_move(outline.process, outline.journey, at)
    owner = outline.diagnosis.owner if outline.diagnosis else ""
    return move._replace(owner=owner) if owner else move


def _tone(outline: Outline) -> str:
    status = outline.journey.status
    if status in (FAILED_STATUS, *ENDED):
        return status
    return "late" if any(view.state == "late" for view in outline.rail) else status


def _account(outline: Outline, facts: Collection[Fact]) -> Account | None:
    if outline.process is None:
        return None
    return account_of(outline.process, facts, is_over=outline.journey.status == DONE)


def _legs(outline: Outline, at: datetime) -> list[LegCard]:
    process = outline.process
    if process is None:
        return []
    on_rail = {stage.leg for stage in process.stages if stage.leg}
    told = [
        (leg, diagnosis)
        for leg, diagnosis in zip(outline.journey.legs, outline.leg_diagnoses, strict=True)
        if leg.stage or leg.failure or leg.status != "in_flight" or process.legs[leg.kind].stages
    ]
    if len(told) < 2 and all(process.legs[leg.kind].name in on_rail for leg, _ in told):
        return []
    return [_leg_card(process, leg, diagnosis, at) for leg, diagnosis in told]


def _leg_card(process: Process, leg: Leg, diagnosis: Diagnosis | None, at: datetime) -> LegCard:
    numbers = (
        f"{kind.replace('_', ' ')} {value}" for kind, value in leg.identifiers if value != leg.title
    )
    return LegCard(
        kind=process.legs[leg.kind].title,
        leg=leg,
        numbers=tuple(numbers)[:4],
        rail=leg_rail(process, leg, at),
        diagnosis=diagnosis,
        owner=_owner(process, leg, diagnosis) if diagnosis else "",
    )


def _owner(process: Process, leg: Leg, diagnosis: Diagnosis) -> str:
    """Who puts a failure of a leg right: the rule's word, or else the owner of the stage that failed."""
    failed = leg.failure.stage if leg.failure else ""
    return diagnosis.owner or next((stage.owner for stage in process.steps if stage.name == failed), "")


def _groups(rows: Sequence[IdentifierRow], *, whole_names: bool) -> list[IdentifierGroup]:
    groups = []
    for bond, title in _BOND_TITLES.items():
        members = tuple(
            (
                row,
                row.value if whole_names else masked(row.value),
                f"/traces/{row.value}" if row.kind == TRACE else "",
            )
            for row in rows
            if row.bond is bond
        )
        if members:
            groups.append(IdentifierGroup(title, members))
    return groups
