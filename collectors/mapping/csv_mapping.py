"""How the rows of a CSV file become events, declared in a TOML file.

- ``name``, ``title``, ``source``: of the mapping, and the CloudEvents source of its events.
- ``zone``: of times that carry none; ``time_format``: as in strptime, ISO 8601 when not given.
- ``delimiter``: a comma when not given; ``required``: columns that no row may leave empty.
- ``[data]``: what every event says, in the keys of events over HTTP (identifiers, channel, total, ...).
- ``[[events]]``: ``type``, ``id`` (unique within the source) and ``time``, a column or a list of columns of
  which the latest counts. An event is told when the row has its time, no column of ``when`` is empty and each
  column of ``where`` holds one of its texts. Its own ``data`` are added to those above.

In ``id`` and ``data`` a ``{column}`` stands for the cell; whatever then lacks a cell is left out. The
built-in mappings lie beside this module.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from collectors.mapping.templates import BadMapping, Shape, Template, merged, parse_shape, parse_template
from controltower.domain.errors import BadPayload

Row = Mapping[str, str]


class BadRow(BadPayload):
    """A row says something that cannot be understood; `reason` is low in cardinality."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class _EventEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    type: str
    id: str
    time: str | list[str]
    when: list[str] = []
    where: dict[str, list[str]] = {}
    data: dict[str, object] = {}


class _MappingFile(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    name: str
    title: str
    source: str
    events: list[_EventEntry]
    zone: str = ""
    time_format: str = ""
    delimiter: str = ","
    required: list[str] = []
    data: dict[str, object] = {}


@dataclass(frozen=True, slots=True)
class EventRule:
    """When a row tells an event, and what it then says."""

    type: str
    id: Template
    times: tuple[str, ...]  # the event happened at the latest of these that the row has
    when: tuple[str, ...]  # columns that must not be empty
    where: tuple[tuple[str, frozenset[str]], ...]  # columns that must hold one of these texts
    data: Shape

    def applies_to(self, row: Row) -> bool:
        """Whether this row tells the event at all."""
        return (
            any(row[column] for column in self.times)
            and all(row[column] for column in self.when)
            and all(row[column] in allowed for column, allowed in self.where)
        )

    def columns(self) -> Iterator[str]:
        """The columns that it needs."""
        yield from self.id.columns()
        yield from self.times
        yield from self.when
        yield from (column for column, _ in self.where)
        yield from self.data.columns()


@dataclass(frozen=True, slots=True)
class CsvMapping:
    """A checked mapping."""

    name: str
    title: str
    source: str
    zone: ZoneInfo | None
    time_format: str
    delimiter: str
    required: tuple[str, ...]
    rules: tuple[EventRule, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that a file must have, once."""
        named = [*self.required, *(column for rule in self.rules for column in rule.columns())]
        return tuple(dict.fromkeys(named))

    def events_of(self, row: Row) -> list[dict[str, object]]:
        """The CloudEvents that the row tells; raises BadRow when it has none or one cannot be told."""
        for column in self.required:
            if not row[column]:
                raise BadRow("empty_cell", f"column {column}: must not be empty")
        events = [self._event_of(rule, row) for rule in self.rules if rule.applies_to(row)]
        if not events:
            raise BadRow("no_event", "the row tells no event: every time that the mapping reads is empty")
        return events

    def _event_of(self, rule: EventRule, row: Row) -> dict[str, object]:
        event_id = rule.id.fill(row)
        if not event_id:
            raise BadRow("no_id", f"{rule.type}: a column of its id is empty")
        happened_at = max(self._time_of(column, row[column]) for column in rule.times if row[column])
        return {
            "specversion": "1.0",
            "source": self.source,
            "id": event_id,
            "type": rule.type,
            "time": happened_at.isoformat(),
            "data": rule.data.fill(row),
        }

    def _time_of(self, column: str, cell: str) -> datetime:
        try:
            if self.time_format:
                moment = datetime.strptime(cell, self.time_format)  # noqa: DTZ007 - the zone is given below
            else:
                moment = datetime.fromisoformat(cell)
        except ValueError as exc:
            expected = self.time_format or "ISO 8601"
            raise BadRow(
                "bad_time", f"column {column}: expected a time as {expected}, found {cell[:64]!r}"
            ) from exc
        if moment.tzinfo is not None:
            return moment
        if self.zone is None:
            raise BadRow("no_zone", f"column {column}: {cell!r} has no zone, and the mapping names none")
        return moment.replace(tzinfo=self.zone)


def parse_csv_mapping(text: str, name: str) -> CsvMapping:
    """Read a mapping; `name` names the file in errors. Raises BadMapping with the key at fault."""
    try:
        document = tomllib.loads(text)
        declared = msgspec.convert(document, _MappingFile)
    except tomllib.TOMLDecodeError as exc:
        raise BadMapping(f"{name}: not valid TOML: {exc}") from exc
    except msgspec.ValidationError as exc:
        raise BadMapping(f"{name}: {exc}") from exc
    if not declared.events:
        raise BadMapping(f"{name}: events: expected at least one event")
    if len(declared.delimiter) != 1:
        raise BadMapping(f"{name}: delimiter: expected one character, found {declared.delimiter!r}")
    return CsvMapping(
        name=declared.name,
        title=declared.title,
        source=declared.source,
        zone=_zone(declared.zone, name),
        time_format=declared.time_format,
        delimiter=declared.delimiter,
        required=tuple(declared.required),
        rules=tuple(
            _rule(entry, declared.data, f"{name}: events[{place}]")
            for place, entry in enumerate(declared.events)
        ),
    )


def list_built_in() -> list[str]:
    """The names of the mappings that come with the tower, sorted."""
    found = resources.files("collectors.mapping").iterdir()
    return sorted(entry.name.removesuffix(".toml") for entry in found if entry.name.endswith(".toml"))


def find_built_in(name: str) -> CsvMapping | None:
    """The mapping of that name that comes with the tower."""
    if name not in list_built_in():
        return None
    file = resources.files("collectors.mapping") / f"{name}.toml"
    return parse_csv_mapping(file.read_text(encoding="utf-8"), name)


def load_csv_mapping(name: str) -> CsvMapping:
    """The built-in mapping of that name, or the one in that file; raises BadMapping when there is neither."""
    built_in = find_built_in(name)
    if built_in is not None:
        return built_in
    try:
        return parse_csv_mapping(Path(name).read_text(encoding="utf-8"), name)
    except (OSError, UnicodeDecodeError) as exc:
        known = ", ".join(list_built_in())
        raise BadMapping(f"{name}: neither a mapping file that can be read nor one of: {known}") from exc


def _rule(entry: _EventEntry, shared: Mapping[str, object], where: str) -> EventRule:
    times = (entry.time,) if isinstance(entry.time, str) else tuple(entry.time)
    if not times:
        raise BadMapping(f"{where}.time: expected at least one column")
    return EventRule(
        type=entry.type,
        id=parse_template(entry.id, f"{where}.id"),
        times=times,
        when=tuple(entry.when),
        where=tuple((column, frozenset(allowed)) for column, allowed in entry.where.items()),
        data=parse_shape(merged(shared, entry.data), f"{where}.data"),
    )


def _zone(name: str, where: str) -> ZoneInfo | None:
    if not name:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as exc:
        raise BadMapping(f"{where}: zone: no time zone is named {name!r}") from exc
