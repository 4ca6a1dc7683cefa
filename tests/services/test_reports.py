"""Reports over all that a source told, from the real store."""

import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from controltower.domain.errors import BadPayload
from controltower.domain.identifiers import Identifier, key_of
from controltower.services.reports import gathering
from controltower.services.reports.figures import (
    count_events,
    count_values,
    count_variants,
    measure_durations,
)
from controltower.services.reports.gathering import Scope
from controltower.services.reports.lateness import find_late
from controltower.services.reports.spread import count_amounts, count_spread
from controltower.store.engine import reading
from controltower.store.told import list_sources_told
from tests.builders import an_event
from tests.store.facts import store

START = datetime(2026, 5, 1, 9, tzinfo=UTC)
SHOP = Scope("/shop")
NO_LIMIT = timedelta()


def told(kind, hours, *identifiers, **data):
    """An event so many hours after the start, with its data as the payload that a source would send."""
    event = an_event(kind, *identifiers, at=START + timedelta(hours=hours))
    return event._replace(payload=json.dumps({"data": data}).encode())


def journey(kind, value):
    return key_of(Identifier(kind, value)).hex()


def test_events_are_counted_by_type_and_identifiers_by_kind(db):
    store(
        db,
        told("order.captured", 0, ("order", "1"), ("customer", "c")),
        told("order.captured", 1, ("order", "2"), ("customer", "c")),
        told("order.shipped", 2, ("order", "2")),
        an_event("order.captured", ("order", "3"), source="/other"),
    )
    with reading(db) as c:
        found = count_events(c, "/shop")
        assert list_sources_told(c) == [("/other", 1), ("/shop", 3)]
    assert (found.events, found.types) == (3, {"order.captured": 2, "order.shipped": 1})
    assert found.identifiers == {"customer": 1, "order": 2}
    assert (found.first_at, found.last_at) == (START, START + timedelta(hours=2))


def test_a_source_that_told_nothing_has_no_figures(db):
    with reading(db) as c:
        assert count_events(c, "/shop").events == 0
        assert measure_durations(c, SHOP, ["a"], ["b"], NO_LIMIT).median_h is None
        assert count_variants(c, SHOP, []).variants == []


def test_values_are_counted_by_their_path(db):
    store(
        db,
        told("order.captured", 0, ("order", "1"), ship={"mode": "air"}),
        told("order.captured", 1, ("order", "2"), ship={"mode": "air"}),
        told("order.captured", 2, ("order", "3"), ship={"mode": 7}),
        told("order.captured", 3, ("order", "4"), ship="sea"),
        told("order.shipped", 4, ("order", "4"), ship={"mode": "road"}),
    )
    with reading(db) as c:
        found = count_values(c, "/shop", ["order.captured"], "ship.mode")
    assert found == {"air": 2, "7": 1, "": 1}


def test_values_may_be_counted_by_how_they_are_written(db):
    for order, text in enumerate(["5/3/26", "12/31/26", "5/4/26", "N/A \u00dcber", ""]):
        store(db, told("order.captured", 0, ("order", str(order)), released=text))
    with reading(db) as c:
        found = count_values(c, "/shop", [], "released", shapes=True)
    assert found == {"9/9/99": 2, "99/99/99": 1, "A/A Aaaa": 1, "": 1}


def test_an_event_that_says_something_else_under_a_known_id_is_a_conflict(db):
    first = told("order.captured", 0, ("order", "1"), total="1.00")._replace(id="e1")
    store(db, first, first)
    with reading(db) as c:
        assert count_events(c, "/shop").conflicts == 0
    store(
        db,
        first._replace(digest=b"other" * 3 + b"!"),
        first._replace(digest=b"third" * 3 + b"!", type="order.shipped"),
        first._replace(digest=b"theirs" * 2 + b"!!!!", source="/other"),
    )
    with reading(db) as c:
        assert count_events(c, "/shop").conflicts == 2
        assert count_events(c, "").conflicts == 2
        assert count_events(c, "/shop", ["order.captured"]).conflicts == 1
        assert count_events(c, "/other").conflicts == 0


def test_figures_may_be_of_some_types_alone(db):
    store(db, told("order.captured", 0, ("order", "1")), told("com.acme.order.shipped", 5, ("order", "1")))
    with reading(db) as c:
        found = count_events(c, "/shop", ["order.shipped"])
    assert (found.events, found.first_at) == (1, START + timedelta(hours=5))


def test_journeys_are_counted_by_how_many_identifiers_of_a_kind_they_name(db):
    store(
        db,
        told("line.captured", 0, ("order", "1"), ("seller", "a")),
        told("line.captured", 0, ("order", "1"), ("seller", "b")),
        told("line.captured", 0, ("order", "2"), ("seller", "a")),
        told("line.captured", 0, ("order", "2"), ("seller", "a")),
        told("order.captured", 0, ("order", "3")),
    )
    with reading(db) as c:
        by_journey = count_spread(c, SHOP, "seller")
        by_order = count_spread(c, Scope("/shop", "order"), "seller", ["line.captured"])
    assert (by_journey.groups, by_journey.counts) == (3, {0: 1, 1: 1, 2: 1})
    assert by_journey.examples == [journey("order", "1")]
    assert (by_order.counts, by_order.examples) == ({1: 1, 2: 1}, ["1"])


def test_a_journey_names_what_its_legs_name(db):
    store(
        db,
        told("order.captured", 0, ("order", "1"), ("shipment", "s")),
        told("shipment.shipped", 1, ("shipment", "s"), ("batch", "b")),
    )
    with reading(db) as c:
        assert count_spread(c, SHOP, "batch").counts == {1: 1}


def test_amounts_are_added_up_by_currency(db):
    for order, amount in enumerate(["0.00", "10.10", "-0.10", "much", "NaN"]):
        store(db, told("payment.captured", 0, ("order", str(order)), amount=amount, currency="EUR"))
    store(db, told("payment.captured", 0, ("order", "8"), amount=3, currency="USD"))
    store(db, told("payment.captured", 0, ("order", "9")))
    with reading(db) as c:
        found = count_amounts(c, "/shop", ["payment.captured"], "amount")
    euros, dollars = found.amounts
    assert (euros.currency, euros.n, euros.zero, euros.negative, euros.total) == ("EUR", 3, 1, 1, "10.00")
    assert (euros.smallest, euros.median, euros.largest) == ("-0.10", "0.00", "10.10")
    assert (dollars.currency, dollars.total) == ("USD", "3")
    assert (found.unreadable, found.missing) == (2, 1)


def test_durations_run_from_the_first_start_to_the_first_end_of_each_journey(db):
    store(
        db,
        told("order.captured", 0, ("order", "1")),
        told("order.captured", 5, ("order", "1")),
        told("com.acme.order.shipped", 10, ("order", "1")),
        told("com.acme.order.shipped", 30, ("order", "1")),
        told("order.captured", 10, ("order", "2")),
        told("order.shipped", 8, ("order", "2")),
        told("order.captured", 0, ("order", "3")),
    )
    with reading(db) as c:
        found = measure_durations(c, SHOP, ["order.captured"], ["order.shipped"], timedelta(hours=9))
    assert (found.n, found.median_h, found.max_h) == (2, 4.0, 10.0)
    assert (found.negative, found.over, found.unfinished) == (1, 1, 1)


def test_durations_may_be_measured_by_the_clock_on_the_wall(db):
    summer_ends = (datetime(2026, 10, 24, 12, tzinfo=UTC) - START) / timedelta(hours=1)
    store(
        db,
        told("order.captured", summer_ends, ("order", "1")),
        told("order.shipped", summer_ends + 24, ("order", "1")),
    )
    with reading(db) as c:
        ends = (["order.captured"], ["order.shipped"], NO_LIMIT)
        assert measure_durations(c, SHOP, *ends).max_h == 24
        assert measure_durations(c, SHOP, *ends, ZoneInfo("Europe/Berlin")).max_h == 23


def test_events_of_a_leg_count_for_every_journey_that_it_belongs_to(db):
    store(
        db,
        told("order.captured", 0, ("order", "1"), ("package", "p")),
        told("order.captured", 1, ("order", "2"), ("package", "p")),
        told("shipment.delivered", 5, ("package", "p")),
    )
    with reading(db) as c:
        found = measure_durations(c, SHOP, ["order.captured"], ["shipment.delivered"], NO_LIMIT)
    assert (found.n, found.median_h, found.max_h) == (2, 4.5, 5.0)


def test_groups_may_share_an_identifier_of_any_kind(db):
    store(
        db,
        told("order.released", 0, ("order", "1"), ("acme.line", "1-1")),
        told("order.released", 0, ("order", "1"), ("acme.line", "1-2")),
        told("shipment.delivered", 3, ("order", "1"), ("acme.line", "1-2")),
    )
    with reading(db) as c:
        found = measure_durations(
            c, Scope("/shop", "line"), ["order.released"], ["shipment.delivered"], NO_LIMIT
        )
    assert (found.n, found.max_h, found.unfinished) == (1, 3.0, 1)


def test_variants_are_the_orders_in_which_the_events_of_journeys_follow(db):
    store(
        db,
        *(told(kind, place, ("order", "1")) for place, kind in enumerate(["a", "b", "c"])),
        *(told(kind, place, ("order", "2"), ("package", "p")) for place, kind in enumerate(["a", "c", "b"])),
        *(told(kind, place, ("order", "3")) for place, kind in enumerate(["a", "b", "c"])),
        told("leg", 1, ("package", "p")),
    )
    with reading(db) as c:
        found = count_variants(c, SHOP, [])
    assert [(one.sequence, one.count) for one in found.variants] == [
        (("a", "b", "c"), 2),
        (("a", "c", "b"), 1),
    ]
    assert found.variants[1].examples == (journey("order", "2"),)
    assert sum(one.share for one in found.variants) == pytest.approx(1)


def test_events_of_one_moment_follow_in_the_order_that_is_asked_for(db):
    store(db, told("a", 0, ("order", "1")), told("b", 0, ("order", "1")), told("c", 0, ("order", "1")))
    with reading(db) as c:
        assert count_variants(c, SHOP, ["c", "a"]).variants[0].sequence == ("c", "a")
        assert count_variants(c, SHOP, ["a", "c"]).variants[0].sequence == ("a", "c")


def late(db, rule="timestamp", by="", zone="UTC", as_of=START + timedelta(days=30), given_up=()):
    asked = {"rule": rule, "zone": ZoneInfo(zone), "as_of": as_of, "given_up": given_up}
    with reading(db) as c:
        return find_late(c, Scope("/shop", by), **asked)


def test_what_comes_after_its_promise_is_late(db):
    for order, hours in (("1", 24), ("2", 25), ("3", 23)):
        store(
            db,
            told("order.captured", 0, ("order", order), promised="2026-05-02T09:00:00Z"),
            told("order.delivered", hours, ("order", order)),
        )
    found = late(db)
    assert (found.late, found.on_time, found.early) == (1, 1, 1)
    assert found.examples == [journey("order", "2")]


def test_by_the_calendar_the_day_counts_in_its_zone(db):
    store(
        db,
        told("order.captured", 0, ("order", "1"), promised="2026-05-02 00:00:00"),
        told("order.delivered", 38, ("order", "1")),  # 23:00 UTC on the second
    )
    assert (late(db).late, late(db, "calendar").on_time) == (1, 1)
    assert late(db, "calendar", zone="Europe/Berlin").late == 1


def test_the_newest_promise_counts(db):
    store(
        db,
        told("order.captured", 0, ("order", "1"), promised="2026-05-02T09:00:00Z"),
        told("order.amended", 1, ("order", "1"), promised="2026-05-04T09:00:00Z"),
        told("order.delivered", 48, ("order", "1")),
    )
    assert (late(db).late, late(db).early) == (0, 1)


def test_a_delivery_with_a_promise_of_its_own_is_measured_by_it_and_makes_the_journey_late(db):
    for line, hours in (("1-1", 20), ("1-2", 30)):
        store(
            db,
            told(
                "shipment.delivered",
                hours,
                ("order", "1"),
                ("line", line),
                promised="2026-05-02T09:00:00Z",
            ),
        )
    by_line = late(db, by="line")
    assert (by_line.late, by_line.early, by_line.examples) == (1, 1, ["1-2"])
    assert (late(db).late, late(db).early) == (1, 0)


def test_what_is_not_delivered_is_late_once_its_promise_has_passed_unless_it_was_cancelled(db):
    for order in ("1", "2"):
        promise = told("order.captured", 0, ("order", order), promised="2026-05-02T09:00:00Z")
        store(db, promise._replace(status="open", digest=order.encode() * 16))
    store(db, told("order.cancelled", 1, ("order", "2")), told("order.delivered", 2, ("order", "3")))
    assert late(db, as_of=START).undelivered == {}
    found = late(db)
    assert (found.undelivered, found.without_promise) == ({"open": 1}, 1)


def test_nobody_waits_for_what_was_given_up(db):
    for order, status in (("1", "open"), ("2", "unavailable")):
        promise = told("order.captured", 0, ("order", order), promised="2026-05-02T09:00:00Z")
        store(db, promise._replace(status=status, digest=order.encode() * 16))
    assert late(db).undelivered == {"open": 1, "unavailable": 1}
    assert late(db, given_up=["unavailable"]).undelivered == {"open": 1}


@pytest.mark.parametrize("promised", ["soon", "", 7, None, "9999-99-99"])
def test_a_promise_that_is_no_time_is_none(db, promised):
    store(
        db,
        told("order.captured", 0, ("order", "1"), promised=promised),
        told("order.delivered", 2, ("order", "1")),
    )
    assert late(db).without_promise == 1


def test_an_unknown_rule_is_refused(db):
    with pytest.raises(BadPayload, match="rule: expected one of timestamp, calendar"):
        late(db, rule="feeling")


def test_more_events_than_fit_are_refused(db, monkeypatch):
    monkeypatch.setattr(gathering, "MOST_EVENTS", 1)
    store(db, told("a", 0, ("order", "1")), told("b", 1, ("order", "1")))
    with reading(db) as c, pytest.raises(BadPayload, match="more than 1 events"):
        count_variants(c, SHOP, [])
