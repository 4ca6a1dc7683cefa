"""How figures of maps read, and how graphs become SVG."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from controltower.domain.process_map import END, START
from controltower.services.flows import JourneysRead, SpansRead
from controltower.web.drawings import Edge, Node, draw, level_of
from controltower.web.map_words import activity_titles, brief, journeys_words, rate, share, spans_words
from tests.builders import order_to_cash

SECOND = 1_000_000


@pytest.mark.parametrize(
    ("us", "words"),
    [
        (0, "0 s"),
        (7, "7 µs"),
        (12_000, "12 ms"),
        (1_500_000, "1.5 s"),
        (59 * SECOND, "59 s"),
        (59_900_000, "1 min"),
        (90 * SECOND, "1.5 min"),
        (9_720 * SECOND, "2.7 h"),
        (48 * 3600 * SECOND, "2 d"),
    ],
)
def test_a_time_reads_in_one_unit(us: int, words: str):
    assert brief(us) == words


@pytest.mark.parametrize(
    ("per_hour", "words"),
    [(None, "–"), (7200, "2/s"), (90, "1.5/min"), (60, "1/min"), (48, "48/h"), (0.5, "12/day"), (0, "0/day")],
)
def test_a_rate_reads_in_the_unit_that_suits_it(per_hour: float | None, words: str):
    assert rate(per_hour) == words


@pytest.mark.parametrize(
    ("part", "words"),
    [(0, "0 %"), (0.0001, "< 0.1 %"), (0.017, "1.7 %"), (0.25, "25 %"), (0.9999, "> 99.9 %"), (1, "100 %")],
)
def test_a_share_never_reads_as_nothing_or_all_when_it_is_not(part: float, words: str):
    assert share(part) == words


def test_stages_have_their_titles():
    titles = activity_titles(["posted.failed", "captured", "cancelled"], order_to_cash(), by_stage=True)
    assert titles["posted.failed"] == "Posted to ERP failed"
    assert (titles["captured"], titles["cancelled"]) == ("Captured", "Cancelled")
    assert titles.keys() == {"posted.failed", "captured", "cancelled", START, END}


def test_event_types_lose_what_all_have_unless_they_would_be_the_same_then():
    told = activity_titles(["com.acme.order.posted", "com.acme.order.posted.failed"], None, by_stage=False)
    assert told["com.acme.order.posted"] == "order.posted"
    assert told["com.acme.order.posted.failed"] == "order.posted.failed"
    alike = activity_titles(["a.order.posted", "b.order.posted"], None, by_stage=False)
    assert alike["a.order.posted"] == "a.order.posted"


def test_what_was_read_is_said_with_what_it_is_of():
    back = datetime(2026, 5, 1, 8, 30, tzinfo=UTC)
    assert journeys_words(JourneysRead(1, 1, None, 0, True)) == "All 1 journey of the window"
    cut = journeys_words(JourneysRead(2_000, 20_000, back, 3, False))
    assert cut == (
        "Sampled: 2,000 of 20,000 journeys, spread evenly over them; 3 journeys with more than 1,000 events "
        "left out; only the newest 20,000 journeys were looked at, which started since 1 May 2026 08:30 UTC"
    )
    assert spans_words(SpansRead(240, 1_000, 20_000, False)).endswith("in which 20,000 spans arrived")
    assert "arrived" not in spans_words(SpansRead(240, 1_000, None, False))


def a_graph() -> tuple[list[Node], list[Edge]]:
    nodes = [Node("a", "A"), Node("b", "x" * 60), Node(START, "Start", kind="mark")]
    edges = [
        Edge("1", "a", "b", 100, ("100",), "a to b"),
        Edge("2", "b", "a", 1, ("1",), "b to a", is_chosen=True),
        Edge("3", "b", "b", 5, ("5",), "again"),
        Edge("4", START, "a", 5, (), "begins"),
    ]
    return nodes, edges


def test_a_drawing_has_a_place_for_everything():
    drawing = draw(*a_graph(), "down")
    assert {one.node.key for one in drawing.nodes} == {"a", "b", START}
    assert len(drawing.edges) == 4
    numbers = [
        float(n) for one in drawing.edges for n in re.findall(r"-?\d+(?:\.\d+)?", one.path + one.arrow)
    ]
    assert all(0 <= number <= max(drawing.width, drawing.height) for number in numbers)


def test_what_was_chosen_lies_on_top_and_what_is_frequent_is_thick():
    drawing = draw(*a_graph(), "down")
    assert drawing.edges[-1].edge.is_chosen
    thickness = {one.edge.key: one.thickness for one in drawing.edges}
    assert thickness["1"] > thickness["3"] > thickness["2"]


def test_long_names_are_cut_and_no_title_is_wider_than_its_box():
    (long,) = [one for one in draw(*a_graph(), "down").nodes if one.node.key == "b"]
    assert len(long.title) == 28 and long.title.endswith("…")
    assert long.width > 7 * len(long.title)


@pytest.mark.parametrize(("count", "level"), [(0, 1), (1, 1), (21, 2), (100, 5)])
def test_levels_grow_with_the_count(count: int, level: int):
    assert level_of(count, 100) == level
