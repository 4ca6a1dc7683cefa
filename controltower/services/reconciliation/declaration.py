"""What is compared, declared in a TOML file. docs/how-to/reconcile.md explains every key."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from importlib import resources
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from controltower.domain.errors import BadPayload
from controltower.domain.process_files import parse_duration

NUMBER, TEXT, TIME = "number", "text", "time"
KINDS = (NUMBER, TEXT, TIME)
COMBINATIONS = ("sum", "count", "first", "last", "min", "max")
MAX_TEXT = 256 * 1024
_SUFFIX = ".toml"


class BadDeclaration(BadPayload):
    """A declaration has a mistake; the message names the file, the key and what was expected."""

    reason = "bad_declaration"


class _EventsTable(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    types: list[str] = []
    source: str = ""
    system: str = ""
    each: str = ""


class _SideTable(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    title: str
    key: list[str]
    values: dict[str, str | list[str]] = {}
    where: dict[str, list[str]] = {}
    file: str = ""
    delimiter: str = ","
    zone: str = "UTC"
    time_format: str = ""
    events: _EventsTable | None = None


class _CheckTable(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    title: str
    left: str
    right: str
    kind: str = NUMBER
    combine: str = ""
    tolerance: str = "0"
    within: str = "0s"
    empty: str = "fault"
    ignore_case: bool = False


class _File(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    name: str
    title: str
    left: _SideTable
    right: _SideTable
    checks: list[_CheckTable] = []
    key: list[str] = []
    link: str = ""
    link_column: str = ""
    ignore_missing: list[str] = []
    due_after: str = ""
    due_from: str = ""
    every: str = ""


@dataclass(frozen=True, slots=True)
class Term:
    """A column that a value is made of; a minus before its name takes it away."""

    column: str
    is_negative: bool


@dataclass(frozen=True, slots=True)
class EventsExtract:
    """Which stored events make the rows of a side."""

    types: tuple[str, ...]
    source: str
    system: str
    each: str  # a dotted path to an array in the data: one row for each of its items


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two extracts."""

    title: str
    key: tuple[str, ...]  # columns
    values: Mapping[str, tuple[Term, ...]]
    where: Mapping[str, frozenset[str]]  # columns and the texts that rows to be compared have there
    file: str  # where scheduled runs find it, may hold wildcards; "" when it is given by hand
    delimiter: str
    zone: ZoneInfo
    time_format: str
    events: EventsExtract | None

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that it needs, once."""
        named = [*self.key, *self.where, *(term.column for terms in self.values.values() for term in terms)]
        return tuple(dict.fromkeys(named))


@dataclass(frozen=True, slots=True)
class Check:
    """A value of the left side and the value of the right side that should agree with it."""

    title: str
    left: str
    right: str
    kind: str
    combine: str  # of the rows of one key
    tolerance: Decimal
    is_percent: bool
    within: timedelta
    is_empty_a_fault: bool
    ignore_case: bool


@dataclass(frozen=True, slots=True)
class Declaration:
    """A checked declaration."""

    name: str
    title: str
    key: tuple[str, ...]  # what the parts of the key are called
    left: Side
    right: Side
    checks: tuple[Check, ...]
    link: str  # the identifier kind by which a key leads to a journey, "" for none
    link_part: int  # which part of the key
    ignore_missing: frozenset[str]  # left, right: what only the other side has is no fault
    due_after: timedelta | None
    due_from: str  # the value of the left side from which that counts
    every: timedelta | None

    @property
    def needs_files(self) -> tuple[str, ...]:
        """The sides whose extract is a file: left, right."""
        return tuple(name for name in ("left", "right") if getattr(self, name).events is None)


def parse_declaration(text: str, name: str) -> Declaration:
    """Read a declaration; `name` names the file in errors. Raises BadDeclaration."""
    if len(text) > MAX_TEXT:
        raise BadDeclaration(f"{name}: longer than {MAX_TEXT >> 10} KiB")
    try:
        declared = msgspec.convert(tomllib.loads(text), _File)
        return _declaration(declared)
    except tomllib.TOMLDecodeError as exc:
        raise BadDeclaration(f"{name}: not valid TOML: {exc}") from exc
    except msgspec.ValidationError as exc:
        raise BadDeclaration(f"{name}: {exc}") from exc
    except BadDeclaration as exc:
        raise BadDeclaration(f"{name}: {exc}") from exc


def built_in_declarations() -> dict[str, str]:
    """The texts of the declarations that come with the tower, by name."""
    folder = resources.files("controltower") / "reconciliations"
    files = [entry for entry in folder.iterdir() if entry.name.endswith(_SUFFIX)]
    return {
        entry.name.removesuffix(_SUFFIX): entry.read_text(encoding="utf-8")
        for entry in sorted(files, key=lambda entry: entry.name)
    }


def read_texts(folder: str) -> dict[str, str]:
    """The texts of the built-in declarations and of those in `folder` (none when empty), which win, by name.

    Raises BadDeclaration when the folder or a file in it cannot be read.
    """
    texts = built_in_declarations()
    if not folder:
        return texts
    try:
        for path in sorted(Path(folder).glob(f"*{_SUFFIX}")):
            texts[path.stem] = path.read_text(encoding="utf-8")
        if not Path(folder).is_dir():
            raise BadDeclaration(f"{folder}: there is no such folder")
    except (OSError, UnicodeDecodeError) as exc:
        raise BadDeclaration(f"{folder}: cannot be read: {exc}") from exc
    return texts


def load_declaration(name: str) -> tuple[Declaration, str]:
    """The built-in declaration of that name, or the one in that file, and its text; raises BadDeclaration."""
    built_in = built_in_declarations()
    text = built_in.get(name)
    if text is None:
        try:
            text = Path(name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as exc:
            known = ", ".join(built_in)
            raise BadDeclaration(
                f"{name}: neither a declaration that can be read nor one of: {known}"
            ) from exc
    return parse_declaration(text, name), text


def _declaration(declared: _File) -> Declaration:
    left, right = _side(declared.left, "left"), _side(declared.right, "right")
    if len(left.key) != len(right.key):
        raise BadDeclaration(
            f"left.key and right.key: expected as many columns, found {len(left.key)} and {len(right.key)}"
        )
    key = tuple(declared.key) or left.key
    if len(key) != len(left.key):
        raise BadDeclaration(f"key: expected a name for each of {len(left.key)} columns, found {len(key)}")
    _one_of("link_column", declared.link_column or key[0], key)
    for place, side in enumerate(declared.ignore_missing):
        _one_of(f"ignore_missing[{place}]", side, ("left", "right"))
    if declared.due_from:
        _one_of("due_from", declared.due_from, tuple(left.values))
    if bool(declared.due_after) != bool(declared.due_from):
        raise BadDeclaration("due_after and due_from: expected both or none")
    return Declaration(
        name=declared.name,
        title=declared.title,
        key=key,
        left=left,
        right=right,
        checks=tuple(
            _check(entry, left, right, f"checks[{place}]") for place, entry in enumerate(declared.checks)
        ),
        link=declared.link,
        link_part=key.index(declared.link_column or key[0]),
        ignore_missing=frozenset(declared.ignore_missing),
        due_after=_duration(declared.due_after, "due_after") if declared.due_after else None,
        due_from=declared.due_from,
        every=_duration(declared.every, "every") if declared.every else None,
    )


def _side(table: _SideTable, where: str) -> Side:
    if not table.key:
        raise BadDeclaration(f"{where}.key: expected at least one column")
    if len(table.delimiter) != 1:
        raise BadDeclaration(f"{where}.delimiter: expected one character, found {table.delimiter!r}")
    try:
        zone = ZoneInfo(table.zone)
    except (ZoneInfoNotFoundError, ValueError) as exc:
        raise BadDeclaration(f"{where}.zone: no time zone is named {table.zone!r}") from exc
    events = table.events
    return Side(
        title=table.title,
        key=tuple(table.key),
        values={name: _terms(terms, f"{where}.values.{name}") for name, terms in table.values.items()},
        where={column: frozenset(allowed) for column, allowed in table.where.items()},
        file=table.file,
        delimiter=table.delimiter,
        zone=zone,
        time_format=table.time_format,
        events=None
        if events is None
        else EventsExtract(tuple(events.types), events.source, events.system, events.each),
    )


def _terms(declared: str | list[str], where: str) -> tuple[Term, ...]:
    names = [declared] if isinstance(declared, str) else declared
    if not names or any(not name.lstrip("-") for name in names):
        raise BadDeclaration(f"{where}: expected a column or a list of columns")
    return tuple(Term(name.removeprefix("-"), name.startswith("-")) for name in names)


def _check(entry: _CheckTable, left: Side, right: Side, where: str) -> Check:
    _one_of(f"{where}.kind", entry.kind, KINDS)
    _one_of(f"{where}.left", entry.left, tuple(left.values))
    _one_of(f"{where}.right", entry.right, tuple(right.values))
    _one_of(f"{where}.empty", entry.empty, ("fault", "ignore"))
    combine = entry.combine or ("sum" if entry.kind == NUMBER else "last")
    _one_of(f"{where}.combine", combine, COMBINATIONS)
    if entry.kind != NUMBER:
        if combine == "sum":
            raise BadDeclaration(f"{where}.combine: only numbers can be summed")
        several = [
            name for name, side in ((entry.left, left), (entry.right, right)) if len(side.values[name]) > 1
        ]
        if several:
            raise BadDeclaration(f"{where}: {several[0]} has several columns; only numbers can be summed")
    try:
        tolerance = Decimal(entry.tolerance.removesuffix("%").strip())
    except InvalidOperation:
        tolerance = Decimal(-1)
    if not tolerance.is_finite() or tolerance < 0:
        raise BadDeclaration(
            f"{where}.tolerance: expected a number such as 0.01 or 0.5%, found {entry.tolerance!r}"
        )
    return Check(
        title=entry.title,
        left=entry.left,
        right=entry.right,
        kind=entry.kind,
        combine=combine,
        tolerance=tolerance,
        is_percent=entry.tolerance.endswith("%"),
        within=_duration(entry.within, f"{where}.within"),
        is_empty_a_fault=entry.empty == "fault",
        ignore_case=entry.ignore_case,
    )


def _duration(text: str, where: str) -> timedelta:
    duration = parse_duration(text)
    if duration is None:
        raise BadDeclaration(f"{where}: expected a duration such as 15m, 1h30m or 2d, found {text!r}")
    return duration


def _one_of(where: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise BadDeclaration(f"{where}: expected one of {', '.join(choices) or '(none)'}, found {value!r}")
