"""Queues: the newest samples, what was read in each part of a window, and thinning out old ones."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from controltower.domain.facts import QueueSample
from controltower.domain.queues import Point
from controltower.services.queue_thinning import TIERS, thin_once
from controltower.store.engine import SQLITE, Database, reading, transaction
from controltower.store.queue_thinning import mark_thinned, thinned_until
from controltower.store.queues import Series, list_queues, list_series, probe_queues, queue_history
from tests.builders import NOW, us
from tests.store.facts import explained, store
from tests.stores import clear, half_the_examples

DEPTH = Series("rabbitmq", "orders", "", "depth")
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def samples(moments: Iterable[datetime], series: Series = DEPTH) -> list[QueueSample]:
    """A sample at each moment; its value is its place."""
    system, queue, group, measure = series
    return [QueueSample(system, queue, group, us(at), measure, float(n)) for n, at in enumerate(moments)]


def every(step: timedelta, since: datetime, until: datetime) -> list[datetime]:
    """Moments from one to just before another."""
    return [since + n * step for n in range((until - since) // step)]


def kept(database: Database, series: Series = DEPTH) -> list[datetime]:
    """When the samples of a series that are left were taken."""
    with reading(database) as c:
        found = queue_history(
            c, series, since_at=NOW - 400 * DAY, until_at=NOW + DAY, slots=401 * 24 * 60 * 4
        )
    return [slot.starts_at for slot in found]


def test_a_queue_shows_the_newest_sample_of_each_measure(emptied_database: Database) -> None:
    orders, zebra = Series("rabbitmq", "orders", "", "consumers"), Series("rabbitmq", "Zebra", "", "depth")
    store(
        emptied_database,
        *samples([NOW, NOW + 2 * HOUR]),
        *samples([NOW + HOUR], orders),
        *samples([NOW], zebra),
        QueueSample("kafka", "orders/0", "billing", us(NOW), "lag", 40.5),
    )
    with reading(emptied_database) as c:
        kafka, first, second = list_queues(c)
        only = list_queues(c, "kafka")
    assert (kafka.system, kafka.group, kafka.measures["lag"].value) == ("kafka", "billing", 40.5)
    assert (first.queue, second.queue) == ("Zebra", "orders")
    assert {name: one.value for name, one in second.measures.items()} == {"depth": 1, "consumers": 0}
    assert (second.sampled_at, second.measures["consumers"].sampled_at) == (NOW + 2 * HOUR, NOW + HOUR)
    assert only == [kafka]


def test_the_interval_at_which_a_measure_is_read_is_told(emptied_database: Database) -> None:
    store(emptied_database, *samples([NOW - HOUR, NOW - 30 * MINUTE, NOW]))
    with reading(emptied_database) as c:
        (queue,) = list_queues(c)
    assert queue.measures["depth"].every == 30 * MINUTE

    store(emptied_database, *samples([NOW], Series("rabbitmq", "other", "", "depth")))
    with reading(emptied_database) as c:
        assert list_queues(c)[1].measures["depth"].every is None


def test_a_probe_finds_the_first_sample_of_each_part_of_a_window(emptied_database: Database) -> None:
    lag = Series("kafka", "orders", "billing", "lag")
    store(
        emptied_database,
        *samples([NOW - MINUTE, NOW, NOW + MINUTE, NOW + 45 * MINUTE, NOW + HOUR]),
        *samples([NOW + 20 * MINUTE], lag),
    )
    nothing = lag._replace(measure="depth")
    with reading(emptied_database) as c:
        found = probe_queues(c, [DEPTH, lag, nothing], since_at=NOW, until_at=NOW + HOUR, slots=4)
        assert probe_queues(c, [], since_at=NOW, until_at=NOW + HOUR, slots=4) == {}
    assert found == {
        DEPTH: [Point(us(NOW), 1), None, None, Point(us(NOW + 45 * MINUTE), 3)],
        lag: [None, Point(us(NOW + 20 * MINUTE), 0), None, None],
        nothing: [None] * 4,
    }


def test_more_series_than_fit_one_statement_are_probed(emptied_database: Database) -> None:
    many = [Series("kafka", f"topic-{n}", "", "depth") for n in range(620)]
    store(emptied_database, *(samples([NOW], series)[0] for series in many))
    with reading(emptied_database) as c:
        assert set(list_series(c)) == set(many)
        found = probe_queues(c, many, since_at=NOW, until_at=NOW + HOUR, slots=2)
    assert all(points == [Point(us(NOW), 0), None] for points in found.values())


def test_history_adds_samples_up_in_equal_parts_and_leaves_empty_ones_out(emptied_database: Database) -> None:
    store(emptied_database, *samples([NOW - MINUTE, *every(15 * MINUTE, NOW, NOW + HOUR), NOW + 3 * HOUR]))
    with reading(emptied_database) as c:
        found = queue_history(c, DEPTH, since_at=NOW, until_at=NOW + 4 * HOUR, slots=8)
    assert [(slot.starts_at, slot.least, slot.mean, slot.most) for slot in found] == [
        (NOW, 1, 1.5, 2),
        (NOW + 30 * MINUTE, 3, 3.5, 4),
        (NOW + 3 * HOUR, 5, 5, 5),
    ]


def test_after_a_day_one_sample_a_minute_is_left_and_after_a_week_one_in_fifteen(
    emptied_database: Database,
) -> None:
    step = timedelta(seconds=15)
    old, recent, today = NOW - 9 * DAY, NOW - 3 * DAY, NOW - HOUR
    for since in (old, recent, today):
        store(emptied_database, *samples(every(step, since, since + HOUR)))

    assert thin_once(emptied_database, NOW) == 3 * 60 + 3 * 60 + 60 - 4

    assert kept(emptied_database) == [
        *every(15 * MINUTE, old, old + HOUR),
        *every(MINUTE, recent, recent + HOUR),
        *every(step, today, today + HOUR),
    ]
    assert thin_once(emptied_database, NOW) == 0


def test_thinning_goes_on_where_it_left_off(emptied_database: Database) -> None:
    moments = every(timedelta(seconds=30), NOW - 2 * DAY, NOW - 2 * DAY + HOUR)
    store(emptied_database, *samples(moments))
    assert thin_once(emptied_database, NOW) == 60
    with reading(emptied_database) as c:
        assert thinned_until(c, TIERS[0].slot_us) == us(NOW - DAY)

    # What arrives with an old time stays as it is: nobody looks at that part again.
    store(emptied_database, *samples(moments))
    assert thin_once(emptied_database, NOW + HOUR) == 0
    assert thin_once(emptied_database, NOW + 7 * DAY) == 120 - 4


def test_of_two_workers_one_notes_how_far_thinning_came(emptied_database: Database) -> None:
    with transaction(emptied_database) as c:
        assert mark_thinned(c, 60, 0, us(NOW))
        assert not mark_thinned(c, 60, 0, us(NOW) - 1)
        assert thinned_until(c, 60) == us(NOW)


@half_the_examples
@given(seconds=st.lists(st.integers(0, 3 * 3600), unique=True))
def test_thinning_leaves_the_first_sample_of_each_minute(
    module_database: Database, seconds: list[int]
) -> None:
    clear(module_database)
    start = NOW - 3 * DAY
    moments = sorted(start + timedelta(seconds=n) for n in seconds)
    store(module_database, *samples(moments))

    thin_once(module_database, NOW)

    firsts: dict[datetime, datetime] = {}
    for at in moments:
        firsts.setdefault(at.replace(second=0), at)
    with reading(module_database) as c:
        found = queue_history(c, DEPTH, since_at=start, until_at=start + 4 * HOUR, slots=4 * 3600)
    assert [slot.starts_at for slot in found] == list(firsts.values())


def test_series_are_found_by_leaps_and_not_by_reading_what_lies_between(emptied_database: Database) -> None:
    # SQLite looks up only the first column of (a, b) > (c, d), and would read every sample of a system.
    store(emptied_database, *samples([NOW]))
    with explained(emptied_database) as (c, plans):
        list_series(c)
    (plan,) = plans
    if emptied_database.dialect == SQLITE:
        assert plan.count("(system>?)") == 1
        assert "(system=? AND queue=? AND group=? AND measure>?)" in plan
