"""Process files: TOML that declares a process. docs/reference/processes.md explains every key.

Whatever is wrong is said with the file, the line, the key and what was expected there.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence, Set
from datetime import timedelta
from typing import NamedTuple, NoReturn

from controltower.domain.errors import BadProcess
from controltower.domain.processes import (
    COMPLETED,
    FIRST,
    LAST,
    OUTCOMES,
    LegKind,
    Outcome,
    Process,
    Stage,
)

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_DURATION = re.compile(r"(\d+)([smhd])")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")

_PROCESS_KEYS = {
    "name", "title", "version", "stages", "legs", "outcomes", "amended_by", "chosen_by", "channels",
    "records", "tolerances", "money", "default",
}  # fmt: skip
_STAGE_KEYS = {"name", "title", "owner", "events", "usual", "leg", "optional", "alternative", "once"}
_LEG_KEYS = {
    "name", "title", "plural", "identified_by", "stages", "completed", "cancelled", "returned", "refused",
    "holds", "whole",
}  # fmt: skip
_ATTRIBUTES = {"total", "currency", "quantity", "status", "address", "refund"}
_TOLERATED = {"total", "quantity", "refund"}
_MONEY = {"captured", "invoiced", "settled", "refunded"}
_CHANNELS = "channels"
_TOLERANCE = re.compile(r"\d{1,9}(\.\d{1,6})?%?")
_OUTCOME_KEYS = {"stages", "events"}

Table = Mapping[str, object]
Path = tuple[str | int, ...]


def parse_process(text: str, name: str) -> Process:
    """Read a process file; `name` names the file in errors.

    Raises BadProcess with the file, the line, the key at fault and what was expected there.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise BadProcess(f"{name}: not valid TOML: {exc}") from exc
    return _Reader(text, name).process(document)


def parse_duration(text: str) -> timedelta | None:
    """A duration such as ``90s``, ``15m``, ``1h30m`` or ``2d``; None for anything else."""
    parts = _DURATION.findall(text)
    if not parts or "".join(n + u for n, u in parts) != text:
        return None
    try:
        return sum((timedelta(**{_UNITS[unit]: int(number)}) for number, unit in parts), timedelta())
    except OverflowError:
        return None


class _Ends(NamedTuple):
    """How something comes to its end."""

    stages: tuple[str, ...]  # all of which complete it
    events: dict[Outcome, tuple[str, ...]]


class _Reader:
    """Reads one file; knows where in it everything stands."""

    def __init__(self, text: str, name: str) -> None:
        self._text = text
        self._name = name

    def process(self, document: Table) -> Process:
        self._check_keys(document, (), _PROCESS_KEYS)
        stages = tuple(
            self._stage(entry, ("stages", i)) for i, entry in enumerate(self._tables(document, ("stages",)))
        )
        if not stages:
            self._refuse(("stages",), "expected at least one stage")
        declared = self._tables(document, ("legs",)) if "legs" in document else []
        own = [self._own_stages(entry, ("legs", i)) for i, entry in enumerate(declared)]
        leg_stages = tuple(stage for group in own for stage in group)
        steps = stages + leg_stages
        self._check_unique([stage.name for stage in steps], "stages")
        legs = tuple(self._leg(entry, ("legs", i), steps) for i, entry in enumerate(declared))
        self._check_unique([leg.name for leg in legs], "legs")
        self._check_legs(stages, {leg.name for leg in legs})
        tolerated = self._table(document, ("tolerances",))
        outcomes = self._table(document, ("outcomes",))
        self._check_keys(outcomes, ("outcomes",), set(OUTCOMES))
        ends = self._ends(outcomes, ("outcomes",))
        return Process(
            name=self._identifier(document, ("name",)),
            title=self._string(document, ("title",)),
            version=self._whole(document, ("version",)),
            stages=stages,
            completed_by=self._indexes(ends.stages, stages, ("outcomes", COMPLETED)),
            ends=ends.events,
            legs=legs,
            leg_stages=leg_stages,
            amended_by=self._words(document, ("amended_by",)),
            chosen_by=self._words(document, ("chosen_by",)),
            channels=self._words(document, ("channels",)),
            is_default=self._truth(document, ("default",)),
            records=self._records(document),
            tolerances=self._tolerances(tolerated, ("tolerances",), {_CHANNELS}),
            channel_tolerances=self._channel_tolerances(tolerated),
            money=self._lists(document, "money", _MONEY),
        )

    def _lists(self, document: Table, name: str, known: set[str]) -> dict[str, tuple[str, ...]]:
        table = self._table(document, (name,))
        self._check_keys(table, (name,), known)
        return {key: self._words(table, (name, key)) for key in table}

    def _records(self, document: Table) -> dict[str, tuple[str, ...]]:
        records = self._lists(document, "records", _ATTRIBUTES)
        for name, systems in records.items():
            for entry in systems:
                if entry in (FIRST, LAST):
                    self._refuse(("records", name), f'expected an event type after "{entry}"')
        return records

    def _tolerances(self, table: Table, at: Path, others: Set[str] = frozenset()) -> dict[str, str]:
        self._check_keys(table, at, _TOLERATED | others)
        found = {}
        for key, value in table.items():
            if key in others:
                continue
            if not isinstance(value, str) or _TOLERANCE.fullmatch(value) is None:
                self._refuse((*at, key), f'expected a text such as "0.05" or "1%", found {value!r}')
            found[key] = value
        return found

    def _channel_tolerances(self, tolerated: Table) -> dict[str, dict[str, str]]:
        at = ("tolerances", _CHANNELS)
        channels = self._table(tolerated, at)
        own = {name: self._table(channels, (*at, name)) for name in channels}
        return {name.casefold(): self._tolerances(table, (*at, name)) for name, table in own.items()}

    def _stage(self, entry: Table, at: Path, leg: str = "") -> Stage:
        self._check_keys(entry, at, _STAGE_KEYS)
        if "events" not in entry:
            self._refuse((*at, "events"), "expected a list of event types, found nothing")
        return Stage(
            name=self._identifier(entry, (*at, "name")),
            title=self._string(entry, (*at, "title")),
            owner=self._string(entry, (*at, "owner")),
            events=self._words(entry, (*at, "events")),
            usual=self._duration(entry, (*at, "usual")),
            leg=leg or self._string(entry, (*at, "leg"), default=""),
            is_optional=self._truth(entry, (*at, "optional")),
            alternative=self._string(entry, (*at, "alternative"), default=""),
            is_once=self._truth(entry, (*at, "once")),
        )

    def _own_stages(self, entry: Table, at: Path) -> list[Stage]:
        if "stages" not in entry:
            return []
        name = self._identifier(entry, (*at, "name"))
        tables = self._tables(entry, (*at, "stages"))
        return [self._stage(one, (*at, "stages", i), name) for i, one in enumerate(tables)]

    def _leg(self, entry: Table, at: Path, steps: Sequence[Stage]) -> LegKind:
        self._check_keys(entry, at, _LEG_KEYS)
        name = self._identifier(entry, (*at, "name"))
        title = self._string(entry, (*at, "title"))
        kinds = self._words(entry, (*at, "identified_by"))
        if not kinds:
            self._refuse((*at, "identified_by"), "expected at least one kind of identifier")
        own = tuple(index for index, stage in enumerate(steps) if stage.leg == name)
        ends = self._ends(entry, at)
        unknown = [stage for stage in ends.stages if stage not in {steps[index].name for index in own}]
        if unknown:
            self._refuse((*at, COMPLETED), f"no stage of this leg is named {unknown[0]!r}")
        return LegKind(
            name=name,
            title=title,
            plural=self._string(entry, (*at, "plural"), default=f"{title.lower()}s"),
            kinds=frozenset(kinds),
            stages=own,
            completed_by=frozenset(index for index in own if steps[index].name in ends.stages),
            ends=ends.events,
            holds=self._truth(entry, (*at, "holds"), default=True),
            is_whole=self._truth(entry, (*at, "whole")),
        )

    def _ends(self, table: Table, at: Path) -> _Ends:
        """The outcomes among the keys of a table."""
        events: dict[Outcome, tuple[str, ...]] = {}
        stages: tuple[str, ...] = ()
        for outcome in OUTCOMES:
            if outcome not in table:
                continue
            here = (*at, outcome)
            declared = self._table(table, here)
            self._check_keys(declared, here, _OUTCOME_KEYS)
            if outcome == COMPLETED:
                stages = self._words(declared, (*here, "stages"))
            elif "stages" in declared:
                self._refuse((*here, "stages"), "only completed may name stages")
            if found := self._words(declared, (*here, "events")):
                events[outcome] = found
        return _Ends(stages, events)

    def _indexes(self, names: Sequence[str], stages: Sequence[Stage], at: Path) -> frozenset[int]:
        known = {stage.name: index for index, stage in enumerate(stages)}
        for name in names:
            if name not in known:
                self._refuse((*at, "stages"), f"no stage is named {name!r}; there are {', '.join(known)}")
        return frozenset(known[name] for name in names)

    def _check_unique(self, names: Sequence[str], what: str) -> None:
        for place, name in enumerate(names):
            if name in names[:place]:
                self._refuse((what, place, "name"), f"{name!r} is the name of two of them")

    def _check_legs(self, stages: Sequence[Stage], legs: set[str]) -> None:
        for place, stage in enumerate(stages):
            if stage.leg and stage.leg not in legs:
                known = ", ".join(sorted(legs)) or "none declared"
                self._refuse(("stages", place, "leg"), f"no leg is named {stage.leg!r}; there are {known}")

    # Values

    def _check_keys(self, table: Table, at: Path, known: set[str]) -> None:
        for key in table:
            if key not in known:
                self._refuse((*at, key), f"is not a key here; there are {', '.join(sorted(known))}")

    def _string(self, table: Table, at: Path, default: str | None = None) -> str:
        value = table.get(str(at[-1]), default)
        if not isinstance(value, str) or (not value and default is None):
            self._refuse(at, f"expected a text, found {_kind(value)}")
        return value

    def _identifier(self, table: Table, at: Path) -> str:
        value = self._string(table, at)
        if _NAME.fullmatch(value) is None:
            self._refuse(at, f"expected lower-case letters, digits, - and _, found {value!r}")
        return value

    def _whole(self, table: Table, at: Path) -> int:
        value = table.get(str(at[-1]))
        if not isinstance(value, int) or isinstance(value, bool):
            self._refuse(at, f"expected a whole number, found {_kind(value)}")
        return value

    def _truth(self, table: Table, at: Path, *, default: bool = False) -> bool:
        value = table.get(str(at[-1]), default)
        if not isinstance(value, bool):
            self._refuse(at, f"expected true or false, found {_kind(value)}")
        return value

    def _duration(self, table: Table, at: Path) -> timedelta | None:
        value = table.get(str(at[-1]))
        if value is None:
            return None
        duration = parse_duration(value) if isinstance(value, str) else None
        if duration is None:
            self._refuse(at, f"expected a duration such as 15m, 1h30m or 2d, found {value!r}")
        return duration

    def _words(self, table: Table, at: Path) -> tuple[str, ...]:
        """A list of texts in lower case; empty when the key is missing."""
        value = table.get(str(at[-1]), [])
        if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
            self._refuse(at, f"expected a list of texts, found {_kind(value)}")
        return tuple(str(item).casefold() for item in value)

    def _table(self, table: Table, at: Path) -> Table:
        value = table.get(str(at[-1]), {})
        if not isinstance(value, dict):
            self._refuse(at, f"expected a table, found {_kind(value)}")
        return value

    def _tables(self, table: Table, at: Path) -> list[Table]:
        value = table.get(str(at[-1]))
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            self._refuse(at, f"expected a list of tables, found {_kind(value)}")
        return value

    def _refuse(self, at: Path, expected: str) -> NoReturn:
        key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in at).removeprefix(".")
        raise BadProcess(f"{self._name}: line {line_of(self._text, at)}: {key}: {expected}")


def _kind(value: object) -> str:
    return "nothing" if value is None else repr(value)


def line_of(text: str, at: Path) -> int:
    """The line, from 1, where the key at a path stands; where it should stand when it is missing.

    Knows the plain ways of writing TOML: ``[table]``, ``[[list]]``, ``key = value``.
    """
    lines = text.splitlines()
    best, begin, end = 1, -1, len(lines)  # `begin` is the header of the table that was found last
    for depth, part in enumerate(at):
        header = ".".join(str(p) for p in at[: depth + 1] if isinstance(p, str))
        if isinstance(part, int):
            found = [n for n in range(begin + 1, end) if _is_header(lines[n], f"[[{header}]]")]
            if part < len(found):
                begin = found[part]
                best = begin + 1
                end = next((n for n in range(begin + 1, end) if _ends_table(lines[n], header)), end)
            continue
        own_end = next((n for n in range(begin + 1, end) if lines[n].lstrip().startswith("[")), end)
        key = re.compile(rf"\s*{re.escape(part)}\s*[=.]")
        own = next((n for n in range(begin + 1, own_end) if key.match(lines[n])), None)
        table = next((n for n in range(begin + 1, end) if _is_header(lines[n], f"[{header}]")), None)
        if own is not None:
            best = own + 1
        elif table is not None:
            begin, best = table, table + 1
    return best


def _is_header(line: str, header: str) -> bool:
    return line.split("#")[0].replace(" ", "").strip() == header


def _ends_table(line: str, header: str) -> bool:
    """Whether a line begins a table that is not inside the one of this header."""
    plain = line.split("#")[0].replace(" ", "").strip()
    return plain.startswith("[") and not plain.lstrip("[").startswith(f"{header}.")
