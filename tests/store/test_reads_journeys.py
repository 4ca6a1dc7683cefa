"""One journey and everything that is known of it."""

from datetime import timedelta

import pytest

from controltower.domain.errors import NotFound
from controltower.domain.identifiers import Bond, trace_key
from controltower.store.engine import Database, reading
from controltower.store.journeys import (
    event_payload,
    find_journey,
    find_journeys,
    journey_events,
    journey_facts,
    journey_identifiers,
    journey_trace_ids,
)
from tests.builders import NOW, a_segment, an_event
from tests.store.facts import PROCESSES, key, store

ORDER, CORRELATION = ("order", "#1001"), ("correlation", "c-1")
PARCEL, TRACKING, EMAIL = ("shipment", "S1"), ("tracking", "1Z9"), ("email", "jane@example.com")
TRACE, OTHER_TRACE = bytes([1]) * 16, bytes([2]) * 16
MINUTE = timedelta(minutes=1)


def a_life(database: Database) -> None:
    """An order, its ERP posting, its parcel, known by a tracking number only later, and two traces."""
    store(
        database,
        an_event(
            "order.captured", ORDER, EMAIL, source="/shop", amount="12.50", currency="EUR", customer="Jane"
        ),
        an_event("order.posted", ORDER, CORRELATION, source="/erp", at=NOW + MINUTE, trace=TRACE),
    )
    store(database, an_event("shipment.shipped", PARCEL, TRACKING, source="/wms", at=NOW + 3 * MINUTE))
    store(database, an_event("order.released", ORDER, PARCEL, source="/oms", at=NOW + 2 * MINUTE))
    store(database, an_event("note", source="/shop", at=NOW + 4 * MINUTE, trace=OTHER_TRACE))
    store(database, a_segment(OTHER_TRACE, [CORRELATION]))


def the_id(database: Database) -> bytes:
    with reading(database) as c:
        row = find_journey(c, key(*ORDER))
    assert row is not None
    return row.id


def test_any_identifier_of_an_order_and_its_parcel_finds_the_journey(emptied_database: Database) -> None:
    a_life(emptied_database)
    keys = [key(*ORDER), key(*CORRELATION), key(*PARCEL), key(*TRACKING), trace_key(OTHER_TRACE)]
    with reading(emptied_database) as c:
        found = find_journeys(c, keys)
    assert {row.id for row in found.values()} == {min(key(*ORDER), key(*CORRELATION))}
    assert set(found) == set(keys)


def test_a_journey_row_says_what_the_facts_say(emptied_database: Database) -> None:
    a_life(emptied_database)
    with reading(emptied_database) as c:
        row = find_journey(c, the_id(emptied_database))
    assert row is not None
    assert (row.status, row.stage, row.title, row.customer) == ("in_flight", "shipped", "#1001", "Jane")
    assert (row.amount, row.currency, row.systems) == ("12.50", "EUR", ("erp", "oms", "shop", "wms"))
    assert (row.started_at, row.last_event_at, row.event_count) == (NOW, NOW + 4 * MINUTE, 5)
    assert (row.failure, row.hidden) == (None, False)


def test_an_unknown_key_finds_nothing(emptied_database: Database) -> None:
    with reading(emptied_database) as c:
        assert find_journey(c, bytes(16)) is None
        assert journey_events(c, bytes(16)) == []
        assert journey_identifiers(c, bytes(16)) == []
        assert journey_trace_ids(c, bytes(16)) == []
        with pytest.raises(NotFound):
            journey_facts(c, bytes(16), PROCESSES)


def test_a_parcel_nobody_owns_is_its_own_journey(emptied_database: Database) -> None:
    store(emptied_database, an_event("shipment.shipped", PARCEL))
    with reading(emptied_database) as c:
        row = find_journey(c, key(*PARCEL))
    assert row is not None and not row.hidden


def test_a_parcel_of_two_orders_leads_to_the_least_of_them(emptied_database: Database) -> None:
    orders = [("order", "A"), ("order", "B"), ("order", "C")]
    store(
        emptied_database,
        an_event("shipment.shipped", PARCEL),
        *(an_event("x", order, PARCEL) for order in orders),
    )
    with reading(emptied_database) as c:
        row = find_journey(c, key(*PARCEL))
        listed = [len(journey_events(c, key(*order))) for order in orders]
    assert row is not None and row.id == min(key(*order) for order in orders)
    assert listed == [2, 2, 2]


def test_an_event_that_waits_for_its_trace_is_found_as_itself(emptied_database: Database) -> None:
    store(emptied_database, an_event("note", trace=TRACE))
    with reading(emptied_database) as c:
        row = find_journey(c, trace_key(TRACE))
        assert row is not None and row.hidden
        assert len(journey_events(c, row.id)) == 1


def test_events_of_orders_parcels_and_traces_are_listed_by_their_own_time(emptied_database: Database) -> None:
    a_life(emptied_database)
    with reading(emptied_database) as c:
        events = journey_events(c, the_id(emptied_database))
    assert [event.type for event in events] == [
        "order.captured",
        "order.posted",
        "order.released",
        "shipment.shipped",
        "note",
    ]
    assert events[1].trace_id == TRACE
    assert (events[0].trace_id, events[0].received_at, events[4].identifiers) == (None, NOW, ())
    assert events[3].identifiers == (PARCEL, TRACKING)


def test_payloads_come_back_as_they_were_sent(emptied_database: Database) -> None:
    sent = an_event("order.captured", ORDER)._replace(payload=b'{"\xc3\xa9": 1}' * 500, content_type="a/b")
    store(emptied_database, sent)
    with reading(emptied_database) as c:
        (event,) = journey_events(c, the_id(emptied_database))
        payload = event_payload(c, event.anchor, event.digest)
        assert payload is not None
        assert (payload.body, payload.content_type, payload.id) == (sent.payload, "a/b", sent.id)
        assert event_payload(c, event.anchor, bytes(16)) is None


def test_identifiers_are_grouped_by_how_strongly_they_tie(emptied_database: Database) -> None:
    a_life(emptied_database)
    with reading(emptied_database) as c:
        found = journey_identifiers(c, the_id(emptied_database))
    assert [(row.bond, row.kind, row.value) for row in found] == [
        (Bond.ORDER, *CORRELATION),
        (Bond.ORDER, *ORDER),
        (Bond.LEG, *PARCEL),
        (Bond.LEG, *TRACKING),
        (Bond.TRACE, "trace", OTHER_TRACE.hex()),
        (Bond.LABEL, *EMAIL),
    ]
    assert found[1].key == key(*ORDER)


def test_traces_are_those_that_events_name_then_those_whose_spans_do(emptied_database: Database) -> None:
    a_life(emptied_database)
    third = bytes([3]) * 16
    store(emptied_database, a_segment(third, [TRACKING]))
    with reading(emptied_database) as c:
        found = journey_trace_ids(c, the_id(emptied_database))
        assert found == [TRACE, OTHER_TRACE, third]
        assert journey_trace_ids(c, the_id(emptied_database), limit=1) == [TRACE]


def test_facts_fold_to_what_the_row_says_with_the_stages_reached(emptied_database: Database) -> None:
    a_life(emptied_database)
    with reading(emptied_database) as c:
        row, journey = journey_facts(c, the_id(emptied_database), PROCESSES)
    assert [name for name, _ in journey.reached] == ["captured", "posted", "released", "shipped"]
    assert (journey.status, journey.stage, journey.event_count) == (row.status, row.stage, row.event_count)
    assert journey.systems == row.systems


def test_a_process_that_is_gone_leaves_what_the_row_says(emptied_database: Database) -> None:
    a_life(emptied_database)
    with reading(emptied_database) as c:
        row, journey = journey_facts(c, the_id(emptied_database), {})
    assert [name for name, _ in journey.reached] == [row.stage]


def test_a_failure_is_on_the_row(emptied_database: Database) -> None:
    failed = an_event(
        "order.posted.failed", ORDER, source="/erp", error_code="SKU", error_message="not mapped"
    )
    store(emptied_database, failed)
    with reading(emptied_database) as c:
        row = find_journey(c, key(*ORDER))
    assert row is not None and row.failure is not None
    assert (row.failure.stage, row.failure.system, row.failure.code) == ("posted", "erp", "SKU")
    assert (row.failure.message, row.failure.failed_at) == ("not mapped", NOW)


def test_a_journey_with_more_events_than_one_statement_names_is_read_whole(
    emptied_database: Database,
) -> None:
    parcels = [("shipment", f"P{n}") for n in range(1_200)]
    shipped = [an_event("shipment.shipped", parcel, at=NOW + n * MINUTE) for n, parcel in enumerate(parcels)]
    store(emptied_database, an_event("order.captured", ORDER, *parcels), *shipped)
    with reading(emptied_database) as c:
        assert len(journey_events(c, the_id(emptied_database))) == 1_201
        assert len(journey_identifiers(c, the_id(emptied_database))) == 1_201
