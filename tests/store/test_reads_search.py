"""One search field for everything that a person may have in hand."""

from datetime import timedelta

import pytest

from controltower.domain.identifiers import trace_key
from controltower.store.engine import Database, reading
from controltower.store.search import Hit, search
from tests.builders import NOW, a_segment, an_event
from tests.store.facts import key, store

TRACE = bytes(range(16))


def found(database: Database, text: str, limit: int = 20) -> list[Hit]:
    with reading(database) as c:
        return search(c, text, limit=limit)


def titles(database: Database, text: str) -> list[str]:
    return [hit.journey.title for hit in found(database, text) if hit.journey is not None]


@pytest.fixture
def two_orders(emptied_database: Database) -> Database:
    """A store with #1001, known by many names, and 2002."""
    names = [
        ("order", "#1001"),
        ("erp_document", "SO-77"),
        ("email", "jane@example.com"),
        ("tracking", "1Z9"),
    ]
    store(emptied_database, an_event("order.captured", *names, ("correlation", "c-1")))
    store(emptied_database, an_event("order.captured", ("order", "2002")))
    return emptied_database


@pytest.mark.parametrize("typed", ["#1001", "1001", " 1001 ", "so-77", "JANE@Example.com", "1z9", "c-"])
def test_an_order_is_found_however_it_is_typed(two_orders: Database, typed: str) -> None:
    (hit,) = found(two_orders, typed)
    assert hit.kind == "journey" and hit.journey is not None and hit.journey.title == "#1001"


def test_exact_matches_come_before_those_that_go_on(emptied_database: Database) -> None:
    for number in ("10015", "1001", "10010"):
        store(emptied_database, an_event("order.captured", ("order", number)))
    hits = found(emptied_database, "1001")
    assert [(hit.label_kind, hit.value) for hit in hits] == [
        ("order", "1001"),
        ("order", "10010"),
        ("order", "10015"),
    ]


def test_the_newest_orders_of_a_customer_come_first(emptied_database: Database) -> None:
    for hours in (2, 1, 3):
        at = NOW + timedelta(hours=hours)
        store(emptied_database, an_event("order.captured", ("order", f"O{hours}"), ("email", "a@b.c"), at=at))
    assert titles(emptied_database, "a@b.c") == ["O3", "O2", "O1"]
    assert len(found(emptied_database, "a@b.c", limit=2)) == 2


def test_a_journey_that_matches_twice_is_listed_once(emptied_database: Database) -> None:
    store(
        emptied_database, an_event("order.captured", ("order", "77"), ("erp_document", "77-A"), ("sku", "77"))
    )
    (hit,) = found(emptied_database, "77")
    assert hit.label_kind == "order"


def test_a_parcel_leads_to_the_order_that_it_belongs_to(emptied_database: Database) -> None:
    store(emptied_database, an_event("shipment.shipped", ("tracking", "1Z9"), ("email", "a@b.c")))
    store(emptied_database, an_event("order.captured", ("order", "A"), ("tracking", "1Z9")))
    assert titles(emptied_database, "1Z9") == ["A"]
    assert titles(emptied_database, "a@b.c") == ["A"]


def test_a_trace_id_finds_the_trace_and_the_journey_that_its_spans_name(emptied_database: Database) -> None:
    store(emptied_database, a_segment(TRACE, [("order", "A")]), an_event("order.captured", ("order", "A")))
    hits = found(emptied_database, TRACE.hex().upper())
    assert [hit.kind for hit in hits] == ["journey", "trace"]
    assert all(hit.journey is not None and hit.journey.title == "A" for hit in hits)
    assert hits[1].trace_id == TRACE


def test_an_identifier_that_only_spans_name_finds_their_traces(emptied_database: Database) -> None:
    store(emptied_database, a_segment(TRACE, [("correlation", "c-9")]))
    (hit,) = found(emptied_database, "c-9")
    assert (hit.kind, hit.trace_id, hit.journey) == ("trace", TRACE, None)


def test_a_trace_that_only_an_event_names_finds_that_event(emptied_database: Database) -> None:
    store(emptied_database, an_event("note", trace=TRACE))
    (hit,) = found(emptied_database, TRACE.hex())
    assert hit.journey is not None and hit.journey.id == trace_key(TRACE)


def test_the_id_of_a_journey_finds_it(emptied_database: Database) -> None:
    store(emptied_database, an_event("order.captured", ("order", "A")))
    assert titles(emptied_database, key("order", "A").hex()) == ["A"]


@pytest.mark.parametrize(
    "text", ["", " ", "#", "\0", "\ud800", "%", "_", "20%", "zz" * 16, "'; --", "x" * 10_000]
)
def test_odd_texts_find_nothing_and_break_nothing(two_orders: Database, text: str) -> None:
    assert found(two_orders, text) == []


def test_values_beyond_ascii_are_found_by_their_beginning(emptied_database: Database) -> None:
    store(emptied_database, an_event("order.captured", ("order", "Größe-\U0001f4e6-1")))
    assert titles(emptied_database, "Größe-") == ["Größe-\U0001f4e6-1"]
    assert titles(emptied_database, "Größe-\U0001f4e6") == ["Größe-\U0001f4e6-1"]
