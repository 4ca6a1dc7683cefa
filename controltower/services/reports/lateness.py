"""What was delivered later than promised, by the clock or by the calendar day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from controltower.domain.errors import BadPayload
from controltower.domain.journeys import CANCELLED
from controltower.domain.times import from_us, to_us
from controltower.services.reports.figures import data_of
from controltower.services.reports.gathering import MOST_EVENTS, Scope, keys_of, type_matches
from controltower.store.engine import Connection
from controltower.store.told import ToldEvent, events_told, owners_of, statuses_of

TIMESTAMP = "timestamp"
CALENDAR = "calendar"
RULES = (TIMESTAMP, CALENDAR)
DELIVERED = ("order.delivered", "shipment.delivered")
_SAMPLES = 20


@dataclass(slots=True)
class Lateness:
    """How promises were kept, group by group."""

    late: int = 0
    on_time: int = 0
    early: int = 0
    undelivered: dict[str, int] = field(default_factory=dict)  # promise passed, by reported status
    without_promise: int = 0  # delivered, and nobody said by when it should be
    examples: list[str] = field(default_factory=list)  # groups that were late


class _Told(NamedTuple):
    occurred_us: int
    is_delivery: bool
    promised_us: int | None


def find_late(
    c: Connection,
    scope: Scope,
    *,
    delivered: Collection[str] = DELIVERED,
    rule: str = TIMESTAMP,
    zone: ZoneInfo,
    as_of: datetime,
    given_up: Collection[str] = (),
) -> Lateness:
    """Compare deliveries with the time that events carry as `promised`.

    A delivery that carries a promise is measured by it, any other by the newest promise of its group. A group
    with one late delivery is late. By the calendar, days in `zone` are compared; times without a zone are
    read in it. What is not delivered is late once its promise has passed at `as_of`; cancelled journeys are
    left out of that, and those of which a system last reported a status of `given_up`.
    """
    if rule not in RULES:
        raise BadPayload(f"rule: expected one of {', '.join(RULES)}, found {rule[:40]!r}")
    groups, journeys = _groups(c, scope, delivered, zone)
    result = Lateness()
    open_groups: dict[str, bytes] = {}
    for group, told in groups.items():
        deliveries = [one for one in told if one.is_delivery]
        promise = max(((one.occurred_us, one.promised_us) for one in told if one.promised_us), default=None)
        if not deliveries:
            if promise is not None and _compare(to_us(as_of), promise[1] or 0, rule, zone) > 0:
                open_groups[group] = journeys[group]
            continue
        _judge(result, group, deliveries, promise[1] if promise else None, rule, zone)
    statuses = statuses_of(c, set(open_groups.values()))
    said = (statuses.get(journey, ("", "")) for journey in open_groups.values())
    waiting = Counter(word for status, word in said if status != CANCELLED and word not in given_up)
    result.undelivered = dict(waiting.most_common())
    return result


def _groups(
    c: Connection, scope: Scope, delivered: Collection[str], zone: ZoneInfo
) -> tuple[dict[str, list[_Told]], dict[str, bytes]]:
    groups: dict[str, list[_Told]] = {}
    journeys: dict[str, bytes] = {}
    by_component: dict[bytes, list[_Told]] = {}
    for number, event in enumerate(events_told(c, scope.source, with_payload=True)):
        if number >= MOST_EVENTS:
            raise BadPayload(f"more than {MOST_EVENTS:,} events: name a source")
        is_delivery = type_matches(event.type, delivered)
        promised_us = _promise_in(event, zone)
        if promised_us is None and not is_delivery:
            continue
        told = _Told(event.occurred_us, is_delivery, promised_us)
        if scope.by:
            for key in keys_of(event, scope.by):
                groups.setdefault(key, []).append(told)
                journeys.setdefault(key, event.component)
        elif event.component:
            by_component.setdefault(event.component, []).append(told)
    owners = owners_of(c, list(by_component))
    for component, some in by_component.items():
        for journey in owners.get(component, [component]):
            groups.setdefault(journey.hex(), []).extend(some)
            journeys[journey.hex()] = journey
    return groups, journeys


def _promise_in(event: ToldEvent, zone: ZoneInfo) -> int | None:
    if b'"promised"' not in event.payload:
        return None
    data = data_of(event.payload)
    text = data.get("promised") if isinstance(data, dict) else None
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text)
        return to_us(moment if moment.tzinfo else moment.replace(tzinfo=zone))
    except (ValueError, OverflowError):
        return None


def _judge(
    result: Lateness, group: str, deliveries: list[_Told], promise: int | None, rule: str, zone: ZoneInfo
) -> None:
    promised = [(one.occurred_us, one.promised_us or promise) for one in deliveries]
    signs = [_compare(at, until, rule, zone) for at, until in promised if until is not None]
    if not signs:
        result.without_promise += 1
    elif max(signs) > 0:
        result.late += 1
        if len(result.examples) < _SAMPLES:
            result.examples.append(group)
    elif max(signs) == 0:
        result.on_time += 1
    else:
        result.early += 1


def _compare(at_us: int, promised_us: int, rule: str, zone: ZoneInfo) -> int:
    """1 when late, 0 when to the moment or day, -1 when early."""
    if rule == CALENDAR:
        at, promised = (from_us(us).astimezone(zone).date().toordinal() for us in (at_us, promised_us))
    else:
        at, promised = at_us, promised_us
    return (at > promised) - (at < promised)
