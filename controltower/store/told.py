"""Everything that one source told, event by event, for reports over all of it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, func, or_, select

from controltower.domain.identifiers import Identifier
from controltower.store.components import read_identifiers, read_state
from controltower.store.membership import component_ids, in_chunks
from controltower.store.packing import unpack
from controltower.store.tables import event, identifier, journey

_AT_ONCE = 2_000


class ToldEvent(NamedTuple):
    """An event, and the component that it is at home in."""

    component: bytes  # b"" when it names nothing that joins
    id: str
    type: str
    occurred_us: int
    identifiers: list[Identifier]
    payload: bytes  # as it came; b"" unless asked for


def list_sources_told(c: Connection) -> list[tuple[str, int]]:
    """Every CloudEvents source with the number of its events, by name."""
    query = select(event.c.source, func.count()).group_by(event.c.source).order_by(event.c.source)
    return [(source, total) for source, total in c.execute(query)]


def events_told(
    c: Connection, source: str, *, types: Collection[str] = (), with_payload: bool = False
) -> Iterator[ToldEvent]:
    """The events of a source (of all when empty), in no particular order and never all at once in memory.

    A type matches one of `types` when it equals it or ends with a dot and it. Every event is looked at: the
    cost follows what is stored.
    """
    columns = [
        identifier.c.journey_id,
        event.c.id,
        event.c.type,
        event.c.occurred_us,
        event.c.identifiers,
        *([event.c.payload] if with_payload else []),
    ]
    query = select(*columns).select_from(event.outerjoin(identifier, identifier.c.key == event.c.anchor))
    if source:
        query = query.where(event.c.source == source)
    if types:
        query = query.where(_is_of(types))
    for row in c.execute(query.execution_options(yield_per=_AT_ONCE)):
        yield ToldEvent(
            row.journey_id or b"",
            row.id,
            row.type,
            row.occurred_us,
            read_identifiers(row.identifiers),
            unpack(row.payload) if with_payload else b"",
        )


def count_conflicts(c: Connection, source: str, types: Collection[str] = ()) -> int:
    """How many events say something else under an id that another event of their source has."""
    more = (func.count() - 1).label("more")
    of_one_id = select(more).select_from(event).group_by(event.c.source, event.c.id)
    if source:
        of_one_id = of_one_id.where(event.c.source == source)
    if types:
        of_one_id = of_one_id.where(_is_of(types))
    several = of_one_id.having(func.count() > 1).subquery()
    return int(c.execute(select(func.coalesce(func.sum(several.c.more), 0))).scalar_one())


def _is_of(types: Collection[str]) -> ColumnElement[bool]:
    either = [
        condition
        for kind in types
        for condition in (event.c.type == kind, event.c.type.endswith("." + kind, autoescape=True))
    ]
    return or_(*either)


def owners_of(c: Connection, components: Collection[bytes]) -> dict[bytes, list[bytes]]:
    """For each of these that shows on journeys, the ids of those journeys, sorted; others are left out."""
    owners: dict[bytes, list[bytes]] = {}
    for chunk in in_chunks(sorted(components)):
        query = select(journey.c.id, journey.c.state).where(journey.c.id.in_(chunk), journey.c.hidden)
        keys = {row.id: read_state(row.state).owners for row in c.execute(query)}
        homes = component_ids(c, {key for some in keys.values() for key in some})
        owners.update(
            (component, sorted({homes[key] for key in some if key in homes}))
            for component, some in keys.items()
        )
    return owners


def statuses_of(c: Connection, journeys: Collection[bytes]) -> dict[bytes, tuple[str, str]]:
    """The status of each of these journeys and the newest status word that a system reported."""
    found: dict[bytes, tuple[str, str]] = {}
    for chunk in in_chunks(sorted(journeys)):
        query = select(journey.c.id, journey.c.status, journey.c.reported_status)
        rows = c.execute(query.where(journey.c.id.in_(chunk)))
        found.update((row.id, (row.status, row.reported_status)) for row in rows)
    return found
