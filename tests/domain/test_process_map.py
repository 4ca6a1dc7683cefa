"""Process maps: what follows what, and which variants there are."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from controltower.domain.process_map import (
    END,
    START,
    Activity,
    ProcessMap,
    map_process,
    variant_id,
)
from controltower.domain.steps import Trail
from tests.domain.trails import MINUTE, a_trail, some_trails


def counted(found: ProcessMap) -> dict[tuple[str, str], int]:
    return {(one.before, one.after): one.count for one in found.transitions}


@given(some_trails(), st.integers(1, 4), st.data())
def test_order_and_repetition_of_journeys_do_not_change_the_map(
    trails: list[Trail], most: int, data: st.DataObject
):
    shuffled = data.draw(st.permutations([*trails, *trails]))
    assert map_process(shuffled, most_activities=most) == map_process(trails, most_activities=most)


@given(some_trails(), st.integers(1, 4))
def test_as_much_enters_an_activity_as_leaves_it(trails: list[Trail], most: int):
    found = map_process(trails, most_activities=most)
    entered: Counter[str] = Counter()
    left: Counter[str] = Counter()
    for one in found.transitions:
        left[one.before] += one.count
        entered[one.after] += one.count
    assert {a.name: a.steps for a in found.activities} == {
        name: count for name, count in entered.items() if name != END
    }
    assert left[START] == entered[END]
    assert all(entered[a.name] == left[a.name] for a in found.activities)


@given(some_trails())
def test_every_journey_is_of_one_variant(trails: list[Trail]):
    found = map_process(trails)
    members = [journey for variant in found.variants for journey in variant.journeys]
    assert sorted(members) == sorted(trail.journey_id for trail in trails if trail.steps)
    assert found.journeys + found.without_steps == len(trails)
    assert len({variant.id for variant in found.variants}) == len(found.variants)


def test_transitions_have_counts_and_times():
    found = map_process([a_trail(1, "a", "b", minutes=2), a_trail(2, "a", "b", "b", minutes=4)])
    (transition,) = [one for one in found.transitions if (one.before, one.after) == ("a", "b")]
    assert (transition.count, transition.journeys) == (2, 2)
    assert transition.gap is not None and transition.gap.p50_us == 3 * MINUTE
    assert counted(found) == {(START, "a"): 2, ("a", "b"): 2, ("b", "b"): 1, ("b", END): 2}


def test_what_is_passed_over_lets_its_neighbours_meet():
    found = map_process([a_trail(1, "a", "rare", "b"), a_trail(2, "a", "b")], most_activities=2)
    assert counted(found) == {(START, "a"): 2, ("a", "b"): 2, ("b", END): 2}
    assert found.left_out == ("rare",)
    (transition,) = [one for one in found.transitions if one.before == "a"]
    assert transition.gap is not None and transition.gap.p50_us == 1.5 * MINUTE
    assert [len(variant.activities) for variant in found.variants] == [2, 3]


def test_variants_come_by_frequency_and_their_journeys_newest_first():
    found = map_process([a_trail(1, "a", "b"), a_trail(2, "a"), a_trail(3, "a", "b"), a_trail(4)])
    assert [(v.activities, len(v.journeys)) for v in found.variants] == [(("a", "b"), 2), (("a",), 1)]
    assert [journey[-1] for journey in found.variants[0].journeys] == [3, 1]
    assert (found.journeys, found.without_steps) == (3, 1)


def test_a_variant_is_called_by_its_activities_and_their_order():
    assert variant_id(["a", "b"]) == variant_id(("a", "b"))
    assert len({variant_id(names) for names in (["a", "b"], ["b", "a"], ["ab"], ["a", "b", "b"])}) == 4


def test_an_activity_knows_who_reports_it_and_whether_it_fails():
    (activity,) = map_process([a_trail(1, "a", "a", systems="YX")]).activities
    assert activity == Activity("a", journeys=1, steps=2, is_failed=False, systems=("X", "Y"))
