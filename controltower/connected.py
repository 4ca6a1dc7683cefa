"""What the declared connections are for: a loop for each place that is taken from, and for readings; and how
they are doing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

from collectors.brokers.connections import Declared, EventsFrom
from collectors.brokers.consuming import GaugeLoop, Loop, Loops, PlaceLoop
from collectors.brokers.facts import (
    OTLP,
    FactTaker,
    Reader,
    event_reader,
    keep_samples,
    mapping_reader,
    otlp_reader,
)
from collectors.brokers.statuses import DEAD_LETTERS, EVENTS, SAMPLES, Status, Statuses, Use
from collectors.mapping.telling import Mapping as PayloadMapping
from collectors.otlp.export import Exporter
from controltower.domain.connections import ELSEWHERE, IDLE, ConnectionRow
from controltower.domain.messages import Received
from controltower.domain.times import from_us

TakeDeadLetters = Callable[[str, Sequence[Received]], None]
"""Commits dead letters of a connection. Raises a retryable error when that cannot be done now."""


def broker_loops(
    connections: Mapping[str, Declared],
    mappings: Mapping[str, PayloadMapping],
    exporter: Exporter,
    statuses: Statuses,
    take_dead_letters: TakeDeadLetters,
) -> Loops:
    """The loops of every connection, not started."""
    found: list[Loop] = []
    for name, declared in connections.items():
        found += _dead_letters(name, declared, statuses, take_dead_letters)
        found += _events(name, declared, mappings, exporter, statuses)
        found += _samples(name, declared, exporter, statuses)
    return Loops(found, statuses)


def _dead_letters(
    name: str, declared: Declared, statuses: Statuses, take: TakeDeadLetters
) -> Iterator[Loop]:
    for letters in declared.table.letters:
        use = Use(name, letters.place, DEAD_LETTERS)
        yield PlaceLoop(declared.connection, use, partial(take, name), statuses)


def _events(
    name: str,
    declared: Declared,
    mappings: Mapping[str, PayloadMapping],
    exporter: Exporter,
    statuses: Statuses,
) -> Iterator[Loop]:
    for events in declared.table.events:
        read = _reader(events, declared.connection.kind, mappings, exporter)
        take = FactTaker(read, exporter.intake, exporter.now_us, exporter.limits)
        yield PlaceLoop(declared.connection, Use(name, events.place, EVENTS), take, statuses)


def _reader(
    events: EventsFrom, kind: str, mappings: Mapping[str, PayloadMapping], exporter: Exporter
) -> Reader:
    if events.format:
        return otlp_reader(exporter, OTLP[events.format])
    if events.mapping:
        return mapping_reader(mappings[events.mapping], exporter.limits)
    return event_reader(exporter.limits, is_encoded=kind == "nats")


def _samples(name: str, declared: Declared, exporter: Exporter, statuses: Statuses) -> Iterator[Loop]:
    if declared.table.samples:
        keep = partial(keep_samples, exporter.intake)
        every = declared.table.sample_seconds
        use = Use(name, "", SAMPLES)
        yield GaugeLoop(declared.connection, use, every, keep, statuses, exporter.now_us)


def connection_rows(connections: Mapping[str, Declared], statuses: Statuses) -> list[ConnectionRow]:
    """Each use of each declared connection, by name: how it is doing, as far as this process knows."""
    known = {status.use: status for status in statuses.all()}
    return [row for name in sorted(connections) for row in _rows(name, connections[name], known)]


def _rows(name: str, declared: Declared, known: Mapping[Use, Status]) -> Iterator[ConnectionRow]:
    kind = declared.connection.kind
    uses = list(_uses(name, declared))
    if not uses:
        yield ConnectionRow(name, kind, "", "", IDLE)
    for use in uses:
        status = known.get(use)
        if status is None:
            yield ConnectionRow(name, kind, use.role, use.place, ELSEWHERE)
        else:
            since_at = from_us(status.since_us)
            yield ConnectionRow(
                name, kind, use.role, use.place, status.state, since_at, status.error, status.taken,
                status.losses,
            )  # fmt: skip


def _uses(name: str, declared: Declared) -> Iterator[Use]:
    table = declared.table
    yield from (Use(name, letters.place, DEAD_LETTERS) for letters in table.letters)
    yield from (Use(name, events.place, EVENTS) for events in table.events)
    if table.samples:
        yield Use(name, "", SAMPLES)
