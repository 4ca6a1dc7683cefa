"""Process maps: what directly follows what on many journeys, and the variants that there are.

Everything here is a pure function of a set of trails: the order in which they are given does not matter.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import pairwise

from controltower.domain.quantiles import Spread, spread_of
from controltower.domain.steps import Step, Trail

# Beginnings and ends are drawn as well. No activity has such a name: event types hold no control characters.
START = "\0start"
END = "\0end"


@dataclass(frozen=True, slots=True)
class Activity:
    """Something that happens on journeys."""

    name: str
    journeys: int  # that have it
    steps: int  # how often it happened
    is_failed: bool
    systems: tuple[str, ...]  # that report it, sorted


@dataclass(frozen=True, slots=True)
class Transition:
    """One activity directly after another; from START and to END, how journeys begin and where they are."""

    before: str
    after: str
    count: int
    journeys: int
    gap: Spread | None  # None for those from START and to END


@dataclass(frozen=True, slots=True)
class Variant:
    """Journeys that have the same activities in the same order."""

    id: str
    activities: tuple[str, ...]
    journeys: tuple[bytes, ...]  # newest started first
    duration: Spread  # from the first step to the last


@dataclass(frozen=True, slots=True)
class ProcessMap:
    """What the trails tell; most frequent first, then by name."""

    activities: tuple[Activity, ...]
    transitions: tuple[Transition, ...]
    variants: tuple[Variant, ...]
    journeys: int  # that have a step
    without_steps: int  # journeys that have none, and are in nothing else here
    left_out: tuple[str, ...]  # activities that were passed over


def map_process(trails: Iterable[Trail], *, most_activities: int | None = None) -> ProcessMap:
    """The map of these trails, each journey at most once.

    With `most_activities`, only those that most journeys have are kept; what lies before and after an
    activity that is passed over then follow each other. Variants always are of all activities.
    """
    distinct = {trail.journey_id: trail for trail in trails}
    walked = [trail for trail in distinct.values() if trail.steps]
    activities = _activities(walked)
    kept = activities[:most_activities]
    names = {activity.name for activity in kept}
    return ProcessMap(
        activities=kept,
        transitions=_transitions(walked, names),
        variants=_variants(walked),
        journeys=len(walked),
        without_steps=len(distinct) - len(walked),
        left_out=tuple(sorted(activity.name for activity in activities[len(kept) :])),
    )


def variant_id(activities: Sequence[str]) -> str:
    """What a variant is called in addresses: the same activities in the same order, the same id."""
    told = "\0".join(activities).encode("utf-8", "surrogatepass")
    return blake2b(told, digest_size=6).hexdigest()


def transitions_of(trail: Trail, kept: Collection[str]) -> list[tuple[str, str]]:
    """What follows what on one journey, from START to END, as if it had only the activities that are kept."""
    names = [step.activity for step in trail.steps if step.activity in kept]
    return list(pairwise([START, *names, END])) if names else []


def _activities(trails: Collection[Trail]) -> tuple[Activity, ...]:
    journeys: Counter[str] = Counter()
    steps: Counter[str] = Counter()
    failed: set[str] = set()
    systems: defaultdict[str, set[str]] = defaultdict(set)
    for trail in trails:
        journeys.update({step.activity for step in trail.steps})
        for step in trail.steps:
            steps[step.activity] += 1
            systems[step.activity].add(step.system)
            if step.is_failed:
                failed.add(step.activity)
    ranked = sorted(journeys, key=lambda name: (-journeys[name], name))
    return tuple(
        Activity(name, journeys[name], steps[name], name in failed, tuple(sorted(systems[name])))
        for name in ranked
    )


def _transitions(trails: Iterable[Trail], kept: Collection[str]) -> tuple[Transition, ...]:
    count: Counter[tuple[str, str]] = Counter()
    journeys: Counter[tuple[str, str]] = Counter()
    gaps: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for trail in trails:
        pairs = transitions_of(trail, kept)
        count.update(pairs)
        journeys.update(set(pairs))
        times = [step.at_us for step in trail.steps if step.activity in kept]
        for pair, (at_us, next_us) in zip(pairs[1:-1], pairwise(times), strict=True):
            gaps[pair].append(next_us - at_us)
    ranked = sorted(count, key=lambda pair: (-count[pair], pair))
    return tuple(Transition(*pair, count[pair], journeys[pair], spread_of(gaps[pair])) for pair in ranked)


def _variants(trails: Iterable[Trail]) -> tuple[Variant, ...]:
    found: defaultdict[tuple[str, ...], list[Trail]] = defaultdict(list)
    for trail in trails:
        found[tuple([step.activity for step in trail.steps])].append(trail)
    ranked = sorted(found, key=lambda activities: (-len(found[activities]), activities))
    return tuple(_variant(activities, found[activities]) for activities in ranked)


def _variant(activities: tuple[str, ...], trails: list[Trail]) -> Variant:
    trails.sort(key=lambda trail: (trail.started_us, trail.journey_id), reverse=True)
    duration = spread_of(_duration(trail.steps) for trail in trails)
    assert duration is not None
    return Variant(
        variant_id(activities), activities, tuple([trail.journey_id for trail in trails]), duration
    )


def _duration(steps: Sequence[Step]) -> int:
    return steps[-1].at_us - steps[0].at_us
