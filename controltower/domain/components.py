"""Components: facts stitched together by the identifiers they share.

A component is a set of identifier keys of one bond, the facts at home there, and its ties to components of
other bonds. Everything in it is a set and merging is union: commutative, associative and idempotent, whatever
the order.

- An ORDER component is a journey.
- A LEG component (the events of one parcel) shows on every journey that names one of its keys; while nobody
  does, it is a journey of its own.
- A TRACE component holds facts that know nothing but their trace.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

from controltower.domain.facts import Event, short_name
from controltower.domain.identifiers import (
    Bond,
    Identifier,
    bond_of,
    bond_of_key,
    key_of,
    refusal_of,
    trace_key,
)
from controltower.domain.outcomes import Fact

NO_TITLE = (999, "", "")
_TITLE_ORDER = (
    "order_name order order_number purchase_order sales_order order_id erp_document checkout "
    "payment correlation change return rma shipment fulfillment tracking package delivery pick_ticket "
    "invoice settlement line trace"
).split()
_TITLE_RANK = {kind: rank for rank, kind in enumerate(_TITLE_ORDER)}

Title = tuple[int, str, str]


class Component:
    """A mutable component; `id` is its least key."""

    __slots__ = ("facts", "id", "keys", "members", "owners", "title")

    def __init__(self, keys: Iterable[bytes]) -> None:
        self.keys = set(keys)
        self.id = min(self.keys)
        self.facts: dict[bytes, Fact] = {}
        self.owners: set[bytes] = set()  # keys of stronger components whose facts name one of ours
        self.members: set[bytes] = set()  # keys of weaker components that our facts name
        self.title: Title = NO_TITLE

    @property
    def bond(self) -> Bond:
        """The bond that all of its keys have."""
        return Bond.ORDER if self.id[0] < Bond.LEG else Bond(self.id[0])

    def absorb(self, other: Component) -> None:
        """Become the union of both."""
        self.keys |= other.keys
        self.facts.update(other.facts)
        self.owners |= other.owners
        self.members |= other.members
        self.title = min(self.title, other.title)
        self.id = min(self.id, other.id)


class Ties(NamedTuple):
    """How one event is tied to others."""

    anchor: bytes  # immutable: the least key of its strongest bond
    home: dict[
        bytes, Identifier
    ]  # keys of its strongest bond; empty when it knows no identifier and no trace
    weaker: dict[bytes, Identifier]  # LEG keys that it names besides ORDER keys
    labels: dict[bytes, Identifier]
    refused: int  # identifiers that would have melted journeys


def ties_of(event: Event) -> Ties:
    """The keys that tie an event to journeys."""
    order: dict[bytes, Identifier] = {}
    leg: dict[bytes, Identifier] = {}
    labels: dict[bytes, Identifier] = {}
    refused = 0
    for identifier in event.identifiers:
        if refusal_of(identifier) is not None:
            refused += 1
            continue
        bond = bond_of(identifier[0])
        target = order if bond is Bond.ORDER else leg if bond is Bond.LEG else labels
        target[key_of(identifier)] = identifier
    home, weaker = (order, leg) if order else (leg, {})
    if not home and event.trace_id:
        home = {trace_key(event.trace_id): Identifier("trace", event.trace_id.hex())}
    anchor = min(home) if home else b"\xff" + event.digest[:15]
    return Ties(anchor, home, weaker, labels, refused)


def home_of_span(
    identifiers: Collection[Identifier],
) -> tuple[dict[bytes, Identifier], dict[bytes, Identifier]]:
    """The keys of the strongest bond that a span names, and the weaker LEG keys beside them."""
    order = {key_of(i): i for i in identifiers if bond_of(i.kind) is Bond.ORDER}
    leg = {key_of(i): i for i in identifiers if bond_of(i.kind) is Bond.LEG}
    return (order, leg) if order else (leg, {})


def title_of(identifiers: Iterable[Identifier]) -> Title:
    """The identifier that people would call this by: best kind first, then least value."""
    return min(
        ((_TITLE_RANK.get(kind.rpartition(".")[2], 500), kind, value) for kind, value in identifiers),
        default=NO_TITLE,
    )


def fact_of(event: Event, ties: Ties | None = None) -> Fact:
    """What the fold needs of an event; `ties` are its own, when they are known already."""
    _, home, weaker, _, _ = ties or ties_of(event)
    named = weaker or (home if home and bond_of_key(min(home)) is Bond.LEG else {})
    return Fact(
        event.occurred_us,
        event.digest,
        event.source,
        event.id,
        event.type,
        short_name(event.system or event.source),
        event.outcome,
        event.error_code,
        event.error_message[:200],
        event.channel,
        event.amount,
        event.currency,
        event.customer,
        event.status,
        event.trace_id,
        tuple(sorted(named.values())) if named else (),
        event.note,
        event.claims,
    )
