"""Reading the process map of a window, and two journeys to compare."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from controltower.domain.comparison import Comparison, compare
from controltower.domain.process_map import ProcessMap, map_process, transitions_of
from controltower.domain.processes import Process
from controltower.domain.steps import Step, list_steps
from controltower.services.flows import JourneysRead, journeys_read, trail_of
from controltower.store.engine import Connection, Database, reading
from controltower.store.figures import counts
from controltower.store.journey_rows import JourneyRow
from controltower.store.journey_samples import load_facts, sample_started


@dataclass(frozen=True, slots=True)
class ProcessReading:
    """A process map and the journeys that it was made of."""

    map: ProcessMap
    walked: Mapping[bytes, frozenset[tuple[str, str]]]  # each journey's transitions; newest started first
    read: JourneysRead


@dataclass(frozen=True, slots=True)
class ComparedJourneys:
    """Two journeys and their steps beside each other."""

    a: JourneyRow
    b: JourneyRow
    comparison: Comparison


def load_process_map(
    db: Database,
    processes: Mapping[str, Process],
    process: str,
    since_at: datetime,
    until_at: datetime,
    *,
    most: int,
    by_stage: bool,
    most_activities: int,
) -> ProcessReading:
    """The map of journeys of a process that started within [since, until), from at most `most` of them."""
    with reading(db) as c:
        # Without a filter the index alone tells which journeys there are.
        is_only = all(name == process for name, _ in counts(c, "status"))
        sample = sample_started(c, since_at, until_at, most=most, process="" if is_only else process)
    declared = processes.get(process)
    trails = [trail_of(one, declared, by_stage=by_stage) for one in sample.journeys]
    found = map_process(trails, most_activities=most_activities)
    names = {activity.name for activity in found.activities}
    return ProcessReading(
        map=found,
        walked={trail.journey_id: frozenset(transitions_of(trail, names)) for trail in trails},
        read=journeys_read(sample),
    )


def compare_journeys(
    c: Connection, a: JourneyRow, b: JourneyRow, processes: Mapping[str, Process], *, by_stage: bool
) -> ComparedJourneys:
    """Both journeys, event by event or stage by stage."""
    facts = load_facts(c, {a.id, b.id})

    def steps(row: JourneyRow) -> tuple[Step, ...]:
        return list_steps(facts.get(row.id, ()), processes.get(row.process), by_stage=by_stage)

    return ComparedJourneys(a, b, compare(steps(a), steps(b)))
