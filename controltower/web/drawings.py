"""Graphs as SVG: every place is an attribute and every look a class, as our content policy wants it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt

from controltower.domain.layout import Box, Direction, Layout, Link, PlacedBox, PlacedLink, Point, lay_out

NODE_HEIGHT = 52
_MARK_SIZE = 22  # of the marks where journeys begin and end
_MARGIN = 14
_LONGEST_TITLE = 28
_TITLE_LETTER, _LABEL_LETTER = 7.7, 6.4  # width of a letter on the average, in pixels
_LABEL_LINE = 15
_ARROW_LENGTH, _ARROW_HALF = 9.0, 4.5
_THINNEST, _THICKEST = 1.25, 6.0


@dataclass(frozen=True, slots=True)
class Node:
    """A system or an activity to draw."""

    key: str
    title: str
    detail: str = ""
    kind: str = ""  # becomes the class node--<kind>: failed, mark
    href: str = ""
    level: int = 0  # 1 to 5: how deep its colour is; 0 for none


@dataclass(frozen=True, slots=True)
class Edge:
    """A line to draw from one node to another."""

    key: str
    source: str
    target: str
    count: int
    lines: tuple[str, ...]  # of its label
    words: str  # all of it in a sentence, for those who do not see it
    href: str = ""
    kind: str = ""  # becomes the class edge--<kind>: failing, spans, quiet
    is_chosen: bool = False


@dataclass(frozen=True, slots=True)
class DrawnNode:
    """A node in its place."""

    node: Node
    x: float
    y: float
    width: float
    height: float
    middle: float
    title: str  # short enough for its box


@dataclass(frozen=True, slots=True)
class DrawnEdge:
    """An edge in its place."""

    edge: Edge
    path: str
    arrow: str
    thickness: float
    label_x: float
    label_y: float  # of the upper edge of its ground
    label_width: float
    label_height: float
    lines: tuple[tuple[float, str], ...]  # baseline and words


@dataclass(frozen=True, slots=True)
class Drawing:
    """Everything that partials/graph.html needs."""

    width: int
    height: int
    nodes: tuple[DrawnNode, ...]
    edges: tuple[DrawnEdge, ...]


def draw(nodes: Sequence[Node], edges: Sequence[Edge], direction: Direction) -> Drawing:
    """The drawing of a graph, its beginning at the top or on the left."""
    boxes = [_box(node) for node in nodes]
    most = max((edge.count for edge in edges), default=1)
    links = [_link(edge, most) for edge in edges]
    layout = lay_out(boxes, links, direction=direction, gap=26, layer_gap=27)
    return _drawing(layout, nodes, edges, most, direction)


def level_of(count: int, most: int) -> int:
    """How deep the colour of something that is there `count` times is, 1 to 5."""
    return max(1, min(5, -(-5 * count // most))) if most else 1


def _box(node: Node) -> Box:
    if node.kind == "mark":
        return Box(node.key, _MARK_SIZE, _MARK_SIZE)
    letters = max(len(_short(node.title)) * _TITLE_LETTER, len(node.detail) * _LABEL_LETTER)
    return Box(node.key, round(max(116.0, letters + 30)), NODE_HEIGHT)


def _link(edge: Edge, most: int) -> Link:
    weight = 1 + 29 * edge.count / most
    return Link(edge.key, edge.source, edge.target, weight, *_label_size(edge))


def _label_size(edge: Edge) -> tuple[float, float]:
    if not edge.lines:
        return 0.0, 0.0
    return round(max(map(len, edge.lines)) * _LABEL_LETTER + 12), len(edge.lines) * _LABEL_LINE + 4


def _short(title: str) -> str:
    return title if len(title) <= _LONGEST_TITLE else title[: _LONGEST_TITLE - 1] + "…"


def _drawing(
    layout: Layout, nodes: Iterable[Node], edges: Iterable[Edge], most: int, direction: Direction
) -> Drawing:
    boxes = {box.key: box for box in layout.boxes}
    links = {link.key: link for link in layout.links}
    # Thick lines lie below thin ones, and what was chosen lies on top.
    ordered = sorted(edges, key=lambda edge: (edge.is_chosen, -edge.count, edge.key))
    return Drawing(
        width=round(layout.width + 2 * _MARGIN),
        height=round(layout.height + 2 * _MARGIN),
        nodes=tuple(_drawn_node(node, boxes[node.key]) for node in nodes),
        edges=tuple(
            _drawn_edge(edge, links[edge.key], most, direction) for edge in ordered if edge.key in links
        ),
    )


def _drawn_node(node: Node, box: PlacedBox) -> DrawnNode:
    x, y = round(box.x + _MARGIN, 1), round(box.y + _MARGIN, 1)
    middle = round(x + box.width / 2, 1)
    return DrawnNode(node, x, y, box.width, box.height, middle, _short(node.title))


def _drawn_edge(edge: Edge, link: PlacedLink, most: int, direction: Direction) -> DrawnEdge:
    points = [(x + _MARGIN, y + _MARGIN) for x, y in link.points]
    thickness = _THINNEST + (_THICKEST - _THINNEST) * sqrt(edge.count / most)
    is_loop = edge.source == edge.target
    along_x = (direction == "right") != is_loop
    arrow, points = _arrow(points, along_x, thickness)
    width, height = _label_size(edge)
    x, y = link.label[0] + _MARGIN, link.label[1] + _MARGIN
    top = y - height / 2
    return DrawnEdge(
        edge=edge,
        path=_loop_path(points) if is_loop else _path(points, along_x),
        arrow=arrow,
        thickness=round(thickness, 2),
        label_x=round(x, 1),
        label_y=round(top, 1),
        label_width=width,
        label_height=height,
        lines=tuple(
            (round(top + 14 + _LABEL_LINE * place, 1), line) for place, line in enumerate(edge.lines)
        ),
    )


def _arrow(points: list[Point], along_x: bool, thickness: float) -> tuple[str, list[Point]]:
    """The head at the end of a line, and the line without the end that the head covers."""
    (x0, y0), (x, y) = points[-2], points[-1]
    length, half = _ARROW_LENGTH + thickness, _ARROW_HALF + thickness / 2
    if along_x:
        back = x - length if x >= x0 else x + length
        return f"M{x:g} {y:g}L{back:g} {y - half:g}L{back:g} {y + half:g}Z", [*points[:-1], (back, y)]
    back = y - length if y >= y0 else y + length
    return f"M{x:g} {y:g}L{x - half:g} {back:g}L{x + half:g} {back:g}Z", [*points[:-1], (x, back)]


def _path(points: Sequence[Point], along_x: bool) -> str:
    """A smooth line that passes every point in the direction of the drawing."""
    parts = [f"M{points[0][0]:g} {points[0][1]:g}"]
    for (x0, y0), (x, y) in pairwise(points):
        if (y0 == y) if along_x else (x0 == x):
            parts.append(f"L{x:g} {y:g}")
        elif along_x:
            middle = round((x0 + x) / 2, 1)
            parts.append(f"C{middle:g} {y0:g} {middle:g} {y:g} {x:g} {y:g}")
        else:
            middle = round((y0 + y) / 2, 1)
            parts.append(f"C{x0:g} {middle:g} {x:g} {middle:g} {x:g} {y:g}")
    return "".join(parts)


def _loop_path(points: Sequence[Point]) -> str:
    (x1, y1), (x2, y2), (x3, y3), (x4, y4) = points
    return f"M{x1:g} {y1:g}C{x2:g} {y2:g} {x3:g} {y3:g} {x4:g} {y4:g}"
