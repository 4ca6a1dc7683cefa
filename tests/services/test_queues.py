"""Queues as they are now: from their readings, never from old ones."""

from datetime import timedelta

import pytest

from controltower.domain.errors import NotFound
from controltower.domain.facts import QueueSample
from controltower.domain.queues import DRAINING, NOT_DRAINING, UNKNOWN
from controltower.services.queues import QueueState, load_history, load_queue, load_queues
from controltower.store.engine import Database, reading
from tests.builders import NOW, us
from tests.store.facts import store

MINUTE = timedelta(minutes=1)
OVER = 15 * MINUTE


def read(
    db: Database, measure: str, *values: float, queue: str = "orders", group: str = "", until=NOW, **more: str
) -> None:
    """A reading a minute, the last one at `until`."""
    first = until - (len(values) - 1) * MINUTE
    store(
        db,
        *(
            QueueSample(more.get("system", "rabbitmq"), queue, group, us(first + n * MINUTE), measure, value)
            for n, value in enumerate(values)
        ),
    )


def only(db: Database) -> QueueState:
    """The one queue there is."""
    with reading(db) as c:
        (state,) = load_queues(c, NOW, OVER)
    return state


def test_a_queue_that_is_worked_off_says_how_fast_and_until_when(db: Database):
    read(db, "ready", 100, 90, 80, 70, 60)
    read(db, "unacknowledged", 5, 5, 5, 5, 5)
    read(db, "consumers", 2, 2, 2, 2, 2)

    line = only(db).own

    assert line is not None and line.waiting is not None and line.growth is not None
    assert (line.waiting.value, round(line.growth.per_minute)) == (65, -10)
    assert line.drain is not None and line.drain.state == DRAINING
    assert round(line.drain.seconds or 0) == 390


def test_depth_is_preferred_to_its_parts(db: Database):
    read(db, "depth", 10, 12)
    read(db, "ready", 3, 3)

    line = only(db).own

    assert line is not None and line.waiting is not None
    assert line.waiting.value == 12
    assert line.drain is not None and line.drain.state == NOT_DRAINING


def test_stale_readings_speak_of_no_growth_and_no_drain(db: Database):
    read(db, "depth", 40, 30, 20, until=NOW - 10 * MINUTE)

    state = only(db)
    line = state.own

    assert state.is_stale and line is not None and line.waiting is not None
    assert (line.waiting.value, line.waiting.current, line.growth) == (20, None, None)
    assert line.drain is not None and line.drain.state == UNKNOWN


def test_one_old_measure_does_not_make_the_others_old(db: Database):
    read(db, "depth", 4, 4)
    read(db, "oldest_age_seconds", 80, until=NOW - 20 * MINUTE)

    line = only(db).own

    assert line is not None and not line.is_stale
    assert line.figures["oldest_age_seconds"].is_stale and not line.figures["depth"].is_stale


def test_what_is_no_longer_told_does_not_hide_what_is(db: Database):
    read(db, "depth", 900, until=NOW - 60 * MINUTE)
    read(db, "ready", 3, 3)

    line = only(db).own

    assert line is not None and line.waiting is not None
    assert (line.waiting.value, line.waiting.is_stale) == (3, False)


def test_of_a_topic_its_consumer_groups_say_what_waits(db: Database):
    read(db, "depth", 5000, 5000, system="kafka")
    read(db, "lag", 30, 20, group="billing", system="kafka")
    read(db, "lag", 7, 9, group="crm", system="kafka")

    state = only(db)

    assert state.own is not None and (state.own.waiting, state.own.drain) == (None, None)
    assert [(line.group, line.waiting.value if line.waiting else None) for line in state.groups] == [
        ("billing", 20),
        ("crm", 9),
    ]
    assert [line.drain.state for line in state.groups if line.drain] == [DRAINING, NOT_DRAINING]


def test_partitions_are_shown_with_their_topic(db: Database):
    for queue in ("orders", "orders/0", "orders/10", "orders/2"):
        read(db, "lag", 5, 4, queue=queue, group="billing", system="kafka")
    read(db, "depth", 1, queue="vhost/7", system="kafka")

    with reading(db) as c:
        assert [state.queue for state in load_queues(c, NOW, OVER)] == ["orders", "vhost/7"]
        state = load_queue(c, "kafka", "orders", NOW, OVER)
        partition = load_queue(c, "kafka", "orders/2", NOW, OVER)

    assert [line.queue for line in state.partitions] == ["orders/0", "orders/2", "orders/10"]
    assert all(line.growth is not None for line in state.partitions)
    assert (partition.queue, len(partition.groups), partition.partitions) == ("orders/2", 1, ())


def test_rates_are_told_or_counted(db: Database):
    read(db, "depth", 1, 1)
    read(db, "publish_rate", 2.5)
    read(db, "delivered_total", 0, 60, 120)

    line = only(db).own

    assert line is not None and (line.rate_in, line.rate_out) == (2.5, 1.0)


def test_what_is_no_queue_is_not_among_them(db: Database):
    read(db, "keys", 4, queue="cache:6379/db0", system="redis")
    read(db, "consumers", 4, queue="", group="billing", system="kafka")

    with reading(db) as c:
        assert load_queues(c, NOW, OVER) == []
        with pytest.raises(NotFound):
            load_queue(c, "redis", "cache:6379/db0", NOW, OVER)


def test_history_has_the_measures_that_are_drawn(db: Database):
    read(db, "depth", 1, 2, 3, system="kafka")
    read(db, "lag", 4, 5, 6, group="billing", system="kafka")
    read(db, "oldest_age_seconds", 4, system="kafka")

    with reading(db) as c:
        found = load_history(c, load_queue(c, "kafka", "orders", NOW, OVER), NOW - OVER, NOW + MINUTE)

    assert [(one.group, one.measure) for one in found] == [("", "depth"), ("billing", "lag")]
    assert [slot.most for slots in found.values() for slot in slots] == [1, 2, 3, 4, 5, 6]
