"""The folded time axis."""

from datetime import timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from controltower.domain.timeline import TICK_SPACING, Axis, compress, list_ticks
from tests.builders import NOW, us

MINUTE = 60_000_000
START = us(NOW)
# Bursts and silences of every size, some of them exactly at the threshold.
gaps = st.one_of(
    st.integers(0, MINUTE), st.integers(0, 10**13), st.just(30 * MINUTE), st.just(30 * MINUTE + 1)
)
some_times = st.lists(gaps, max_size=60).map(
    lambda steps: [START + sum(steps[:count]) for count in range(len(steps) + 1)]
)


def shares(axis: Axis, times: list[int]) -> list[float]:
    return [axis.share(time) for time in times]


@given(times=some_times, data=st.data())
def test_order_and_repetition_do_not_change_the_axis(times: list[int], data: st.DataObject) -> None:
    assert compress(data.draw(st.permutations(times + times))) == compress(times)


@given(times=some_times, probes=st.lists(st.integers(START - 10**9, START + 10**14), max_size=20))
def test_the_axis_never_runs_backwards_and_stays_within_its_width(
    times: list[int], probes: list[int]
) -> None:
    found = shares(compress(times), sorted(times + probes))
    assert all(0 <= share <= 1 for share in found)
    assert all(earlier <= later for earlier, later in pairwise(found))


@given(times=some_times)
def test_the_ends_of_the_times_are_the_ends_of_the_axis(times: list[int]) -> None:
    axis = compress(times)
    assert axis.share(min(times)) == 0
    assert axis.share(max(times)) == (1 if max(times) > min(times) else 0)


@given(times=some_times)
def test_exactly_the_long_gaps_are_folded_and_all_alike(times: list[int]) -> None:
    folds = compress(times).folds
    distinct = sorted(set(times))
    long = [(a, b) for a, b in pairwise(distinct) if b - a > 30 * MINUTE]
    assert [(fold.start_us, fold.end_us) for fold in folds] == long
    widths = [fold.end_share - fold.start_share for fold in folds]
    assert not widths or max(widths) - min(widths) < 1e-9


@given(times=some_times)
def test_stretches_join_without_a_gap(times: list[int]) -> None:
    for before, after in pairwise(compress(times).stretches):
        assert (before.end_us, before.end_share) == (after.start_us, after.start_share)


@given(times=some_times)
def test_ticks_are_in_order_apart_and_where_the_axis_has_them(times: list[int]) -> None:
    axis = compress(times)
    ticks = list_ticks(axis)
    assert all(b.share - a.share >= TICK_SPACING for a, b in pairwise(ticks))
    assert all(axis.share(us(tick.at)) == tick.share for tick in ticks)


def test_a_silent_night_is_folded_and_labelled() -> None:
    night = [START, START + MINUTE, START + MINUTE + 200 * MINUTE, START + 202 * MINUTE]
    (fold,) = compress(night).folds
    assert fold.label == "silent for 3 h 20 min"
    assert round(fold.end_share - fold.start_share, 6) == 0.06


def test_lone_events_far_apart_share_the_width() -> None:
    days = [START + day * 24 * 60 * MINUTE for day in range(5)]
    assert shares(compress(days), days) == [0, 0.25, 0.5, 0.75, 1]


def test_many_folds_leave_room_for_what_happened_between_them() -> None:
    times = [START + hour * 60 * MINUTE + offset for hour in range(40) for offset in (0, MINUTE)]
    axis = compress(times)
    live = sum(s.end_share - s.start_share for s in axis.stretches if not s.folded)
    assert live > 0.39


def test_the_threshold_can_be_chosen() -> None:
    assert len(compress([START, START + MINUTE], fold_after=timedelta(seconds=10)).folds) == 1


def test_no_times_and_one_time_make_an_axis() -> None:
    assert compress([]).share(START) == 0
    assert list_ticks(compress([])) == []
    assert [tick.label for tick in list_ticks(compress([START]))] == ["21 Nov 12:00"]


def test_ticks_name_the_date_only_where_it_changes() -> None:
    times = [START, START + 5 * MINUTE, START + 24 * 60 * MINUTE]
    labels = [tick.label for tick in list_ticks(compress(times))]
    assert labels[0] == "21 Nov 12:00"
    assert labels[-1] == "22 Nov 12:00"
    assert "12:01" in labels
