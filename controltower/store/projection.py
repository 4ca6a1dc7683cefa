"""Keeping journeys up to date as facts are committed.

One `Projection` lives inside one transaction that no other projection can overlap with (SQLite has one
writer; on PostgreSQL store.facts takes an advisory lock), so it may read a component, add to it and write it
back. Its cost follows the components that the new facts touch. What each fact means is in domain.components;
here the touched components are loaded in bulk, united, folded and written back in bulk.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from controltower.domain.components import Component, Ties, home_of_span, title_of
from controltower.domain.dead_letters import SOURCE as DEAD_LETTERS
from controltower.domain.identifiers import Bond, Identifier, bond_of_key, key_of, trace_key
from controltower.domain.journeys import Fact, fold
from controltower.domain.processes import Process, book_of
from controltower.store import tables
from controltower.store.bulk import Bulk, Row
from controltower.store.components import component_of, read_links, read_state
from controltower.store.dead_letter_tables import journey_touched
from controltower.store.journey_changes import (
    FILED_BY,
    NOTHING,
    OLD_COLUMNS,
    Old,
    count,
    count_old,
    journey_row,
    row_filing,
    system_rows,
)
from controltower.store.prepared import PreparedSegment

_HIDDEN = list(tables.journey.columns.keys()).index("hidden")
_UPDATED = list(tables.journey.columns.keys()).index("updated_us")


class Projection:
    """The components that one transaction touches."""

    def __init__(self, bulk: Bulk, processes: Mapping[str, Process], now_us: int) -> None:
        self._bulk = bulk
        self._processes = book_of(processes)
        self._now_us = now_us
        self._home: dict[bytes, Component | None] = {}  # None: looked up, and not in the store
        self._stored_id: dict[bytes, bytes] = {}  # of keys in the store: the component their row points to
        self._old: dict[bytes, Old] = {}
        self._new: dict[bytes, Identifier] = {}
        self._touched: set[Component] = set()
        self._changed: set[Component] = set()  # those of the touched whose facts are not what they were
        self._stored: dict[bytes, Row] = {}  # whole rows, when only what differs is to be written
        self._with_letters: set[bytes] = set()  # shown journeys that have dead letters

    def add_events(self, events: Sequence[tuple[Fact, Ties]]) -> None:
        """Take in events that the store did not have before; they must already be in the event table."""
        traces = {e.trace_id: trace_key(e.trace_id) for e, ties in events if e.trace_id and ties.home}
        self._load({key for _, ties in events for key in (*ties.home, *ties.weaker)} | set(traces.values()))
        for event, ties in events:
            if ties.home:
                component = self._join(ties.home, ties.weaker, ties.anchor)
                component.facts[event.digest] = event
                self._changed.add(component)
        self._tie_traces(events, traces)

    def add_links(self, segments: Sequence[PreparedSegment]) -> None:
        """Take in the identifiers that new segments carry; their trace_link rows must already be written."""
        spans = [span for segment in segments for span in segment.spans]
        keys = {key for span in spans for keys in span for key in keys}
        self._load(keys | {segment.trace_key for segment in segments})
        for span in spans:
            if len(span.home) + len(span.weaker) > 1:
                self._join(span.home, span.weaker, min(span.home))
        for segment in segments:
            waiting = self._home.get(segment.trace_key)
            if waiting is not None:
                for span in segment.spans:
                    self._own(span.home, waiting)

    def refold(self, journey_ids: Collection[bytes]) -> None:
        """Fold these components anew; `save` then writes only those whose row comes out different."""
        columns = tuple(tables.journey.columns.keys())
        rows = self._bulk.select(tables.journey, columns, "id", journey_ids)
        self._stored.update((bytes(row[0]), row) for row in rows)
        self._load(set(journey_ids))
        self._touched |= {c for key in journey_ids if (c := self._home.get(key)) is not None}

    def save(self) -> int:
        """Fold what was touched and write it back; returns how many journeys changed."""
        self._touch_owners()
        self._load({key for component in self._touched for key in component.members})
        self._load({key for component in list(self._components()) for key in component.members})
        counts: Counter[tuple[str, str, str]] = Counter()
        journeys: list[Row] = []
        systems: list[Row] = []
        gone: list[bytes] = []
        unlisted: list[bytes] = []
        for component in sorted(self._touched, key=lambda c: c.id):
            olds = [
                self._old[old] for old in {self._stored_id[k] for k in component.keys if k in self._stored_id}
            ]
            self._write(component, olds, journeys, systems, counts)
            gone.extend(old.id for old in olds if old.id != component.id)
            if olds and journeys[-1][_HIDDEN]:
                unlisted.append(component.id)
        if self._stored:
            journeys = [row for row in journeys if not self._is_as_stored(row)]
        self._bulk.delete(tables.journey, "id", gone)
        self._bulk.delete(tables.journey_system, "journey_id", gone + unlisted)
        moved = [row for row in journeys if not self._is_filed_as_before(row)]
        self._bulk.replace(tables.journey, moved)
        if len(moved) < len(journeys):
            steady = [row for row in journeys if self._is_filed_as_before(row)]
            self._bulk.replace(tables.journey, steady, unchanged=FILED_BY)
        self._bulk.replace(tables.journey_system, systems)
        self._save_identifiers()
        self._bulk.replace(journey_touched, [(one, self._now_us) for one in sorted(self._with_letters)])
        self._bulk.merge(tables.journey_count, [(*key, n) for key, n in sorted(counts.items()) if n])
        return len(journeys)

    def _is_as_stored(self, row: Row) -> bool:
        """Whether a row says what is stored, whenever that was written."""
        stored = self._stored.get(row[0])
        return stored is not None and row[:_UPDATED] + row[_UPDATED + 1 :] == (
            stored[:_UPDATED] + stored[_UPDATED + 1 :]
        )

    def _is_filed_as_before(self, row: Row) -> bool:
        """Most events move a journey to another stage and leave its place in the other lists as it is."""
        old = self._old.get(row[0])
        return old is not None and row_filing(row) == (
            old.hidden,
            old.status,
            old.channel,
            old.reported_status,
            old.started_us,
            old.failed_us,
        )

    # Uniting

    def _join(
        self, home: Mapping[bytes, Identifier], weaker: Mapping[bytes, Identifier], anchor: bytes
    ) -> Component:
        component = self._unite(home)
        component.title = min(component.title, title_of(home.values()))
        for key, identifier in weaker.items():
            known = self._home.get(key)
            if known is not None and anchor in known.owners and key in component.members:
                continue
            member = self._unite({key: identifier})
            member.title = min(member.title, title_of((identifier,)))
            member.owners.add(anchor)
            component.members.add(key)
        return component

    def _unite(self, keys: Mapping[bytes, Identifier]) -> Component:
        united: Component | None = None
        for key, identifier in keys.items():
            component = self._home.get(key)
            if component is None:
                component = Component((key,))
                self._home[key] = component
                self._new[key] = identifier
            if united is None:
                united = component
            elif component is not united:
                united.absorb(component)
                self._changed.add(united)
                self._touched.discard(component)
                for moved in component.keys:
                    self._home[moved] = united
        assert united is not None, "an event at home nowhere must not be joined"
        self._touched.add(united)
        return united

    def _own(self, home: Mapping[bytes, Identifier], waiting: Component) -> None:
        """The facts that wait in a trace show on what its spans name."""
        owner = self._unite(home)
        owner.title = min(owner.title, title_of(home.values()))
        self._tie(owner, min(home), waiting)

    def _tie(self, owner: Component, owner_key: bytes, waiting: Component) -> None:
        owner.members.add(waiting.id)
        waiting.owners.add(owner_key)
        self._changed.add(owner)
        self._touched |= {owner, waiting}

    def _tie_traces(self, events: Sequence[tuple[Fact, Ties]], traces: Mapping[bytes, bytes]) -> None:
        """Tie events that know only their trace to those that know more, whichever of them is new."""
        waiting_here = set()
        for event, ties in events:
            waiting = self._home.get(traces.get(event.trace_id, b""))
            if waiting is None:
                continue
            if ties.anchor == waiting.id:
                waiting_here.add(event.trace_id)
            elif (owner := self._home.get(ties.anchor)) is not None:
                self._tie(owner, ties.anchor, waiting)
        if waiting_here:
            self._tie_to_anchors(waiting_here)
            self._tie_to_spans(waiting_here)

    def _tie_to_anchors(self, trace_ids: set[bytes]) -> None:
        rows = self._bulk.select(tables.event, ("anchor", "trace_id"), "trace_id", trace_ids)
        anchors = {
            (bytes(anchor), trace_key(bytes(trace_id)))
            for anchor, trace_id in rows
            if bond_of_key(anchor) < Bond.TRACE
        }
        self._load({anchor for anchor, _ in anchors})
        for anchor, waiting_id in anchors:
            owner, waiting = self._home[anchor], self._home[waiting_id]
            if owner is not None and waiting is not None:
                self._tie(owner, anchor, waiting)

    def _tie_to_spans(self, trace_ids: set[bytes]) -> None:
        rows = self._bulk.select(tables.span_segment, ("trace_id", "links"), "trace_id", trace_ids)
        named = [
            (span, trace_key(bytes(trace_id))) for trace_id, packed in rows for span in read_links(packed)
        ]
        self._load({key_of(identifier) for span, _ in named for identifier in span})
        for span, waiting_id in named:
            waiting = self._home[waiting_id]
            if waiting is not None and (home := home_of_span(span)[0]):
                self._own(home, waiting)

    # Loading

    def _load(self, keys: set[bytes]) -> None:
        wanted = [key for key in keys if key not in self._home]
        if not wanted:
            return
        self._home.update(dict.fromkeys(wanted))
        ids = {bytes(row[0]) for row in self._bulk.select(tables.identifier, ("journey_id",), "key", wanted)}
        rows = self._bulk.select(tables.journey, OLD_COLUMNS, "id", ids - self._old.keys())
        for journey_id, blob, *columns in rows:
            state = read_state(blob)
            component = component_of(state)
            self._old[component.id] = Old(bytes(journey_id), state.reached, *columns)
            for key in component.keys:
                self._home[key] = component
                self._stored_id[key] = component.id

    def _components(self) -> set[Component]:
        return {component for component in self._home.values() if component is not None}

    def _touch_owners(self) -> None:
        """A leg or trace that changed changes every journey it shows on; two steps up at most.

        One that only got another owner changes nothing for those that it had: a payout of ten thousand orders
        must not fold all of them for each.
        """
        for _ in range(2):
            weak = [c for c in self._touched & self._changed if c.bond is not Bond.ORDER]
            owner_keys = {key for component in weak for key in component.owners}
            self._load(owner_keys)
            owners = {c for key in owner_keys if (c := self._home.get(key)) is not None}
            self._touched |= owners
            self._changed |= owners

    # Writing

    def _write(
        self,
        component: Component,
        olds: Sequence[Old],
        journeys: list[Row],
        systems: list[Row],
        counts: Counter[tuple[str, str, str]],
    ) -> None:
        facts = self._facts_of(component)
        process = self._processes.choose(
            [fact.type for fact in facts], [fact.channel for fact in facts if fact.channel]
        )
        journey = fold(process, facts) if facts else None
        hidden = journey is None or component.bond is Bond.TRACE or bool(component.owners)
        reached = [name for name, _ in journey.reached] if journey else []
        row = journey_row(component, journey or NOTHING, reached, hidden=hidden, now_us=self._now_us)
        journeys.append(row)
        for old in olds:
            count_old(old, counts)
        if journey is not None and not hidden:
            if any(fact.source == DEAD_LETTERS for fact in facts):
                self._with_letters.add(component.id)
            count(journey, reached, counts)
            systems.extend(system_rows(component.id, journey, olds))

    def _facts_of(self, component: Component) -> list[Fact]:
        """Its own facts and, through at most two steps down, those of the legs and traces it names."""
        if not component.members:
            return list(component.facts.values())
        facts = dict(component.facts)
        pending, seen = set(component.members), {component}
        while pending:
            member = self._home.get(pending.pop())
            if member is not None and member not in seen:
                seen.add(member)
                facts.update(member.facts)
                pending |= member.members
        return list(facts.values())

    def _save_identifiers(self) -> None:
        rows = []
        for key, identifier in self._new.items():
            component = self._home[key]
            assert component is not None
            rows.append((key, component.id, identifier.kind, identifier.value))
        self._bulk.insert(tables.identifier, rows)
        moved: dict[bytes, list[bytes]] = {}
        for component in self._touched:
            for key in component.keys:
                if self._stored_id.get(key, component.id) != component.id:
                    moved.setdefault(component.id, []).append(key)
        for journey_id, keys in moved.items():
            self._bulk.update(tables.identifier, "journey_id", journey_id, "key", keys)
