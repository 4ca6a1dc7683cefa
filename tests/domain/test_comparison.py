"""Two journeys side by side."""

from hypothesis import given
from hypothesis import strategies as st

from controltower.domain.comparison import MOST_STEPS, compare
from tests.domain.trails import a_step

words = st.text(alphabet="abc", max_size=12)


def steps(activities: str):
    return [a_step(activity, minute) for minute, activity in enumerate(activities)]


def states(a: str, b: str) -> list[str]:
    return [row.state for row in compare(steps(a), steps(b)).rows]


@given(words, words)
def test_every_step_stands_in_the_table_once_and_in_its_order(a: str, b: str):
    rows = compare(steps(a), steps(b)).rows
    assert "".join(row.a.activity for row in rows if row.a) == a
    assert "".join(row.b.activity for row in rows if row.b) == b


@given(words, words)
def test_rows_are_the_same_exactly_where_both_have_the_activity(a: str, b: str):
    for row in compare(steps(a), steps(b)).rows:
        alike = row.a is not None and row.b is not None and row.a.activity == row.b.activity
        assert (row.state == "same") == alike


@given(words, words, words)
def test_the_first_difference_is_where_the_journeys_part(start: str, a: str, b: str):
    found = compare(steps(f"{start}x{a}"), steps(f"{start}y{b}"))
    assert found.first_difference == len(start)


@given(words)
def test_a_journey_does_not_differ_from_itself(a: str):
    found = compare(steps(a), steps(a))
    assert found.first_difference is None
    assert len(found.rows) == len(a)


def test_a_step_that_only_one_has_lets_the_others_stand_beside_each_other():
    assert states("abcd", "acd") == ["same", "only_a", "same", "same"]
    assert states("acd", "abcd") == ["same", "only_b", "same", "same"]


def test_a_step_instead_of_another_stands_beside_it():
    assert states("abd", "acd") == ["same", "instead", "same"]


def test_the_shorter_journey_ends_where_the_other_goes_on():
    found = compare(steps("ab"), steps("abc"))
    assert (found.first_difference, found.rows[2].state) == (2, "only_b")


def test_endless_journeys_are_cut_and_the_rest_is_counted():
    found = compare(steps("a" * (MOST_STEPS + 5)), steps("a" * (MOST_STEPS + 2)))
    assert (len(found.rows), found.left_out) == (MOST_STEPS, 7)
