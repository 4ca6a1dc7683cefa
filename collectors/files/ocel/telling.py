"""From an event of a staged log to the events that the tower keeps."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from collectors.cloudevents import JSON_EVENT, event_from_attributes
from collectors.files.ocel.reach import Reach
from collectors.files.ocel.roles import Roles
from collectors.files.ocel.staging import Staged, StagedEvent
from controltower.domain.errors import BadPayload
from controltower.domain.facts import Event, Quarantined
from controltower.domain.times import from_us

EDGE = "ocel"
MOST_LEGS = 200  # that one event tells of beside its own objects; an event may have 256 identifiers
MAX_EVENT = 1024 * 1024
MAX_KEPT = 64 * 1024  # of one that is refused


class Teller:
    """Makes events of the events of one log."""

    def __init__(self, log: Staged, roles: Roles, reach: Reach, source: str) -> None:
        self._roles = roles
        self._source = f"ocel/{source}"
        self._types = _Types(log.connection)
        self._extra = _ExtraLegs(log.connection)
        self.untold_links = self._extra.plan(reach.untold(), roles.journey_type)

    def tell(self, numbered: Iterable[tuple[int, StagedEvent]], received_us: int) -> Told:
        """The events of these, and what could not become one."""
        events: list[Event] = []
        held: list[Quarantined] = []
        for number, found in numbered:
            for attributes in self._attributes_of(number, found):
                payload = msgspec.json.encode(attributes)
                try:
                    if len(payload) > MAX_EVENT:
                        raise BadPayload(f"an event of {len(payload)} bytes is longer than {MAX_EVENT}")
                    events.append(
                        event_from_attributes(
                            attributes, payload, received_us=received_us, content_type=JSON_EVENT
                        )
                    )
                except BadPayload as exc:
                    message = f"event {found.id[:80] or number}: {exc}"
                    held.append(Quarantined(EDGE, exc.reason, message, JSON_EVENT, payload[:MAX_KEPT]))
        return Told(events, held)

    def _attributes_of(self, number: int, found: StagedEvent) -> Iterator[dict[str, object]]:
        """One event, or one for each journey: an event of two orders must not make them one journey."""
        journeys = sorted({name for name, kind, _ in found.named if kind == self._roles.journey_type})
        for journey in journeys or [""]:
            own = [link for link in found.named if link[1] != self._roles.journey_type or link[0] == journey]
            named = {object_id: kind for object_id, kind, _ in own}
            for object_id in self._extra.of(number, journey):
                named.setdefault(object_id, self._types.of(object_id))
            yield {
                "specversion": "1.0",
                "source": self._source,
                "id": found.id if len(journeys) < 2 or not found.id else f"{found.id}@{journey}",
                "type": found.type,
                "time": found.time if found.us is None else from_us(found.us).isoformat(),
                "data": self._data_of(found, named),
            }

    def _data_of(self, found: StagedEvent, named: Mapping[str, str]) -> dict[str, object]:
        identifiers: dict[str, list[str]] = {}
        for object_id, kind in named.items():
            identifiers.setdefault(self._roles.kinds[kind], []).append(object_id)
        objects: list[dict[str, object]] = []
        for object_id, kind, qualifier in found.named:
            one: dict[str, object] = {"id": object_id, "type": kind}
            if qualifier:
                one["qualifier"] = qualifier
            objects.append(one)
        data: dict[str, object] = {"identifiers": identifiers, "objects": objects}
        if found.attributes:
            data["attributes"] = found.attributes
        known = {str(one["id"]): one for one in objects}
        for object_id, name, value, is_change in found.values:
            if is_change:
                changes = data.setdefault("changes", [])
                assert isinstance(changes, list)
                changes.append({"object": object_id, "field": name, "to": value})
            elif object_id in known:
                values = known[object_id].setdefault("attributes", {})
                assert isinstance(values, dict)
                values[name] = value
        return data


class Told:
    """What some events of the log became."""

    def __init__(self, events: list[Event], held: list[Quarantined]) -> None:
        self.events = events
        self.held = held
        self.size = sum(len(one.payload) for one in events) + sum(len(one.payload) for one in held)


class _Types:
    """The type of any object."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._c = connection

    def of(self, object_id: str) -> str:
        row = self._c.execute("SELECT type FROM object WHERE id = ?", (object_id,)).fetchone()
        return str(row[0])


class _ExtraLegs:
    """Which events also tell of legs that are tied to their journey by relations alone.

    A journey's first events tell of them, each of so many as it has room for.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._c = connection
        self._c.execute("CREATE TEMP TABLE extra (n INTEGER, journey TEXT, object TEXT)")

    def plan(self, untold: Iterable[tuple[str, str]], journey_type: str) -> int:
        """Place the legs; returns how many found no room."""
        homeless = 0
        journey, room = "", 0
        place: Iterator[int] = iter(())
        number: int | None = None
        for owner, leg in untold:
            if owner != journey:
                journey, room = owner, 0
                place = iter(self._events_of(owner))
            if not room:
                number = next(place, None)
                room = MOST_LEGS
            if number is None:
                homeless += 1
                continue
            self._c.execute("INSERT INTO extra VALUES (?, ?, ?)", (number, owner, leg))
            room -= 1
        self._c.execute("CREATE INDEX temp.extra_n ON extra (n, journey)")
        return homeless

    def of(self, number: int, journey: str) -> list[str]:
        """What the event tells of for this journey."""
        rows = self._c.execute(
            "SELECT object FROM extra WHERE n = ? AND journey = ? ORDER BY object", (number, journey)
        )
        return [object_id for (object_id,) in rows]

    def _events_of(self, journey: str) -> list[int]:
        rows = self._c.execute(
            # Of one moment by id: in which order events stand depends on the format of the log.
            "SELECT e.n FROM named m JOIN event e USING (n) WHERE m.object = ?"
            " ORDER BY e.us, e.id, e.n LIMIT 1000",
            (journey,),
        )
        return [number for (number,) in rows]
