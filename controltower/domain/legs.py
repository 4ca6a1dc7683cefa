"""Legs: the parts of a journey that move by themselves.

Facts that name the same shipment are one leg, and so are those that a fact joins which names one shipment by
two of its numbers. A fact that names several shipments is about each of them and joins none. All of it is a
function of the set of facts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from controltower.domain.facts import FAILED
from controltower.domain.identifiers import Identifier
from controltower.domain.outcomes import Fact, Failure, Track
from controltower.domain.processes import CANCELLED, COMPLETED, LegKind, Process

OPEN = "in_flight"
DONE = "done"


class Leg(NamedTuple):
    """One leg, as its facts tell it."""

    kind: int  # index into Process.legs
    title: str  # the number that people would call it by
    identifiers: tuple[Identifier, ...]  # sorted
    status: str  # in_flight, failed, done, cancelled, returned, refused
    stage: str  # the furthest of its stages that was reached, "" before any
    stage_since_us: int
    started_us: int
    reached: tuple[tuple[str, int], ...]  # (stage name, first reached), in the order of its stages
    failure: Failure | None  # the newest open one
    event_count: int
    is_listed: bool  # whether anything but its end was told of it

    @property
    def is_open(self) -> bool:
        """Whether anything is still expected of it."""
        return self.status in (OPEN, FAILED)


def find_legs(process: Process, told: Sequence[Fact]) -> tuple[Leg, ...]:
    """The legs of a journey, by kind and then by when they began; `told` is sorted."""
    return tuple(
        leg for number, kind in enumerate(process.legs) for leg in _legs_of_kind(process, number, kind, told)
    )


def _legs_of_kind(process: Process, number: int, kind: LegKind, told: Sequence[Fact]) -> list[Leg]:
    named = [(fact, _own(fact.legs, kind)) for fact in told if fact.legs]
    root: dict[Identifier, Identifier] = {}
    for _, own in named:
        for identifier in own:
            root.setdefault(identifier, identifier)
        if len({identifier.kind for identifier in own}) == len(own):
            for other in own[1:]:
                _unite(root, own[0], other)
    facts: dict[Identifier, list[Fact]] = {}
    members: dict[Identifier, list[Identifier]] = {}
    for identifier in root:
        members.setdefault(_find(root, identifier), []).append(identifier)
    for fact, own in named:
        for head in dict.fromkeys(_find(root, identifier) for identifier in own):
            facts.setdefault(head, []).append(fact)
    legs = [_leg(process, number, kind, sorted(members[head]), own) for head, own in facts.items()]
    return sorted(legs, key=lambda leg: (leg.started_us, leg.identifiers))


def _own(identifiers: Iterable[Identifier], kind: LegKind) -> list[Identifier]:
    return [i for i in identifiers if i.kind.rpartition(".")[2] in kind.kinds]


def _find(root: dict[Identifier, Identifier], identifier: Identifier) -> Identifier:
    while root[identifier] != identifier:
        root[identifier] = root[root[identifier]]  # halves the path of the next look
        identifier = root[identifier]
    return identifier


def _unite(root: dict[Identifier, Identifier], one: Identifier, other: Identifier) -> None:
    first, second = sorted((_find(root, one), _find(root, other)))
    root[second] = first


def _leg(
    process: Process, number: int, kind: LegKind, identifiers: Sequence[Identifier], told: Sequence[Fact]
) -> Leg:
    track = Track()
    ended: set[str] = set()
    is_listed = False
    for fact in told:
        reading = process.read(fact.type)
        is_listed = is_listed or reading.ends is None or reading.leg != number
        if reading.ends is not None:
            if reading.leg == number and fact.outcome != FAILED:
                ended.add(reading.ends)
        elif reading.stage is None or reading.stage in kind.stages:
            track.note(reading, fact)
    reached = [stage for stage in kind.stages if stage in track.reached]
    failure = track.open_failure(process)
    current = reached[-1] if reached else None
    return Leg(
        number,
        title_of(identifiers, kind),
        tuple(identifiers),
        _status(kind, track.reached, failure, ended),
        "" if current is None else process.steps[current].name,
        told[0].occurred_us if current is None else track.reached[current],
        told[0].occurred_us,
        tuple([(process.steps[stage].name, track.reached[stage]) for stage in reached]),
        failure,
        len(told),
        is_listed,
    )


def title_of(identifiers: Sequence[Identifier], kind: LegKind) -> str:
    """What people call a leg: an identifier of the kind that is named like it, else the least."""
    return min((i.kind.rpartition(".")[2] != kind.name, i.kind, i.value) for i in identifiers)[2]


def _status(kind: LegKind, reached: dict[int, int], failure: Failure | None, ended: set[str]) -> str:
    if CANCELLED in ended:
        return CANCELLED
    if failure is not None:
        return FAILED
    for outcome in ("refused", "returned"):
        if outcome in ended:
            return outcome
    if COMPLETED in ended or (kind.completed_by and kind.completed_by <= reached.keys()):
        return DONE
    return OPEN
