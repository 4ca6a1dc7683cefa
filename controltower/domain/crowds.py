"""Identifiers that tie so many events that they can hardly be the number of one order.

They are shown and not refused: see docs/adr/010-crowded-identifiers-are-shown-not-cut.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from typing import NamedTuple

from controltower.domain.identifiers import Bond, Identifier, bond_of

MANY_EVENTS = 1000
"""An order of which as much is told is most likely several. The index of crowded journeys says it too."""
MOST_CROWDS = 3


class Crowd(NamedTuple):
    """A joining identifier that many events of one journey name."""

    identifier: Identifier
    events: int
    systems: tuple[str, ...]  # that name it, those that do most often first


def crowds_of(told: Iterable[tuple[str, Collection[Identifier]]]) -> list[Crowd]:
    """The joining identifiers that at least `MANY_EVENTS` of the events name, the most frequent first.

    `told` has the system and the identifiers of each event.
    """
    named: dict[Identifier, Counter[str]] = {}
    for system, identifiers in told:
        for identifier in set(identifiers):
            if bond_of(identifier.kind) < Bond.TRACE:
                named.setdefault(identifier, Counter())[system] += 1
    found = [
        Crowd(identifier, total, tuple(sorted(systems, key=lambda one: (-systems[one], one))))
        for identifier, systems in named.items()
        if (total := systems.total()) >= MANY_EVENTS
    ]
    return sorted(found, key=lambda crowd: (-crowd.events, crowd.identifier))[:MOST_CROWDS]
