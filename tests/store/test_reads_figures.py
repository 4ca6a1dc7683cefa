"""Figures of the home page, and sources."""

from dataclasses import replace
from datetime import timedelta

from controltower.domain.processes import ProcessBook
from controltower.store import figures
from controltower.store.engine import Database, reading
from controltower.store.queues import list_queues
from controltower.store.sources import list_dropped, list_sources
from tests.builders import NOW, a_segment, an_event, order_to_cash, us
from tests.store.facts import store

HOUR = timedelta(hours=1)


def test_journeys_are_counted_by_what_is_asked_for(emptied_database: Database) -> None:
    store(
        emptied_database,
        an_event("order.captured", ("order", "A")),
        an_event("order.captured", ("order", "B")),
        an_event("order.posted.failed", ("order", "B"), at=NOW + HOUR),
    )
    with reading(emptied_database) as c:
        assert figures.counts(c, "status") == {
            ("order-to-cash", "in_flight"): 1,
            ("order-to-cash", "failed"): 1,
        }
        assert figures.counts(c, "waiting") == {("order-to-cash", "captured"): 1}
        assert figures.counts(c, "nothing") == {}


def test_minutes_are_listed_in_order_and_only_those_asked_for(emptied_database: Database) -> None:
    for hours in (2, 0, 1):
        store(
            emptied_database,
            an_event("order.posted.failed", ("order", "A"), outcome="failed"),
            at=NOW + hours * HOUR,
        )
    since = us(NOW + HOUR) // 60_000_000
    with reading(emptied_database) as c:
        assert figures.per_minute(c, since, ["failures", "events"]) == [
            (since, "events", 1),
            (since, "failures", 1),
            (since + 60, "events", 1),
            (since + 60, "failures", 1),
        ]


def test_the_oldest_in_a_stage_is_the_one_that_waits_there_longest(emptied_database: Database) -> None:
    store(
        emptied_database,
        an_event("order.captured", ("order", "A"), at=NOW - HOUR),
        an_event("order.accepted", ("order", "A"), at=NOW + HOUR),
        an_event("order.captured", ("order", "B"), at=NOW),
        an_event("order.captured", ("order", "C"), at=NOW + HOUR),
        an_event("note", ("order", "D"), at=NOW - 9 * HOUR),
        an_event("order.captured", ("order", "E"), at=NOW - 5 * HOUR),
        an_event("order.cancelled", ("order", "E"), at=NOW),
    )
    with reading(emptied_database) as c:
        assert figures.oldest_in_stage(c) == {
            ("order-to-cash", ""): NOW - 9 * HOUR,
            ("order-to-cash", "captured"): NOW,
            ("order-to-cash", "accepted"): NOW + HOUR,
        }


def test_processes_that_name_a_stage_alike_have_an_oldest_journey_each(emptied_database: Database) -> None:
    rental = replace(order_to_cash(), name="rental", is_default=False, chosen_by=("rental.booked",))
    store(
        emptied_database,
        an_event("order.captured", ("order", "A"), at=NOW - 2 * HOUR),
        an_event("order.captured", ("order", "B"), at=NOW - HOUR),
        an_event("order.accepted", ("order", "B"), at=NOW),
        an_event("rental.booked", ("order", "C"), at=NOW - HOUR),
        an_event("order.accepted", ("order", "C"), at=NOW + HOUR),
        processes=ProcessBook({one.name: one for one in (order_to_cash(), rental)}),
    )
    with reading(emptied_database) as c:
        oldest = figures.oldest_in_stage(c)
    assert oldest["order-to-cash", "accepted"] == NOW
    assert oldest["rental", "accepted"] == NOW + HOUR


def test_a_parcel_that_shows_on_an_order_does_not_wait_by_itself(emptied_database: Database) -> None:
    store(
        emptied_database,
        an_event("shipment.shipped", ("tracking", "1Z"), at=NOW - 90 * HOUR),
        an_event("order.captured", ("order", "A"), ("tracking", "1Z"), at=NOW),
        an_event("shipment.shipped", ("tracking", "2Z"), at=NOW),
    )
    with reading(emptied_database) as c:
        assert figures.oldest_in_stage(c) == {("order-to-cash", "shipped"): NOW - 90 * HOUR}


def test_the_newest_failures_come_first_and_mended_ones_not_at_all(emptied_database: Database) -> None:
    store(
        emptied_database,
        an_event("order.posted.failed", ("order", "A"), at=NOW),
        an_event("order.posted.failed", ("order", "B"), at=NOW + HOUR),
        an_event("order.posted.failed", ("order", "C"), at=NOW + HOUR),
        an_event("order.posted", ("order", "C"), at=NOW + 2 * HOUR),
    )
    with reading(emptied_database) as c:
        assert [row.title for row in figures.newest_failures(c)] == ["B", "A"]
        assert [row.title for row in figures.newest_failures(c, 1)] == ["B"]


def test_sources_say_when_they_were_last_heard_of(emptied_database: Database) -> None:
    store(
        emptied_database, an_event("order.captured", ("order", "N/A"), source="/erp", at=NOW - HOUR), at=NOW
    )
    store(emptied_database, a_segment(bytes([1]) * 16, service="erp"), at=NOW + HOUR)
    with reading(emptied_database) as c:
        events, spans = figures.sources(c)
        assert list_sources(c, "spans") == [spans]
        assert list_dropped(c) == []
    assert (events.name, events.signal, events.facts, events.refused_links) == ("erp", "events", 1, 1)
    assert (events.last_occurred_at, events.last_received_at) == (NOW - HOUR, NOW)
    assert (spans.signal, spans.first_received_at) == ("spans", NOW + HOUR)


def test_an_empty_store_has_empty_figures(emptied_database: Database) -> None:
    with reading(emptied_database) as c:
        assert list_queues(c) == []
        assert figures.oldest_in_stage(c) == {}
        assert figures.newest_failures(c) == []
        assert figures.per_minute(c, 0, ["events"]) == []
