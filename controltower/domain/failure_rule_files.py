"""Failure rule files: TOML that says what failures are. docs/reference/failure-rules.md explains every key.

Whatever is wrong is said with the file, the line, the key and what was expected there.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import NoReturn

from controltower.domain.errors import BadFailureRule
from controltower.domain.failure_rules import FailureRule, checked
from controltower.domain.process_files import line_of

MAX_RULES = 1000  # of one file
MAX_CHARACTERS = 1_000_000  # of one file

_KEYS = {"name", "class", "system", "code", "message", "action", "owner", "link"}


def parse_failure_rules(text: str, name: str) -> list[FailureRule]:
    """Read a rule file; `name` names the file in errors.

    Raises BadFailureRule with the file, the line, the key at fault and what was expected there.
    """
    if len(text) > MAX_CHARACTERS:
        raise BadFailureRule(f"{name}: expected at most {MAX_CHARACTERS} characters, found {len(text)}")
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise BadFailureRule(f"{name}: not valid TOML: {exc}") from exc
    return _Reader(text, name).rules(document)


class _Reader:
    """Reads one file; knows where in it everything stands."""

    def __init__(self, text: str, name: str) -> None:
        self._text = text
        self._name = name

    def rules(self, document: Mapping[str, object]) -> list[FailureRule]:
        for key in document:
            if key != "rules":
                self._refuse((key,), "is not a key here; expected [[rules]]")
        tables = document.get("rules", [])
        if not isinstance(tables, list) or not all(isinstance(item, dict) for item in tables):
            self._refuse(("rules",), f"expected a list of tables, found {tables!r}")
        if len(tables) > MAX_RULES:
            self._refuse(("rules",), f"expected at most {MAX_RULES} rules, found {len(tables)}")
        found = [self._rule(table, place) for place, table in enumerate(tables)]
        names: set[str] = set()
        for place, rule in enumerate(found):
            if rule.name in names:
                self._refuse(("rules", place, "name"), f"{rule.name!r} is the name of a rule above")
            names.add(rule.name)
        return found

    def _rule(self, table: Mapping[str, object], place: int) -> FailureRule:
        at = ("rules", place)
        for key in table:
            if key not in _KEYS:
                self._refuse((*at, key), f"is not a key here; there are {', '.join(sorted(_KEYS))}")
        rule = FailureRule(
            name=self._string(table, place, "name"),
            failure_class=self._string(table, place, "class"),
            action=self._string(table, place, "action"),
            owner=self._string(table, place, "owner", default=""),
            link=self._string(table, place, "link", default=""),
            system=self._patterns(table, place, "system"),
            code=self._patterns(table, place, "code"),
            message=self._patterns(table, place, "message"),
            origin=self._name,
        )
        try:
            return checked(rule)
        except BadFailureRule as exc:
            key, _, expected = str(exc).partition(": ")
            self._refuse((*at, key), expected)

    def _string(
        self, table: Mapping[str, object], place: int, key: str, default: str | None = None
    ) -> str:
        value = table.get(key, default)
        if not isinstance(value, str):
            self._refuse(("rules", place, key), f"expected a text, found {_kind(value)}")
        return value

    def _patterns(self, table: Mapping[str, object], place: int, key: str) -> tuple[str, ...]:
        value = table.get(key, [])
        values = [value] if isinstance(value, str) else value
        if not isinstance(values, list) or not all(isinstance(item, str) for item in values):
            self._refuse(("rules", place, key), f"expected a pattern or a list of them, found {value!r}")
        return tuple(values)

    def _refuse(self, at: tuple[str | int, ...], expected: str) -> NoReturn:
        key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in at).removeprefix(".")
        raise BadFailureRule(f"{self._name}: line {line_of(self._text, at)}: {key}: {expected}")


def _kind(value: object) -> str:
    return "nothing" if value is None else repr(value)
