"""Reading journeys: lists, one by any of its identifiers, and everything that is known of one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from controltower.domain.errors import NotFound
from controltower.domain.identifiers import Bond, Identifier, bond_of
from controltower.domain.journeys import Failure, Journey, fold
from controltower.domain.processes import Process
from controltower.domain.times import from_us, to_us
from controltower.store.components import read_identifiers
from controltower.store.journey_lists import (
    JourneyFilter,
    JourneyPage,
    is_broad,
    list_journeys,
    page_of_journeys,
)
from controltower.store.journey_rows import FailureRow, JourneyRow
from controltower.store.membership import find_shown, in_chunks, load_whole, rows_in
from controltower.store.packing import unpack
from controltower.store.tables import event, identifier, journey, label, trace_link

__all__ = [
    "EventPayload",
    "EventRow",
    "FailureRow",
    "IdentifierRow",
    "JourneyFilter",
    "JourneyPage",
    "JourneyRow",
    "event_payload",
    "find_journey",
    "find_journeys",
    "is_broad",
    "journey_events",
    "journey_facts",
    "journey_identifiers",
    "journey_trace_ids",
    "list_journeys",
    "page_of_journeys",
    "unchanged_journeys",
]

_EVENT_COLUMNS = tuple(column for column in event.c if column.name != "payload")


@dataclass(frozen=True, slots=True)
class IdentifierRow:
    """An identifier of a journey."""

    kind: str
    value: str
    key: bytes
    bond: Bond


@dataclass(frozen=True, slots=True)
class EventRow:
    """A stored event without its payload."""

    anchor: bytes
    digest: bytes
    source: str
    id: str
    type: str
    system: str
    occurred_at: datetime
    received_at: datetime
    outcome: str
    trace_id: bytes | None
    identifiers: tuple[Identifier, ...]
    content_type: str


@dataclass(frozen=True, slots=True)
class EventPayload:
    """An event as it came."""

    source: str
    id: str
    content_type: str
    body: bytes


def find_journey(c: Connection, key: bytes) -> JourneyRow | None:
    """The journey of an identifier's key or of a journey's own id.

    A leg or trace leads to the journey that owns it (of several to that with the least id), and to itself
    while nothing owns it.
    """
    return find_journeys(c, (key,)).get(key)


def find_journeys(c: Connection, keys: Iterable[bytes]) -> dict[bytes, JourneyRow]:
    """`find_journey` for many keys at once; keys that lead nowhere are left out."""
    return find_shown(c, set(keys))


def unchanged_journeys(c: Connection, journey_ids: Iterable[bytes], since: datetime) -> set[bytes]:
    """Those of these journeys that are still there and that nothing changed since."""
    found: set[bytes] = set()
    for chunk in in_chunks(sorted(journey_ids)):
        query = select(journey.c.id).where(journey.c.id.in_(chunk), journey.c.updated_us < to_us(since))
        found.update(bytes(one) for one in c.execute(query).scalars())
    return found


def journey_identifiers(c: Connection, journey_id: bytes) -> list[IdentifierRow]:
    """Every identifier of the journey, then of its legs and traces, then its labels; by kind and value."""
    whole = load_whole(c, journey_id)
    found: set[tuple[Bond, str, str, bytes]] = set()
    for table, by in ((identifier, identifier.c.key), (label, label.c.anchor)):
        for chunk in in_chunks(sorted(whole.keys)):
            rows = c.execute(select(table.c.kind, table.c.value, table.c.key).where(by.in_(chunk)))
            found.update((bond_of(row.kind), row.kind, row.value, row.key) for row in rows)
    return [IdentifierRow(kind, value, key, bond) for bond, kind, value, key in sorted(found)]


def journey_events(c: Connection, journey_id: bytes) -> list[EventRow]:
    """The events of the journey, its legs and its traces, by the time their sources gave them."""
    rows: list[EventRow] = []
    for chunk in in_chunks(sorted(load_whole(c, journey_id).keys)):
        found = c.execute(select(*_EVENT_COLUMNS).where(event.c.anchor.in_(chunk)))
        rows.extend(
            EventRow(
                anchor=row.anchor,
                digest=row.digest,
                source=row.source,
                id=row.id,
                type=row.type,
                system=row.system,
                occurred_at=from_us(row.occurred_us),
                received_at=from_us(row.received_us),
                outcome=row.outcome,
                trace_id=row.trace_id,
                identifiers=tuple(read_identifiers(row.identifiers)),
                content_type=row.content_type,
            )
            for row in found
        )
    return sorted(rows, key=lambda row: (row.occurred_at, row.digest))


def event_payload(c: Connection, anchor: bytes, digest: bytes) -> EventPayload | None:
    """The bytes of one event, as they came."""
    query = select(event.c.source, event.c.id, event.c.content_type, event.c.payload)
    row = c.execute(query.where(event.c.anchor == anchor, event.c.digest == digest)).one_or_none()
    return None if row is None else EventPayload(row.source, row.id, row.content_type, unpack(row.payload))


def journey_trace_ids(c: Connection, journey_id: bytes, *, limit: int = 100) -> list[bytes]:
    """At most `limit` traces that belong to the journey; those that its events name come first."""
    whole = load_whole(c, journey_id)
    facts = sorted(whole.facts)
    found = dict.fromkeys(fact.trace_id for fact in facts if fact.trace_id)
    for chunk in in_chunks(sorted(whole.keys)):
        query = select(trace_link.c.trace_id).where(trace_link.c.key.in_(chunk))
        found.update(dict.fromkeys(c.execute(query.order_by(trace_link.c.trace_id).limit(limit)).scalars()))
    return list(found)[:limit]


def journey_facts(
    c: Connection, journey_id: bytes, processes: Mapping[str, Process]
) -> tuple[JourneyRow, Journey]:
    """The journey as stored, and as its facts fold now; NotFound when there is no journey of this id."""
    row = rows_in(c, {journey_id}).get(journey_id)
    if row is None:
        raise NotFound(f"there is no journey {journey_id.hex()}")
    process = processes.get(row.process)
    facts = load_whole(c, journey_id).facts
    if process is None or not facts:
        return row, _as_stored(row)
    return row, fold(process, facts)


def _as_stored(row: JourneyRow) -> Journey:
    """What the row alone tells: its process is no longer declared, or only spans name it."""
    failure = row.failure
    return Journey(
        process=row.process,
        process_version=0,
        status=row.status,
        stage=row.stage,
        stage_since_us=to_us(row.stage_since_at),
        started_us=to_us(row.started_at),
        last_event_us=to_us(row.last_event_at),
        reached=((row.stage, to_us(row.stage_since_at)),) if row.stage else (),
        failure=None
        if failure is None
        else Failure(failure.stage, failure.system, failure.code, failure.message, to_us(failure.failed_at)),
        systems=row.systems,
        channel=row.channel,
        amount=row.amount,
        currency=row.currency,
        customer=row.customer,
        reported_status=row.reported_status,
        event_count=row.event_count,
        conflicts=0,
    )
