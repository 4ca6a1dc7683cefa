"""Journeys of a window with all their facts: a bounded number of them, spread evenly over all there are.

What a map costs must not grow with what is stored. So at most `LOOKED_THROUGH` journeys are looked at, newest
started first, and of those that belong to the window at most so many are read, every n-th one: reading only
the newest would show journeys that have hardly begun. Whatever was not looked at, the sample says.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import ColumnElement, Connection, or_, select

from controltower.domain.journeys import Fact
from controltower.domain.times import from_us, to_us
from controltower.store.components import State, read_state
from controltower.store.membership import component_ids, in_chunks, load_states
from controltower.store.tables import journey

LOOKED_THROUGH = 20_000
T = TypeVar("T")
MOST_EVENTS = 1_000  # of one journey; what is longer is no normal journey, and would cost as much as many


class SampledJourney(NamedTuple):
    """A journey and the facts that show on it, those of its legs and traces included."""

    id: bytes
    process: str
    started_us: int
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class JourneySample:
    """Some journeys of a window, newest started first."""

    journeys: tuple[SampledJourney, ...]
    found: int  # journeys of the window among those that were looked at
    looked_back_to: (
        datetime | None
    )  # None: every journey of the window was looked at; else older ones were not
    too_long: int  # chosen journeys with more than MOST_EVENTS events, which are left out

    @property
    def is_whole(self) -> bool:
        """True when every journey of the window is here."""
        return len(self.journeys) == self.found and self.looked_back_to is None and not self.too_long


def sample_started(
    c: Connection, since_at: datetime, until_at: datetime, *, most: int, process: str = ""
) -> JourneySample:
    """Journeys, of one process or of all, that started within [since, until)."""
    since = journey.c.started_us >= to_us(since_at)
    narrower = [journey.c.process == process] if process else []
    return _sample(c, until_at, [since], narrower, most)


def sample_active(c: Connection, since_at: datetime, until_at: datetime, *, most: int) -> JourneySample:
    """Journeys that started before `until` and had their last event at `since` or later."""
    since_us = to_us(since_at)
    # The index tells when a journey started; only for older ones the row has to be looked at.
    heard_of = or_(journey.c.started_us >= since_us, journey.c.last_event_us >= since_us)
    return _sample(c, until_at, [], [heard_of], most)


def load_facts(c: Connection, ids: Collection[bytes]) -> dict[bytes, tuple[Fact, ...]]:
    """All facts of each of these journeys, legs and traces included; in a few statements however many."""
    return _with_members(c, load_states(c, ids))


def _with_members(c: Connection, roots: dict[bytes, State]) -> dict[bytes, tuple[Fact, ...]]:
    states, loaded = dict(roots), roots
    homes: dict[bytes, bytes] = {}
    while loaded:
        members = {key for state in loaded.values() for key in state.members} - homes.keys()
        homes.update(component_ids(c, members))
        loaded = load_states(c, {homes[key] for key in members if key in homes} - states.keys())
        states.update(loaded)
    return {id: _facts_below(id, states, homes) for id in roots}


def _facts_below(root: bytes, states: dict[bytes, State], homes: dict[bytes, bytes]) -> tuple[Fact, ...]:
    facts: dict[bytes, Fact] = {}
    pending, seen = [root], {root}
    while pending:
        state = states.get(pending.pop())
        if state is None:
            continue
        facts.update((fact.digest, fact) for fact in state.facts)
        below = {homes[key] for key in state.members if key in homes} - seen
        seen |= below
        pending.extend(below)
    return tuple(facts.values())


def _sample(
    c: Connection,
    until_at: datetime,
    conditions: Iterable[ColumnElement[bool]],
    narrower: Iterable[ColumnElement[bool]],
    most: int,
) -> JourneySample:
    among = [journey.c.hidden.is_(False), journey.c.started_us < to_us(until_at), *conditions]
    newest = (journey.c.started_us.desc(), journey.c.id.desc())
    # The index alone tells how far back the journeys reach that may be looked at.
    edge = c.execute(
        select(journey.c.started_us).where(*among).order_by(*newest).offset(LOOKED_THROUGH).limit(1)
    ).scalar_one_or_none()
    reach = [] if edge is None else [journey.c.started_us > edge]
    query = select(journey.c.id).where(*among, *reach, *narrower)
    found = c.execute(query.order_by(*newest).limit(LOOKED_THROUGH)).scalars().all()
    chosen = _load(c, spread_evenly(found, most))
    journeys = [one for one in chosen if one is not None]
    journeys.sort(key=lambda one: (one.started_us, one.id), reverse=True)
    return JourneySample(
        journeys=tuple(journeys),
        found=len(found),
        looked_back_to=None if edge is None else from_us(edge + 1),
        too_long=len(chosen) - len(journeys),
    )


def _load(c: Connection, ids: Collection[bytes]) -> list[SampledJourney | None]:
    """These journeys; None for each that is too long."""
    rows: list[Any] = []
    columns = (journey.c.id, journey.c.process, journey.c.started_us, journey.c.event_count, journey.c.state)
    for chunk in in_chunks(ids):
        rows += c.execute(select(*columns).where(journey.c.id.in_(chunk))).all()
    short = {row.id: read_state(row.state) for row in rows if row.event_count <= MOST_EVENTS}
    facts = _with_members(c, short)
    return [
        SampledJourney(row.id, row.process, row.started_us, facts[row.id]) if row.id in facts else None
        for row in rows
    ]


def spread_evenly(items: Sequence[T], most: int) -> Sequence[T]:
    """At most so many of the items, from all over the list and in its order, the first one among them."""
    if len(items) <= most:
        return items
    return [items[index * len(items) // most] for index in range(most)]
