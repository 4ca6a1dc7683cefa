"""Loops: which segments stand below which, so that a line keeps its own references, parties and dates.

Only the loops that matter for reading are declared. A segment goes to the innermost open loop that takes it;
one that no loop takes ends them all, so an unexpected segment is never lost.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from collectors.edi.segments import Segment

Node = dict[str, Any]
Shape = Callable[[Segment], Node]  # a segment as the members of a JSON object
MAX_DEPTH = 16  # of a hierarchy; real ones have five levels


@dataclass(frozen=True, slots=True)
class Loop:
    """What an opening segment takes below itself: these `members`, or all but those that are `ends`."""

    members: frozenset[str] = frozenset()
    loops: Mapping[str, Loop] = field(default_factory=dict)
    takes_all: bool = False
    ends: frozenset[str] = frozenset()

    def takes(self, tag: str) -> bool:
        """Whether a segment belongs into this loop without opening one."""
        return tag not in self.ends if self.takes_all else tag in self.members


def members(tags: str, **loops: Loop) -> Loop:
    """A loop of just these segments."""
    return Loop(frozenset(tags.split()), loops)


def everything(but: str, **loops: Loop) -> Loop:
    """A loop of all segments until one of these."""
    return Loop(loops=loops, takes_all=True, ends=frozenset(but.split()))


def nested(segments: Sequence[Segment], root: Loop, shape: Shape) -> Node:
    """The segments as one object: tag -> list of objects, each with the segments of its loop below it."""
    document: Node = {}
    path = [(root, document)]
    for segment in segments:
        while len(path) > 1 and not (segment.tag in path[-1][0].loops or path[-1][0].takes(segment.tag)):
            path.pop()
        loop, parent = path[-1]
        node = shape(segment)
        parent.setdefault(segment.tag, []).append(node)
        if segment.tag in loop.loops:
            path.append((loop.loops[segment.tag], node))
    return document


def put(node: Node, name: str, value: object) -> None:
    """Set a member, unless its value says nothing."""
    if value:
        node[name] = value


def told(**values: str) -> Node:
    """The values that say something."""
    return {name: value for name, value in values.items() if value}


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """Loops that name their parent: HL of X12, CPS of EDIFACT."""

    tag: str
    number: str  # member with its own number
    parent: str  # member with the number of its parent
    level: str  # member with its level, "" when levels have no order
    order: str  # the levels from the top, one letter each


def grown(document: Node, hierarchy: Hierarchy, blame: Callable[[str], None]) -> None:
    """Hang every node below its parent; one that names none goes below the nearest of a higher level.

    What is wrong with the tree is told to `blame`.
    """
    flat: list[Node] = document.get(hierarchy.tag, [])
    if not flat:
        return
    tree = _Tree(hierarchy, blame)
    for node in flat:
        tree.add(node)
    document[hierarchy.tag] = tree.roots


@dataclass(slots=True)
class _Tree:
    hierarchy: Hierarchy
    blame: Callable[[str], None]
    roots: list[Node] = field(default_factory=list)
    _placed: list[tuple[Node, int]] = field(default_factory=list)  # with its depth
    _by_number: dict[str, int] = field(default_factory=dict)  # places in _placed
    _by_rank: dict[int, int] = field(default_factory=dict)  # the last of each

    def add(self, node: Node) -> None:
        number = node.get(self.hierarchy.number, "")
        parent, depth = self._parent_of(node, number)
        if depth >= MAX_DEPTH:
            self.blame(f"{self.hierarchy.tag} {number[:20]} stands deeper than {MAX_DEPTH} levels")
            parent, depth = None, 0
        siblings = self.roots if parent is None else parent.setdefault(self.hierarchy.tag, [])
        siblings.append(node)
        if number in self._by_number:
            self.blame(f"{self.hierarchy.tag} {number[:20]} stands twice")
        self._by_number[number] = self._by_rank[self._rank(node)] = len(self._placed)
        self._placed.append((node, depth))

    def _parent_of(self, node: Node, number: str) -> tuple[Node | None, int]:
        """The parent, and the depth that the node has below it."""
        named = node.get(self.hierarchy.parent, "")
        place = self._by_number.get(named, -1) if named else -1
        if named and place < 0:
            self.blame(
                f"{self.hierarchy.tag} {number[:20]} names a parent that is not before it: {named[:20]}"
            )
        if place < 0:
            rank = self._rank(node)
            place = max((last for above, last in self._by_rank.items() if above < rank), default=-1)
        if place < 0:
            return None, 0
        parent, depth = self._placed[place]
        return parent, depth + 1

    def _rank(self, node: Node) -> int:
        """How far down its level stands; without levels all are equal, and nothing stands above."""
        level = node.get(self.hierarchy.level, "") if self.hierarchy.level else ""
        place = self.hierarchy.order.find(level) if level else -1
        return place if place >= 0 else len(self.hierarchy.order)
