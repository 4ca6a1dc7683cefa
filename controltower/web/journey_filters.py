"""The filter of the journeys list: read from the address, written back to it, offered as a form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from controltower.domain.failure_rules import suggested_pattern
from controltower.domain.journeys import STATUSES
from controltower.domain.processes import Process
from controltower.store.engine import Connection
from controltower.store.failures import find_failure_group
from controltower.store.figures import counts, sources
from controltower.store.journeys import JourneyFilter
from controltower.web.cursors import Cursor
from controltower.web.formatting import STATUS_WORDS
from controltower.web.moments import read_moment

FIELDS = (
    *("text", "process", "status", "stage", "system", "channel", "reported_status"),
    *("since", "until", "disputed", "fingerprint"),
)
DISPUTED = "yes"
_LABELS = {
    "disputed": "Systems disagree",
    "text": "Text",
    "reported_status": "Reported status",
    "since": "Started since",
    "until": "Started before",
    "fingerprint": "Failure",
}
MOST_CHOICES = 200


@dataclass(frozen=True, slots=True)
class Choices:
    """What the form offers, as (value, label)."""

    process: tuple[tuple[str, str], ...]
    status: tuple[tuple[str, str], ...]
    stage: tuple[tuple[str, str], ...]
    system: tuple[tuple[str, str], ...]
    channel: tuple[tuple[str, str], ...]
    fingerprint: tuple[tuple[str, str], ...] = ()  # the chosen one alone, for its words


@dataclass(frozen=True, slots=True)
class ActiveFilter:
    """One filter that is set, and where the list goes without it."""

    label: str
    value: str
    without_url: str


def read_filter(args: Mapping[str, str]) -> JourneyFilter:
    """The filter that the address spells. Raises BadPayload for a time that is none."""
    given = given_fields(args)
    return JourneyFilter(
        process=given.get("process", ""),
        status=given.get("status", ""),
        stage=given.get("stage", ""),
        system=given.get("system", ""),
        channel=given.get("channel", ""),
        reported_status=given.get("reported_status", ""),
        since_at=_given_moment(given, "since"),
        until_at=_given_moment(given, "until"),
        text=given.get("text", ""),
        disputed=given.get("disputed", "") == DISPUTED,
        fingerprint=given.get("fingerprint", ""),
    )


def given_fields(args: Mapping[str, str]) -> dict[str, str]:
    """The filters that the address sets, in the order of the form; blank ones are left out."""
    return {name: args.get(name, "").strip() for name in FIELDS if args.get(name, "").strip()}


def _given_moment(given: Mapping[str, str], name: str) -> datetime | None:
    return read_moment(given[name], name) if name in given else None


def url_of(path: str, fields: Mapping[str, str], **more: str) -> str:
    """The address of `path` with these filters."""
    query = urlencode({**fields, **{name: value for name, value in more.items() if value}})
    return f"{path}?{query}" if query else path


def list_active(fields: Mapping[str, str], choices: Choices) -> list[ActiveFilter]:
    """The set filters as people read them."""
    active = []
    for name, value in fields.items():
        labels = dict(getattr(choices, name, ()))
        shown = labels.get(value, value.replace("T", " ") if name in ("since", "until") else value)
        without = {other: v for other, v in fields.items() if other != name}
        active.append(ActiveFilter(_LABELS.get(name, name.capitalize()), shown, url_of("/journeys", without)))
    return active


def list_choices(c: Connection, processes: Mapping[str, Process], fingerprint: str = "") -> Choices:
    """What there is to choose from, and the words of the failure that is chosen."""
    stages = {stage.name: stage.title for process in processes.values() for stage in process.stages}
    systems = sorted({row.name for row in sources(c) if row.signal == "events"})
    channels = sorted({name for _, name in counts(c, "channel") if name})
    return Choices(
        process=tuple((process.name, process.title) for process in processes.values()),
        status=tuple((status, STATUS_WORDS[status]) for status in STATUSES),
        stage=tuple(stages.items()),
        system=tuple((name, name) for name in systems[:MOST_CHOICES]),
        channel=tuple((name, name) for name in channels[:MOST_CHOICES]),
        fingerprint=((fingerprint, _words_of(c, fingerprint)),) if fingerprint else (),
    )


def _words_of(c: Connection, fingerprint: str) -> str:
    """The code and the fixed words of the failures of a fingerprint; itself when none is open."""
    group = find_failure_group(c, fingerprint)
    if group is None:
        return fingerprint
    failure = group.failure
    return failure.code or suggested_pattern(failure.message).replace("*", "…") or fingerprint


def just_before(cursor: Cursor) -> Cursor | None:
    """The least place that lists a row again, whose place this is; None when nothing can lie before it."""
    started, key = cursor
    following = int.from_bytes(key, "big") + 1
    return None if following >= 2**128 else (started, following.to_bytes(16, "big"))
