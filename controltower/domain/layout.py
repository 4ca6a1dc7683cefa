"""Drawing graphs in layers: what leads to something stands before it, and lines cross as little as may be.

The method is that of Sugiyama, Tagawa and Toda (1981). Circles are cut where that costs least; boxes are put
into layers by the longest way to them; a line that passes layers gets a place of its own in each, and its
label one between two layers, so that no label ever lies on a box or on another label; boxes of a layer are
ordered by their neighbours, and then moved as near to them as the order allows.

The same boxes and links give the same drawing, in whatever order they are given.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal, NamedTuple

Direction = Literal["down", "right"]
Point = tuple[float, float]

LOOP_REACH = 30.0  # how far the line from a box to itself stands out
_ORDER_SWEEPS = 10
_PLACE_SWEEPS = 40
_LINE_ROOM = 12.0  # between lines that pass a layer side by side
_STRAIGHT = 6.0  # how much rather long lines are straight than boxes in the middle of their neighbours
_PORT_ROOM = 16.0  # between lines that begin at the same side of a box
_PORT_INSET = 10.0  # of the first and last of them


class Box(NamedTuple):
    """Something to place."""

    key: str
    width: float
    height: float


class Link(NamedTuple):
    """A line to draw, with room for a label."""

    key: str  # unique among links
    source: str
    target: str
    weight: float = 1.0  # heavier ones are rather straight, and rather point forward
    label_width: float = 0.0
    label_height: float = 0.0


class PlacedBox(NamedTuple):
    """A box by its upper left corner."""

    key: str
    x: float
    y: float
    width: float
    height: float


class PlacedLink(NamedTuple):
    """A line as the points that it passes, from source to target, and the middle of its label."""

    key: str
    points: tuple[Point, ...]
    label: Point


@dataclass(frozen=True, slots=True)
class Layout:
    """Everything within (0, 0) and (width, height)."""

    width: float
    height: float
    boxes: tuple[PlacedBox, ...]
    links: tuple[PlacedLink, ...]


def lay_out(
    boxes: Iterable[Box],
    links: Iterable[Link],
    *,
    direction: Direction = "down",
    gap: float = 28.0,
    layer_gap: float = 22.0,
) -> Layout:
    """Place the boxes and the links between them; links to boxes that are not there are left out.

    `gap` is between neighbours of one layer, `layer_gap` between a layer and the labels beside it.
    """
    turned = direction == "right"
    known = sorted(set(boxes))
    if turned:
        known = [Box(box.key, box.height, box.width) for box in known]
    names = {box.key for box in known}
    drawn = sorted(link for link in set(links) if link.source in names and link.target in names)
    if turned:
        drawn = [one._replace(label_width=one.label_height, label_height=one.label_width) for one in drawn]
    placed = _Drawing(known, drawn, gap, layer_gap).finish()
    return _turned(placed) if turned else placed


def _turned(layout: Layout) -> Layout:
    return Layout(
        layout.height,
        layout.width,
        tuple(PlacedBox(b.key, b.y, b.x, b.height, b.width) for b in layout.boxes),
        tuple(
            PlacedLink(one.key, tuple((y, x) for x, y in one.points), (one.label[1], one.label[0]))
            for one in layout.links
        ),
    )


# Which way links point


def forward_order(names: Sequence[str], links: Iterable[Link]) -> list[str]:
    """The names in an order in which little weight points backward (Eades, Lin and Smyth, 1993)."""
    out: dict[str, dict[str, float]] = {name: {} for name in names}
    into: dict[str, dict[str, float]] = {name: {} for name in names}
    for link in links:
        if link.source != link.target:
            out[link.source][link.target] = out[link.source].get(link.target, 0.0) + link.weight
            into[link.target][link.source] = into[link.target].get(link.source, 0.0) + link.weight
    first: list[str] = []
    last: list[str] = []
    rest = sorted(names)

    def take(name: str) -> None:
        rest.remove(name)
        for other in out.pop(name):
            into.get(other, {}).pop(name, None)
        for other in into.pop(name):
            out.get(other, {}).pop(name, None)

    while rest:
        sink = next((name for name in rest if not out[name]), None)
        source = next((name for name in rest if not into[name]), None)
        if source is not None:
            first.append(source)
            take(source)
        elif sink is not None:
            last.append(sink)
            take(sink)
        else:
            best = max(rest, key=lambda name: (sum(out[name].values()) - sum(into[name].values()), name))
            first.append(best)
            take(best)
    return first + last[::-1]


def layers_of(order: Sequence[str], links: Iterable[Link]) -> dict[str, int]:
    """The layer of each name: behind all that leads to it, and sources right before what they lead to."""
    place = {name: index for index, name in enumerate(order)}
    after: defaultdict[str, set[str]] = defaultdict(set)
    for link in links:
        if link.source != link.target:
            low, high = sorted((link.source, link.target), key=place.__getitem__)
            after[low].add(high)
    layers = dict.fromkeys(order, 0)
    has_before = {high for highs in after.values() for high in highs}
    for name in order:
        for high in after[name]:
            layers[high] = max(layers[high], layers[name] + 1)
    for name in order:
        if name not in has_before and after[name]:
            layers[name] = min(layers[high] for high in after[name]) - 1
    return layers


# Places


@dataclass(slots=True, eq=False)
class _Item:
    """A box, or the place where a line passes a rank."""

    key: str
    left: float  # how far it reaches from its middle
    right: float
    height: float
    is_line: bool
    x: float = 0.0
    above: list[tuple[_Item, float]] = field(default_factory=list)
    below: list[tuple[_Item, float]] = field(default_factory=list)


class _Drawing:
    """Boxes on even ranks, labels on odd ones."""

    def __init__(self, boxes: list[Box], links: list[Link], gap: float, layer_gap: float) -> None:
        self._gap = gap
        self._layer_gap = layer_gap
        self._boxes = {box.key: box for box in boxes}
        self._loops = [link for link in links if link.source == link.target]
        self._links = [link for link in links if link.source != link.target]
        order = forward_order([box.key for box in boxes], self._links)
        self._layers = layers_of(order, self._links)
        self._place = {name: index for index, name in enumerate(order)}
        deepest = max(self._layers.values(), default=0)
        self._ranks: list[list[_Item]] = [[] for _ in range(2 * deepest + 1)]
        self._items = {name: self._box_item(name) for name in order}
        self._chains = {link.key: self._chain(link) for link in self._links}

    def finish(self) -> Layout:
        """Order, place and draw."""
        if not self._boxes:
            return Layout(0.0, 0.0, (), ())
        _order(self._ranks)
        for _ in range(_PLACE_SWEEPS):
            for rank in self._ranks[1:]:
                self._settle(rank, up=True, down=False)
            for rank in reversed(self._ranks[:-1]):
                self._settle(rank, up=False, down=True)
        for rank in self._ranks:
            self._settle(rank, up=True, down=True)
        return self._drawn()

    def _box_item(self, name: str) -> _Item:
        box = self._boxes[name]
        loops = [link for link in self._loops if link.source == name]
        # A line to itself stands out on the right, its label beside it.
        room = sum(LOOP_REACH + 6 + link.label_width for link in loops)
        item = _Item(name, box.width / 2, box.width / 2 + room, box.height, is_line=False)
        self._ranks[2 * self._layers[name]].append(item)
        return item

    def _chain(self, link: Link) -> list[_Item]:
        """From the upper end of the link to the lower one, through every rank between."""
        upper, lower = sorted((link.source, link.target), key=self._place.__getitem__)
        first, last = 2 * self._layers[upper], 2 * self._layers[lower]
        middle = (first + last) // 2
        labelled = middle if middle % 2 else middle - 1
        chain = [self._items[upper]]
        for rank in range(first + 1, last):
            half, height = _LINE_ROOM / 2, 0.0
            if rank == labelled:
                half, height = max(half, link.label_width / 2), link.label_height
            item = _Item(f"{link.key}\0{rank:04d}", half, half, height, is_line=True)
            self._ranks[rank].append(item)
            chain.append(item)
        chain.append(self._items[lower])
        for one, other in pairwise(chain):
            straight = _STRAIGHT if one.is_line and other.is_line else 1.0
            pull = link.weight * straight
            one.below.append((other, pull))
            other.above.append((one, pull))
        return chain

    def _settle(self, rank: list[_Item], *, up: bool, down: bool) -> None:
        """Move the items of a rank as near to their neighbours as their order and size allow."""
        wanted, weights, offsets = [], [], []
        offset = 0.0
        before: _Item | None = None
        for item in rank:
            if before is not None:
                room = _LINE_ROOM if before.is_line and item.is_line else self._gap
                offset += before.right + item.left + room
            neighbours = item.above * up + item.below * down
            pull = sum(weight for _, weight in neighbours)
            middle = sum(other.x * weight for other, weight in neighbours) / pull if pull else item.x
            wanted.append(middle - offset)
            weights.append(pull or 1e-3)
            offsets.append(offset)
            before = item
        for item, x, offset in zip(rank, _rising(wanted, weights), offsets, strict=True):
            item.x = x + offset

    def _drawn(self) -> Layout:
        items = [item for rank in self._ranks for item in rank]
        left = min(item.x - item.left for item in items)
        for item in items:
            item.x -= left
        tops, y = [], 0.0
        for rank in self._ranks:
            tops.append(y)
            y += max((item.height for item in rank), default=0.0) + self._layer_gap
        heights = [max((item.height for item in rank), default=0.0) for rank in self._ranks]
        boxes = {
            name: PlacedBox(
                name,
                round(item.x - item.left, 1),
                round(tops[2 * self._layers[name]] + (heights[2 * self._layers[name]] - item.height) / 2, 1),
                self._boxes[name].width,
                item.height,
            )
            for name, item in self._items.items()
        }
        lines = [self._line(link, boxes, tops, heights) for link in self._links]
        lines += [self._loop(link, boxes[link.source]) for link in self._loops]
        return Layout(
            round(max(item.x + item.right for item in items), 1),
            round(y - self._layer_gap, 1),
            tuple(boxes[name] for name in sorted(boxes)),
            tuple(sorted(lines)),
        )

    def _line(
        self, link: Link, boxes: dict[str, PlacedBox], tops: list[float], heights: list[float]
    ) -> PlacedLink:
        chain = self._chains[link.key]
        rank = 2 * self._layers[chain[0].key]
        upper, lower = boxes[chain[0].key], boxes[chain[-1].key]
        points: list[Point] = [(self._port(chain[0], chain[1], upper, below=True), upper.y + upper.height)]
        label = points[0]
        middle = len(chain) // 2
        labelled = middle if (rank + middle) % 2 else middle - 1
        for index, item in enumerate(chain[1:-1], start=1):
            top, bottom = tops[rank + index], tops[rank + index] + heights[rank + index]
            # Straight through the rank, so that a line never cuts the corner of a box beside it.
            points += [(item.x, top), (item.x, bottom)] if bottom > top else [(item.x, top)]
            if index == labelled:
                label = (item.x, (top + bottom) / 2)
        points.append((self._port(chain[-1], chain[-2], lower, below=False), lower.y))
        if chain[0].key != link.source:
            points.reverse()
        return PlacedLink(link.key, tuple((round(x, 1), round(y, 1)) for x, y in points), _rounded(label))

    def _port(self, end: _Item, towards: _Item, box: PlacedBox, *, below: bool) -> float:
        """Where on the side of its box a line begins: straight on where it can, and never where others do."""
        ends = sorted(end.below if below else end.above, key=lambda one: (one[0].x, one[0].key))
        least, most = box.x + _PORT_INSET, box.x + box.width - _PORT_INSET
        between = min(_PORT_ROOM, (most - least) / max(len(ends) - 1, 1))
        last = len(ends) - 1
        wanted = [
            min(max(item.x, least + place * between), most - (last - place) * between) - place * between
            for place, (item, _) in enumerate(ends)
        ]
        place = next(place for place, (item, _) in enumerate(ends) if item is towards)
        return _rising(wanted, [pull for _, pull in ends])[place] + place * between

    def _loop(self, link: Link, box: PlacedBox) -> PlacedLink:
        x, reach = box.x + box.width, box.x + box.width + LOOP_REACH
        upper, lower = box.y + 0.25 * box.height, box.y + 0.75 * box.height
        label = (reach + 6 + link.label_width / 2, box.y + box.height / 2)
        points = ((x, upper), (reach, upper), (reach, lower), (x, lower))
        return PlacedLink(link.key, tuple(_rounded(point) for point in points), _rounded(label))


def _rounded(point: Point) -> Point:
    return round(point[0], 1), round(point[1], 1)


def _rising(wanted: Sequence[float], weights: Sequence[float]) -> list[float]:
    """The values nearest to those wanted that never fall (isotonic regression: pool what is out of order)."""
    pools: list[tuple[float, float, int]] = []  # value, weight, how many
    for value, weight in zip(wanted, weights, strict=True):
        pools.append((value, weight, 1))
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            (v1, w1, n1), (v2, w2, n2) = pools[-2:]
            pools[-2:] = [((v1 * w1 + v2 * w2) / (w1 + w2), w1 + w2, n1 + n2)]
    return [value for value, _, count in pools for _ in range(count)]


# Order within ranks


def _order(ranks: list[list[_Item]]) -> None:
    """Put the items of every rank into an order with few crossings."""
    best = [list(rank) for rank in ranks]
    least = _all_crossings(ranks)
    for sweep in range(_ORDER_SWEEPS):
        if not least:
            break
        downward = sweep % 2 == 0
        walked = ranks[1:] if downward else ranks[-2::-1]
        for rank in walked:
            _sort_by_neighbours(rank, ranks, downward=downward)
        found = _all_crossings(ranks)
        if found < least:
            least, best = found, [list(rank) for rank in ranks]
    for rank, ordered in zip(ranks, best, strict=True):
        rank[:] = ordered


def _sort_by_neighbours(rank: list[_Item], ranks: list[list[_Item]], *, downward: bool) -> None:
    places = _places(ranks)
    keyed = []
    for place, item in enumerate(rank):
        neighbours = item.above if downward else item.below
        pull = sum(weight for _, weight in neighbours)
        mean = sum(places[id(other)] * weight for other, weight in neighbours) / pull if pull else place
        keyed.append((mean, place, item))
    keyed.sort(key=lambda entry: entry[:2])
    rank[:] = [item for *_, item in keyed]


def _places(ranks: list[list[_Item]]) -> dict[int, int]:
    return {id(item): place for rank in ranks for place, item in enumerate(rank)}


def _all_crossings(ranks: list[list[_Item]]) -> int:
    places = _places(ranks)
    total = 0
    for rank in ranks:
        passed: list[int] = []
        for item in rank:
            ends = sorted(places[id(other)] for other, _ in item.below)
            for end in ends:
                total += len(passed) - bisect_right(passed, end)
            for end in ends:
                insort(passed, end)
    return total
