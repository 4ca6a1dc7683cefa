"""Layered drawings: nothing lies on anything else, and the same graph is drawn the same."""

from itertools import combinations, pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controltower.domain.layout import Box, Layout, Link, forward_order, lay_out, layers_of

Graph = tuple[list[Box], list[Link]]


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    names = [f"n{number}" for number in range(draw(st.integers(1, 8)))]
    boxes = [Box(name, draw(st.integers(20, 200)), draw(st.integers(20, 60))) for name in names]
    ends = draw(st.lists(st.tuples(st.sampled_from(names), st.sampled_from(names)), max_size=14))
    links = [
        Link(f"l{number}", source, target, draw(st.integers(1, 50)), 60, 30)
        for number, (source, target) in enumerate(ends)
    ]
    return boxes, links


def drawn(*ways: str, **options: Any) -> Layout:
    names = sorted({name for way in ways for name in way})
    links = [Link(way, way[0], way[1], 1, 40, 20) for way in ways]
    return lay_out([Box(name, 100, 40) for name in names], links, **options)


def rectangles(layout: Layout, links: list[Link]) -> list[tuple[float, float, float, float]]:
    sizes = {link.key: (link.label_width, link.label_height) for link in links}
    found = [(b.x, b.y, b.x + b.width, b.y + b.height) for b in layout.boxes]
    for link in layout.links:
        (x, y), (width, height) = link.label, sizes[link.key]
        found.append((x - width / 2, y - height / 2, x + width / 2, y + height / 2))
    return found


def overlap(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    slack = 0.2  # places are rounded to a tenth
    return min(a[2], b[2]) - max(a[0], b[0]) > slack and min(a[3], b[3]) - max(a[1], b[1]) > slack


@given(graphs(), st.sampled_from(["down", "right"]), st.data())
def test_the_order_of_boxes_and_links_does_not_change_the_drawing(
    graph: Graph, direction: Any, data: st.DataObject
):
    boxes, links = graph
    shuffled = lay_out(
        data.draw(st.permutations([*boxes, *boxes])),
        data.draw(st.permutations([*links, *links])),
        direction=direction,
    )
    assert shuffled == lay_out(boxes, links, direction=direction)


@given(graphs(), st.sampled_from(["down", "right"]))
def test_no_box_and_no_label_lies_on_another(graph: Graph, direction: Any):
    # One line from a box to itself is all that maps have.
    boxes, links = graph
    loops = {link.source: link for link in links if link.source == link.target}
    links = [link for link in links if link.source != link.target] + list(loops.values())
    layout = lay_out(boxes, links, direction=direction)
    placed = rectangles(layout, links)
    assert [pair for pair in combinations(placed, 2) if overlap(*pair)] == []


@given(graphs(), st.sampled_from(["down", "right"]))
def test_everything_is_drawn_and_lies_within(graph: Graph, direction: Any):
    boxes, links = graph
    layout = lay_out(boxes, links, direction=direction)
    assert {box.key for box in layout.boxes} == {box.key for box in boxes}
    assert {link.key for link in layout.links} == {link.key for link in links}
    for x, y in [*(p for link in layout.links for p in link.points), *((b.x, b.y) for b in layout.boxes)]:
        assert -0.2 <= x <= layout.width + 0.2
        assert -0.2 <= y <= layout.height + 0.2


@given(graphs())
def test_a_line_begins_and_ends_at_the_sides_of_its_boxes(graph: Graph):
    boxes, links = graph
    layout = lay_out(boxes, links)
    places = {box.key: box for box in layout.boxes}
    ends = {link.key: (link.source, link.target) for link in links}
    for link in layout.links:
        for (x, y), name in zip((link.points[0], link.points[-1]), ends[link.key], strict=True):
            box = places[name]
            assert box.x - 0.2 <= x <= box.x + box.width + 0.2
            assert box.y - 0.2 <= y <= box.y + box.height + 0.2


@given(graphs())
def test_all_but_what_closes_a_circle_points_down_a_layer(graph: Graph):
    boxes, links = graph
    order = forward_order([box.key for box in boxes], links)
    layers = layers_of(order, links)
    place = {name: index for index, name in enumerate(order)}
    for link in links:
        if link.source != link.target:
            forward = place[link.source] < place[link.target]
            assert (layers[link.source] < layers[link.target]) == forward


def test_a_chain_is_a_straight_line():
    layout = drawn("ab", "bc", "cd")
    assert len({box.x for box in layout.boxes}) == 1
    assert [box.y for box in layout.boxes] == sorted(box.y for box in layout.boxes)


def test_the_rarer_way_points_back():
    links = [Link("often", "a", "b", 10), Link("seldom", "b", "a", 1)]
    places = {box.key: box.y for box in lay_out([Box("a", 10, 10), Box("b", 10, 10)], links).boxes}
    assert places["a"] < places["b"]


def test_lines_that_need_not_cross_do_not():
    layout = drawn("ay", "bx")
    x = {box.key: box.x for box in layout.boxes}
    assert (x["a"] < x["b"]) == (x["y"] < x["x"])


def test_to_the_right_is_the_same_drawing_turned():
    layout = drawn("ab", "bc", direction="right")
    assert [box.x for box in layout.boxes] == sorted(box.x for box in layout.boxes)
    assert len({box.y for box in layout.boxes}) == 1


def test_what_begins_late_stands_right_before_what_it_leads_to():
    layers = layers_of("abxc", [Link("1", "a", "b"), Link("2", "b", "c"), Link("3", "x", "c")])
    assert layers == {"a": 0, "b": 1, "c": 2, "x": 1}


def test_a_line_that_passes_a_layer_runs_beside_its_boxes():
    layout = drawn("ab", "bc", "ac")
    (middle,) = [box for box in layout.boxes if box.key == "b"]
    (past,) = [link for link in layout.links if link.key == "ac"]
    level = [x for x, y in past.points if middle.y <= y <= middle.y + middle.height]
    assert level and all(not middle.x <= x <= middle.x + middle.width for x in level)
    assert all(lower >= upper for (_, upper), (_, lower) in pairwise(past.points))


@pytest.mark.parametrize("links", [[], [Link("l", "a", "nobody")]])
def test_what_is_not_there_is_not_drawn(links: list[Link]):
    assert lay_out([], links) == Layout(0, 0, (), ())
    assert lay_out([Box("a", 10, 10)], links).links == ()
