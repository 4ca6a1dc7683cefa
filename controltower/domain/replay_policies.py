"""Replay policies: what the operator declared to be replayed without a person.

docs/reference/replay-policies.md explains every key. Whatever is wrong is said with the file, the line, the
key and what was expected there.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import NoReturn
from zoneinfo import ZoneInfo

from controltower.domain.errors import BadSetting
from controltower.domain.failure_rules import CLASS_WORDS
from controltower.domain.process_files import line_of, parse_duration

MAX_ATTEMPTS = 2
WAIT = timedelta(minutes=1)
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,59}")
_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")
_KEYS = frozenset(
    ("name", "class", "system", "type", "place", "max_age", "max_per_hour", "max_attempts", "wait")
) | {"hours", "zone", "target"}


@dataclass(frozen=True, slots=True)
class Hours:
    """A part of the day; one that ends before it begins goes past midnight."""

    begin: time
    end: time
    zone: ZoneInfo

    def hold(self, now: datetime) -> bool:
        """Whether it is that part of the day now."""
        there = now.astimezone(self.zone).time()
        if self.begin <= self.end:
            return self.begin <= there < self.end
        return there >= self.begin or there < self.end

    def __str__(self) -> str:
        return f"{self.begin:%H:%M}-{self.end:%H:%M} {self.zone.key}"


@dataclass(frozen=True, slots=True)
class Policy:
    """What may be replayed by itself. An empty pattern list matches everything; `*` stands for anything."""

    name: str
    max_age: timedelta  # since it last died
    max_per_hour: int
    failure_class: tuple[str, ...] = ()
    system: tuple[str, ...] = ()
    type: tuple[str, ...] = ()
    place: tuple[str, ...] = ()
    max_attempts: int = MAX_ATTEMPTS  # of a letter, those of people included
    wait: timedelta = WAIT  # after it died, before it is sent
    hours: Hours | None = None  # None: always
    connection: str = ""  # "" for where each came from, or where a redirect says
    target_place: str = ""

    @property
    def actor(self) -> str:
        """Who its plans are made and started by."""
        return f"policy {self.name}"


def parse_policies(text: str, name: str) -> tuple[Policy, ...]:
    """Read a policy file; `name` names it in errors. Raises BadSetting."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise BadSetting(f"{name}: not valid TOML: {exc}") from exc
    return _Reader(text, name).policies(document)


class _Reader:
    """Reads one file; knows where in it everything stands."""

    def __init__(self, text: str, name: str) -> None:
        self._text = text
        self._name = name

    def policies(self, document: Mapping[str, object]) -> tuple[Policy, ...]:
        for key in document:
            if key != "policies":
                self._refuse((key,), "is not a key here; expected [[policies]]")
        tables = document.get("policies", [])
        if not isinstance(tables, list) or not all(isinstance(item, dict) for item in tables):
            self._refuse(("policies",), f"expected a list of tables, found {tables!r}")
        found = tuple(self._policy(table, ("policies", place)) for place, table in enumerate(tables))
        names: set[str] = set()
        for place, policy in enumerate(found):
            if policy.name in names:
                self._refuse(("policies", place, "name"), f"{policy.name!r} is the name of a policy above")
            names.add(policy.name)
        return found

    def _policy(self, table: Mapping[str, object], at: _At) -> Policy:
        for key in table:
            if key not in _KEYS:
                self._refuse((*at, key), f"is not a key here; there are {', '.join(sorted(_KEYS))}")
        connection, place = self._target(table, at)
        return Policy(
            name=self._policy_name(table, at),
            max_age=self._duration(table, at, "max_age"),
            max_per_hour=self._whole(table, at, "max_per_hour"),
            failure_class=self._classes(table, at),
            system=self._patterns(table, at, "system"),
            type=self._patterns(table, at, "type"),
            place=self._patterns(table, at, "place"),
            max_attempts=self._whole(table, at, "max_attempts", MAX_ATTEMPTS),
            wait=self._duration(table, at, "wait", WAIT),
            hours=self._hours(table, at),
            connection=connection,
            target_place=place,
        )

    def _policy_name(self, table: Mapping[str, object], at: _At) -> str:
        value = table.get("name")
        if not isinstance(value, str) or not _NAME.fullmatch(value):
            self._refuse(
                (*at, "name"), f"expected a name of small letters, digits, '_' and '-', found {value!r}"
            )
        return value

    def _duration(
        self, table: Mapping[str, object], at: _At, key: str, default: timedelta | None = None
    ) -> timedelta:
        if key not in table and default is not None:
            return default
        value = table.get(key)
        found = parse_duration(value) if isinstance(value, str) else None
        if found is None:
            self._refuse((*at, key), f"expected a duration such as 15m, 1h30m or 2d, found {value!r}")
        return found

    def _whole(self, table: Mapping[str, object], at: _At, key: str, default: int | None = None) -> int:
        value = table.get(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            self._refuse((*at, key), f"expected a whole number of 1 or more, found {value!r}")
        return value

    def _patterns(self, table: Mapping[str, object], at: _At, key: str) -> tuple[str, ...]:
        value = table.get(key, [])
        values = [value] if isinstance(value, str) else value
        if not isinstance(values, list) or not all(isinstance(item, str) and item for item in values):
            self._refuse((*at, key), f"expected a pattern or a list of them, found {value!r}")
        return tuple(values)

    def _classes(self, table: Mapping[str, object], at: _At) -> tuple[str, ...]:
        found = self._patterns(table, at, "class")
        for one in found:
            if one not in CLASS_WORDS:
                self._refuse((*at, "class"), f"expected one of {', '.join(CLASS_WORDS)}, found {one!r}")
        return found

    def _hours(self, table: Mapping[str, object], at: _At) -> Hours | None:
        if "hours" not in table:
            if "zone" in table:
                self._refuse((*at, "zone"), "expected hours beside it")
            return None
        value = table["hours"]
        parts = _HOURS.fullmatch(value) if isinstance(value, str) else None
        if parts is None:
            self._refuse((*at, "hours"), f"expected hours such as 08:00-20:00, found {value!r}")
        begin, end = time(int(parts[1]), int(parts[2])), time(int(parts[3]), int(parts[4]))
        return Hours(begin, end, self._zone(table, at))

    def _zone(self, table: Mapping[str, object], at: _At) -> ZoneInfo:
        value = table.get("zone", "UTC")
        try:
            return ZoneInfo(value if isinstance(value, str) else "")
        except (ValueError, OSError, KeyError):
            self._refuse((*at, "zone"), f"expected a time zone such as Europe/Berlin, found {value!r}")

    def _target(self, table: Mapping[str, object], at: _At) -> tuple[str, str]:
        if "target" not in table:
            return "", ""
        value = table["target"]
        if not isinstance(value, dict) or value.keys() != {"connection", "place"}:
            self._refuse((*at, "target"), "expected { connection = ..., place = ... }")
        told = value["connection"], value["place"]
        if not all(isinstance(one, str) and one for one in told):
            self._refuse((*at, "target"), f"expected a connection and a place, found {told!r}")
        return told

    def _refuse(self, at: tuple[str | int, ...], expected: str) -> NoReturn:
        key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in at).removeprefix(".")
        raise BadSetting(f"{self._name}: line {line_of(self._text, at)}: {key}: {expected}")


_At = tuple[str | int, ...]
