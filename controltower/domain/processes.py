"""Processes: the declared shape of a kind of journey. See domain.process_files for how one is written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cached_property
from typing import Literal

FAILURE_SUFFIXES = ("failed", "rejected")
MAX_REMEMBERED = 10_000  # event types; senders choose them
MAX_REMEMBERED_TYPES = 32  # of one journey

Outcome = Literal["completed", "cancelled", "returned", "refused"]
COMPLETED: Outcome = "completed"
CANCELLED: Outcome = "cancelled"
RETURNED: Outcome = "returned"
REFUSED: Outcome = "refused"
REFUNDED = "refunded"
SETTLED = "settled"
"""Steps of the way of the money that others are compared with."""

ANY = "*"
"""As a system of record: whichever system spoke first."""
FIRST, LAST = "first:", "last:"
"""Before an event type, as a system of record: whichever told the thing first, or last, by such an event."""

OUTCOMES: tuple[Outcome, ...] = (CANCELLED, COMPLETED, RETURNED, REFUSED)


@dataclass(frozen=True, slots=True)
class Stage:
    """A milestone of a process, or of one of its kinds of legs."""

    name: str
    title: str
    owner: str
    events: tuple[str, ...]
    usual: timedelta | None = None  # normal time after the stage before it
    leg: str = ""  # the kind of leg that passes it by itself; "" for the journey as a whole
    is_optional: bool = False  # nobody waits for it
    alternative: str = ""  # stages that share this word stand for one another
    is_once: bool = False  # told twice by one system, the second is a duplicate submission


@dataclass(frozen=True, slots=True)
class LegKind:
    """A part of a journey that moves by itself: a shipment, a line, a return."""

    name: str
    title: str
    plural: str
    kinds: frozenset[str]  # of identifiers that tell its legs apart; a dotted kind counts by its last part
    stages: tuple[int, ...]  # indexes into Process.steps, in their order
    completed_by: frozenset[int]  # indexes into Process.steps that must all be reached
    ends: Mapping[Outcome, tuple[str, ...]]  # event types that end one
    holds: bool  # while one is open, the journey is
    is_whole: bool  # when all of them are cancelled, returned or refused, so is the journey


@dataclass(frozen=True, slots=True)
class Reading:
    """What an event type says: the stage it is about, whether it failed there, what it ends."""

    stage: int | None = None  # index into Process.steps
    failed: bool = False
    ends: Outcome | None = None
    leg: int | None = None  # the kind of leg that it ends; None for the journey
    amends: bool = False
    money: str = ""  # the step of the way of the money whose sums it tells
    claims: bool = False  # a journey with such an event follows this process and no other


NOTHING = Reading()
"""What a type says that a process does not know."""


@dataclass(frozen=True)
class Process:
    """A declared process. Two of the same name and version fold alike."""

    name: str
    title: str
    version: int
    stages: tuple[Stage, ...]
    completed_by: frozenset[int]  # indexes of the stages that must all be reached
    ends: Mapping[Outcome, tuple[str, ...]]  # event types that end the journey by themselves
    legs: tuple[LegKind, ...] = ()
    leg_stages: tuple[Stage, ...] = ()  # stages of legs that are no milestones of the journey
    amended_by: tuple[str, ...] = ()
    chosen_by: tuple[str, ...] = ()  # event types that make a journey follow this process and no other
    channels: tuple[str, ...] = ()  # sales channels that do
    is_default: bool = False  # of equals this one, so also for journeys that no process knows anything of
    records: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # attribute -> who decides it
    tolerances: Mapping[str, str] = field(default_factory=dict)  # attribute -> a number, or a share with %
    channel_tolerances: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # by channel, the same
    money: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # step -> events that tell its sums
    _readings: dict[str, Reading] = field(default_factory=dict, compare=False, repr=False)

    @cached_property
    def steps(self) -> tuple[Stage, ...]:
        """Every stage: those of the journey, then those that only legs have."""
        return self.stages + self.leg_stages

    def read(self, event_type: str) -> Reading:
        """What `event_type` says in this process; NOTHING when it says nothing."""
        reading = self._readings.get(event_type)
        if reading is None:
            if len(self._readings) > MAX_REMEMBERED:
                self._readings.clear()
            plain, failed = _without_failure(event_type.casefold())
            reading = self._interpret(plain, failed=failed)
            if matches(plain, self.chosen_by):
                reading = replace(reading, claims=True)
            for step, events in self.money.items():
                if matches(plain, events) and not failed:
                    reading = replace(reading, money=step)
            self._readings[event_type] = reading
        return reading

    def tolerance(self, name: str, channel: str) -> str:
        """The tolerance of an attribute on journeys of a sales channel, as declared; "0" when none is."""
        own = self.channel_tolerances.get(channel.casefold(), {})
        return own.get(name, self.tolerances.get(name, "0"))

    def is_satisfied(self, stage: int, reached: Iterable[int]) -> bool:
        """Whether a stage of the journey, or one that stands for it, is among those reached."""
        alternative = self.stages[stage].alternative
        return any(
            index == stage or (alternative and self.steps[index].alternative == alternative)
            for index in reached
        )

    def _interpret(self, plain: str, *, failed: bool) -> Reading:
        for outcome, events in self.ends.items():
            if matches(plain, events):
                return NOTHING if failed else Reading(ends=outcome)
        for number, leg in enumerate(self.legs):
            for outcome, events in leg.ends.items():
                if matches(plain, events):
                    return NOTHING if failed else Reading(ends=outcome, leg=number)
        if matches(plain, self.amended_by):
            return Reading(failed=failed, amends=not failed)
        for index, stage in enumerate(self.steps):
            if matches(plain, stage.events):
                return Reading(stage=index, failed=failed)
        return Reading(failed=True) if failed else NOTHING


def _without_failure(event_type: str) -> tuple[str, bool]:
    stem, _, last = event_type.rpartition(".")
    if last in FAILURE_SUFFIXES and stem:
        return stem, True
    return event_type, False


def matches(event_type: str, declared: Iterable[str]) -> bool:
    """Whether a type is one of the declared ones, or ends in a dot and one of them."""
    return any(event_type == one or event_type.endswith("." + one) for one in declared)


class ProcessBook(dict[str, Process]):
    """The declared processes by name, and the choice among them for a journey."""

    def __init__(self, processes: Mapping[str, Process]) -> None:
        super().__init__(processes)
        self._channels = frozenset(channel for process in self.values() for channel in process.channels)
        self._choices: dict[tuple[str, ...], Process] = {}

    def choose(self, event_types: Iterable[str], channels: Iterable[str] = ()) -> Process:
        """The process of a journey with these events.

        A process that claims one of the types, or else one of the channels, for itself comes first; else the
        one that most of the events speak of; of equals one that claims nothing, then the default one, then
        the first by name. There must be one.
        """
        types = sorted(event_types)
        told = {channel.casefold() for channel in channels} & self._channels if self._channels else set()
        key = (*types, "\0", *sorted(told))
        # Long journeys are rarely alike, and their keys would fill the memory.
        is_short = len(types) <= MAX_REMEMBERED_TYPES
        chosen = self._choices.get(key) if is_short else None
        if chosen is None:
            chosen = max(
                sorted(self.values(), key=lambda one: one.name), key=lambda one: _claim(one, types, told)
            )
            if is_short:
                if len(self._choices) > MAX_REMEMBERED:
                    self._choices.clear()
                self._choices[key] = chosen
        return chosen


def _claim(process: Process, types: Iterable[str], channels: set[str]) -> tuple[bool, bool, int, bool, bool]:
    readings = [process.read(event_type) for event_type in types]
    return (
        any(reading.claims for reading in readings),
        not channels.isdisjoint(process.channels),
        sum(_weight(process, reading) for reading in readings),
        not (process.chosen_by or process.channels),
        process.is_default,
    )


def _weight(process: Process, reading: Reading) -> int:
    """How much an event speaks for a process: a milestone of it more than what happens to its legs."""
    if reading is NOTHING:
        return 0
    is_milestone = reading.stage is not None and reading.stage < len(process.stages)
    return 2 if is_milestone or (reading.ends is not None and reading.leg is None) else 1


def book_of(processes: Mapping[str, Process]) -> ProcessBook:
    """These processes as a book; one that is a book already keeps what it remembers."""
    return processes if isinstance(processes, ProcessBook) else ProcessBook(processes)
