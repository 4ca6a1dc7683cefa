"""Processes: the declared shape of a kind of journey."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from controltower.domain.errors import BadProcess

FAILURE_SUFFIXES = ("failed", "rejected")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_DURATION = re.compile(r"(\d+)([smhd])")


@dataclass(frozen=True, slots=True)
class Stage:
    """A milestone of a process."""

    name: str
    title: str
    owner: str
    events: tuple[str, ...]
    usual: timedelta | None = None  # normal time after the stage before it


@dataclass(frozen=True, slots=True)
class Reading:
    """What an event type says: the stage it is about, whether it failed there, whether it ends the journey.
    """

    stage: int | None = None
    failed: bool = False
    cancels: bool = False
    completes: bool = False


@dataclass(frozen=True)
class Process:
    """A declared process. Two of the same name and version fold alike."""

    name: str
    title: str
    version: int
    stages: tuple[Stage, ...]
    completed_by: frozenset[int]  # indexes of the stages that must all be reached
    completed_events: tuple[str, ...]  # event types that complete it by themselves
    cancelled_by: tuple[str, ...]
    _readings: dict[str, Reading] = field(default_factory=dict, compare=False, repr=False)

    def read(self, event_type: str) -> Reading:
        """What `event_type` says in this process; an empty Reading when it says nothing."""
        reading = self._readings.get(event_type)
        if reading is None:
            if len(self._readings) > 10_000:
                self._readings.clear()
            reading = self._readings[event_type] = self._interpret(event_type)
        return reading

    def _interpret(self, event_type: str) -> Reading:
        plain, failed = _without_failure(event_type.casefold())
        if _matches(plain, self.cancelled_by):
            return Reading(cancels=not failed)
        if _matches(plain, self.completed_events):
            return Reading(completes=not failed)
        for index, stage in enumerate(self.stages):
            if _matches(plain, stage.events):
                return Reading(stage=index, failed=failed)
        return Reading(failed=failed)


def parse_process(text: str, name: str) -> Process:
    """Read a process file; `name` names the file in errors.

    Raises BadProcess with the key at fault and what was expected there.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise BadProcess(f"{name}: not valid TOML: {exc}") from exc
    stages = tuple(
        _stage(entry, f"{name}: stages[{i}]") for i, entry in enumerate(_list(document, "stages", name))
    )
    if not stages:
        raise BadProcess(f"{name}: stages: expected at least one stage")
    outcomes = document.get("outcomes", {})
    return Process(
        name=_text(document, "name", name),
        title=_text(document, "title", name),
        version=_whole(document, "version", name),
        stages=stages,
        completed_by=_indexes(outcomes.get("completed", {}).get("stages", ()), stages, name),
        completed_events=tuple(outcomes.get("completed", {}).get("events", ())),
        cancelled_by=tuple(outcomes.get("cancelled", {}).get("events", ())),
    )


def _stage(entry: Mapping[str, object], where: str) -> Stage:
    usual = entry.get("usual")
    return Stage(
        name=_text(entry, "name", where),
        title=_text(entry, "title", where),
        owner=_text(entry, "owner", where),
        events=tuple(str(item).casefold() for item in _list(entry, "events", where)),
        usual=None if usual is None else parse_duration(str(usual), f"{where}.usual"),
    )


def parse_duration(text: str, where: str) -> timedelta:
    """A duration such as ``90s``, ``15m``, ``1h30m`` or ``2d``."""
    parts = _DURATION.findall(text)
    if not parts or "".join(n + u for n, u in parts) != text:
        raise BadProcess(f"{where}: expected a duration such as 15m, 1h30m or 2d, found {text!r}")
    return sum((timedelta(**{_UNITS[unit]: int(number)}) for number, unit in parts), timedelta())


def _without_failure(event_type: str) -> tuple[str, bool]:
    stem, _, last = event_type.rpartition(".")
    if last in FAILURE_SUFFIXES and stem:
        return stem, True
    return event_type, False


def _matches(event_type: str, patterns: Iterable[str]) -> bool:
    return any(event_type == p or event_type.endswith("." + p) for p in patterns)


def _indexes(names: Iterable[str], stages: tuple[Stage, ...], where: str) -> frozenset[int]:
    known = {stage.name: index for index, stage in enumerate(stages)}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise BadProcess(f"{where}: outcomes.completed.stages: no stage is named {unknown[0]!r}")
    return frozenset(known[name] for name in names)


def _text(entry: Mapping[str, object], key: str, where: str) -> str:
    value = entry.get(key)
    if not isinstance(value, str) or not value:
        raise BadProcess(f"{where}: {key}: expected a text, found {value!r}")
    return value


def _whole(entry: Mapping[str, object], key: str, where: str) -> int:
    value = entry.get(key)
    if not isinstance(value, int) or isinstance(value, bool):
        raise BadProcess(f"{where}: {key}: expected a whole number, found {value!r}")
    return value


def _list(entry: Mapping[str, object], key: str, where: str) -> list[Mapping[str, object]]:
    value = entry.get(key)
    if not isinstance(value, list):
        raise BadProcess(f"{where}: {key}: expected a list, found {value!r}")
    return value


def choose_process(processes: Mapping[str, Process], event_types: Iterable[str]) -> Process:
    """The process that most of these events speak of; the first declared one when none or several do.

    `processes` must not be empty.
    """
    candidates = list(processes.values())
    if len(candidates) == 1:
        return candidates[0]
    types = list(event_types)
    return max(candidates, key=lambda process: sum(process.read(kind) != Reading() for kind in types))
