"""A stitching of its own for checking the demo: slow, small, and independent of the store."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from importlib import resources
from typing import Any

from controltower.domain.facts import FAILED, OK
from controltower.domain.identifiers import Bond, Identifier, bond_of
from controltower.domain.journeys import Fact, Journey, fold
from controltower.domain.process_files import parse_process

_FILE = resources.files("controltower") / "processes" / "order_to_cash.toml"
PROCESS = parse_process(_FILE.read_text(), "order_to_cash")


def identifiers_of(document: Mapping[str, Any]) -> set[tuple[str, str]]:
    """All identifiers of an event, the correlation id and the trace included."""
    found = {("correlation", document["correlationid"])} if "correlationid" in document else set()
    if "traceparent" in document:
        found.add(("trace", document["traceparent"].split("-")[1]))
    for kind, values in document.get("data", {}).get("identifiers", {}).items():
        found |= {(kind, str(value)) for value in (values if isinstance(values, list) else [values])}
    return found


def journeys_of(documents: Iterable[Mapping[str, Any]]) -> list[list[Mapping[str, Any]]]:
    """The events of each journey: those that share order identifiers, and the legs that these name."""
    by_identifier = defaultdict(list)
    events = [(document, identifiers_of(document)) for document in documents]
    for place, (_, identifiers) in enumerate(events):
        for identifier in identifiers:
            by_identifier[identifier].append(place)
    seen: set[int] = set()
    journeys = []
    for place, (_, identifiers) in enumerate(events):
        if place not in seen and _names_order(identifiers):
            members = _closure({place}, events, by_identifier, Bond.ORDER)
            seen |= members
            journeys.append(_closure(members, events, by_identifier, Bond.LEG))
    return [[events[place][0] for place in members] for members in journeys]


def folded(documents: Iterable[Mapping[str, Any]]) -> list[Journey]:
    """What the tower should make of these events."""
    return [fold(PROCESS, [_fact(event) for event in events]) for events in journeys_of(documents)]


def _names_order(identifiers: set[tuple[str, str]]) -> bool:
    return any(bond_of(kind) == Bond.ORDER for kind, _ in identifiers)


def _closure(start: set[int], events: Any, by_identifier: Any, bond: Bond) -> set[int]:
    members, fresh = set(start), list(start)
    while fresh:
        for identifier in events[fresh.pop()][1]:
            if bond_of(identifier[0]) != bond:
                continue
            for place in by_identifier[identifier]:
                # A leg never leads back into the facts of another order.
                if place not in members and (bond == Bond.ORDER or not _names_order(events[place][1])):
                    members.add(place)
                    fresh.append(place)
    return members


def _fact(document: Mapping[str, Any]) -> Fact:
    data = document.get("data", {})
    failed = document["type"].endswith((".failed", ".rejected"))
    error = data.get("error", {})
    total = data.get("total", {})
    return Fact(
        occurred_us=int(datetime.fromisoformat(document["time"]).timestamp() * 1_000_000),
        digest=document["id"].encode(),
        source=document["source"],
        id=document["id"],
        type=document["type"],
        system=document["source"].rpartition("/")[2],
        outcome=FAILED if failed else OK,
        error_code=error.get("code", ""),
        error_message=error.get("message", ""),
        channel=data.get("channel", ""),
        amount=total.get("amount", ""),
        currency=total.get("currency", ""),
        customer=data.get("customer", {}).get("name", ""),
        status=data.get("status", ""),
        trace_id=b"",
        legs=tuple(sorted(Identifier(*pair) for pair in identifiers_of(document) if _is_leg(pair[0]))),
    )


def _is_leg(kind: str) -> bool:
    return bond_of(kind) == Bond.LEG
