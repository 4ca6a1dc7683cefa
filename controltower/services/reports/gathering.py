"""The events that a report is about, in groups: those of a journey, or those that share an identifier."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import NamedTuple

from controltower.domain.errors import BadPayload
from controltower.store.engine import Connection
from controltower.store.told import ToldEvent, events_told, owners_of

MOST_EVENTS = 5_000_000
JOURNEY = ""  # group by journey


class Moment(NamedTuple):
    """An event of a group."""

    occurred_us: int
    type: str
    id: str


@dataclass(frozen=True, slots=True)
class Scope:
    """What a report looks at."""

    source: str = ""  # a CloudEvents source; all when empty
    by: str = JOURNEY  # the kind of identifier that makes a group


@dataclass(slots=True)
class Gathered:
    """Groups of events."""

    groups: dict[str, list[Moment]] = field(default_factory=dict)
    loose: int = 0  # events that belong to no group


def gather(
    c: Connection, scope: Scope, types: Collection[str] = (), *, only_direct: bool = False
) -> Gathered:
    """The events of these types by group; by journey those of its legs are in it unless `only_direct`.

    Raises BadPayload when there are more than MOST_EVENTS.
    """
    gathered = Gathered()
    waiting: dict[bytes, list[Moment]] = {}
    for number, told in enumerate(events_told(c, scope.source, types=types)):
        if number >= MOST_EVENTS:
            raise BadPayload(f"more than {MOST_EVENTS:,} events: name a source or event types")
        moment = Moment(told.occurred_us, told.type, told.id)
        if scope.by:
            _add(gathered, keys_of(told, scope.by), moment)
        elif told.component:
            waiting.setdefault(told.component, []).append(moment)
        else:
            gathered.loose += 1
    if not scope.by:
        _place(c, gathered, waiting, only_direct=only_direct)
    return gathered


def keys_of(told: ToldEvent, kind: str) -> list[str]:
    """The values of the identifiers of a kind; the last part of a dotted kind is enough."""
    dotted = "." + kind
    return [one.value for one in told.identifiers if one.kind == kind or one.kind.endswith(dotted)]


def type_matches(event_type: str, wanted: Collection[str]) -> bool:
    """Whether a type is one of those wanted, or ends with a dot and one of them."""
    return any(event_type == one or event_type.endswith("." + one) for one in wanted)


def _add(gathered: Gathered, keys: list[str], moment: Moment) -> None:
    for key in keys:
        gathered.groups.setdefault(key, []).append(moment)
    gathered.loose += not keys


def _place(
    c: Connection, gathered: Gathered, waiting: dict[bytes, list[Moment]], *, only_direct: bool
) -> None:
    owners = owners_of(c, list(waiting))
    for component, moments in waiting.items():
        if component not in owners:
            gathered.groups.setdefault(component.hex(), []).extend(moments)
        elif only_direct or not owners[component]:
            gathered.loose += len(moments)
        else:
            for owner in owners[component]:
                gathered.groups.setdefault(owner.hex(), []).extend(moments)
