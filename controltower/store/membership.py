"""Which components make up a journey, and which journey a component shows on.

Ties are stored as identifier keys, not as component ids, because components merge and change their ids while
keys stay; so every step resolves keys through the identifier table first.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from sqlalchemy import ColumnElement, Connection, select

from controltower.domain.journeys import Fact
from controltower.store.components import State, read_state
from controltower.store.journey_rows import COLUMNS, JourneyRow, journey_row
from controltower.store.tables import identifier, journey

CHUNK = 500  # keys in one IN list
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Whole:
    """A journey with the legs and traces that show on it."""

    ids: tuple[bytes, ...]  # of its components, its own first
    keys: frozenset[bytes]  # of all of them; facts are anchored at these
    facts: tuple[Fact, ...]


class Place(NamedTuple):
    """A component, and just enough of it to rank it among others."""

    id: bytes
    hidden: bool
    started_us: int
    event_count: int


def in_chunks(items: Iterable[T], size: int = CHUNK) -> Iterator[Sequence[T]]:
    """The items in their order, `size` at a time."""
    rest = list(items)
    for start in range(0, len(rest), size):
        yield rest[start : start + size]


def component_ids(c: Connection, keys: Collection[bytes]) -> dict[bytes, bytes]:
    """The component of each identifier key that the store knows."""
    found: dict[bytes, bytes] = {}
    for chunk in in_chunks(keys):
        rows = c.execute(select(identifier.c.key, identifier.c.journey_id).where(identifier.c.key.in_(chunk)))
        found.update((row.key, row.journey_id) for row in rows)
    return found


def load_whole(c: Connection, journey_id: bytes) -> Whole:
    """The journey and, however many steps down, everything that shows on it."""
    states: dict[bytes, State] = {}
    wanted = {journey_id}
    while wanted:
        loaded = load_states(c, wanted)
        states.update(loaded)
        members = {key for state in loaded.values() for key in state.members}
        wanted = set(component_ids(c, members).values()) - states.keys() if members else set()
    return Whole(
        ids=tuple(states),
        # An event that knows only what a component is called is anchored at the component's id.
        keys=frozenset(key for state in states.values() for key in state.keys) | states.keys(),
        facts=tuple({fact.digest: fact for state in states.values() for fact in state.facts}.values()),
    )


def load_states(c: Connection, ids: Collection[bytes]) -> dict[bytes, State]:
    """What is kept of each of these components, of those that are there."""
    states: dict[bytes, State] = {}
    for chunk in in_chunks(sorted(ids)):
        rows = c.execute(select(journey.c.id, journey.c.state).where(journey.c.id.in_(chunk)))
        states.update((row.id, read_state(row.state)) for row in rows)
    return states


def find_shown(c: Connection, keys: Collection[bytes]) -> dict[bytes, JourneyRow]:
    """The journey on which the facts of each key are shown, for keys that lead to one; see `place`."""
    places = place(c, keys)
    rows = rows_in(c, {spot.id for spot in places.values()})
    return {key: rows[spot.id] for key, spot in places.items() if spot.id in rows}


def place(c: Connection, keys: Collection[bytes]) -> dict[bytes, Place]:
    """Where the facts of each key are shown, for keys that lead anywhere.

    A key is an identifier's or a component's own id. Of several owners the least id is taken, and a component
    without an owner is shown as itself.
    """
    homes = component_ids(c, keys)
    places = _places(c, {homes.get(key, key) for key in keys})
    owners = _owners(c, [spot.id for spot in places.values() if spot.hidden])
    return {key: owners.get(home, places[home]) for key in keys if (home := homes.get(key, key)) in places}


def _owners(c: Connection, hidden: Iterable[bytes]) -> dict[bytes, Place]:
    """For each hidden component the shown journey with the least id, on the first step up that has one."""
    found: dict[bytes, Place] = {}
    level = {component: {component} for component in hidden}
    seen = {component: {component} for component in level}
    while level:
        states = load_states(c, set().union(*level.values()))
        homes = component_ids(c, {key for state in states.values() for key in state.owners})
        places = _places(c, set(homes.values()))
        above: dict[bytes, set[bytes]] = {}
        for component, below in level.items():
            keys = {key for one in below if one in states for key in states[one].owners}
            owners = {homes[key] for key in keys if key in homes} - seen[component]
            shown = [places[one] for one in owners if one in places and not places[one].hidden]
            if shown:
                found[component] = min(shown)
            elif owners:
                seen[component] |= owners
                above[component] = owners
        level = above
    return found


def _places(c: Connection, ids: Collection[bytes]) -> dict[bytes, Place]:
    found: dict[bytes, Place] = {}
    columns = [journey.c[name] for name in Place._fields]
    for chunk in in_chunks(sorted(ids)):
        rows = c.execute(select(*columns).where(journey.c.id.in_(chunk)))
        found.update((row.id, Place(*row)) for row in rows)
    return found


def rows_in(
    c: Connection, ids: Collection[bytes], *conditions: ColumnElement[bool]
) -> dict[bytes, JourneyRow]:
    """The rows of these components, as far as they exist and meet every condition."""
    found: dict[bytes, JourneyRow] = {}
    for chunk in in_chunks(sorted(ids)):
        rows = c.execute(select(*COLUMNS).where(journey.c.id.in_(chunk), *conditions))
        found.update((row.id, journey_row(row)) for row in rows)
    return found
