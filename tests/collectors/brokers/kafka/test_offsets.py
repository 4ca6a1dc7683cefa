"""How far a partition is settled, whatever the order in which its messages are."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from collectors.brokers.kafka.offsets import MAX_NOTE, Offsets


def taken(*numbers: int, committed: int = 0, note: str = "") -> Offsets:
    offsets = Offsets(note, committed)
    for number in numbers:
        assert offsets.take(number)
    return offsets


def test_what_is_settled_in_order_moves_the_commit_point():
    offsets = taken(5, 6, 7, committed=5)
    offsets.settle([5, 6])
    assert offsets.commit_point() == (7, "")
    offsets.settle([7])
    assert offsets.commit_point() == (8, "")


def test_what_is_settled_beyond_one_that_is_not_is_noted_and_not_handed_out_again():
    offsets = taken(5, 6, 7, 8, 9, committed=5)
    offsets.settle([6, 7, 9])
    point, note = offsets.commit_point()
    assert (point, note) == (5, "settled:1-2,4")
    after_a_restart = Offsets(note, point)
    assert [number for number in range(5, 11) if after_a_restart.take(number)] == [5, 8, 10]


def test_a_note_is_written_again_when_the_commit_point_moves_after_a_restart():
    offsets = taken(5, committed=5, note="settled:2-3")
    offsets.settle([5])
    assert offsets.commit_point() == (6, "settled:1-2")


def test_gaps_of_transactions_and_compaction_do_not_hold_it_up():
    offsets = taken(5, 9, 20, committed=5)
    offsets.settle([5, 9, 20])
    assert offsets.commit_point() == (21, "")


def test_what_is_released_comes_again_and_what_somebody_holds_does_not():
    offsets = taken(5, 6, 7)
    offsets.settle([6])
    assert offsets.release([5]) == 5
    assert offsets.commit_point()[0] == 5
    assert [number for number in (5, 6, 7, 8) if offsets.take(number)] == [5, 8]


def test_what_is_not_held_is_neither_settled_nor_released():
    offsets = taken(5)
    offsets.settle([9])
    assert offsets.release([9]) is None
    assert offsets.commit_point()[0] == 5


def test_a_note_of_somebody_else_is_no_matter():
    for note in ("NoMetadata", "settled:", "settled:x-3,,-", '{"v":1}'):
        assert Offsets(note, 3).take(3)


def test_a_note_that_would_be_too_long_leaves_out_its_end():
    offsets = taken(*range(10_000))
    offsets.settle(range(1, 10_000, 2))
    point, note = offsets.commit_point()
    assert point == 0
    assert MAX_NOTE - 10 < len(note) <= MAX_NOTE
    after_a_restart = Offsets(note, point)
    assert [number for number in range(6) if after_a_restart.take(number)] == [0, 2, 4]


@given(st.data(), st.integers(min_value=0, max_value=30))
def test_nothing_is_lost_and_nothing_settled_comes_again(data, count):
    committed = data.draw(st.integers(min_value=0, max_value=10**12))
    numbers = range(committed, committed + count)
    offsets = taken(*numbers, committed=committed)
    settled = data.draw(st.sets(st.sampled_from(numbers))) if count else set()
    offsets.settle(settled)
    point, note = offsets.commit_point()
    assert all(number in settled for number in range(committed, point))
    after_a_restart = Offsets(note, point)
    again = {number for number in range(point, committed + count) if after_a_restart.take(number)}
    assert again == set(numbers) - settled
