"""Lists of journeys: filters, pages, order."""

from datetime import timedelta

import pytest

from controltower.domain.crowds import MANY_EVENTS
from controltower.store import journey_lists
from controltower.store.crowds import list_crowded
from controltower.store.engine import Database, reading
from controltower.store.journeys import JourneyFilter, JourneyRow, is_broad, list_journeys, page_of_journeys
from tests.builders import NOW, an_event
from tests.store.facts import store

HOUR = timedelta(hours=1)


def titles(database: Database, wanted: JourneyFilter, limit: int = 50) -> list[str]:
    """Read page by page, to the end."""
    found: list[JourneyRow] = []
    with reading(database) as c:
        while page := list_journeys(c, wanted, after=found[-1].cursor if found else None, limit=limit):
            assert len(page) <= limit
            found.extend(page)
    return [row.title for row in found]


@pytest.fixture
def four_orders(emptied_database: Database) -> Database:
    """A store with the orders A, B, C and D, started in this order."""
    store(emptied_database, *FOUR_ORDERS)
    return emptied_database


FOUR_ORDERS = (
    an_event("order.captured", ("order", "A"), ("email", "ann@x.org"), channel="web", status="new"),
    an_event("order.captured", ("order", "B"), ("email", "bob@x.org"), channel="pos", at=NOW + HOUR),
    an_event("order.posted.failed", ("order", "C"), channel="web", source="/erp", at=NOW + 2 * HOUR),
    an_event("order.captured", ("order", "D"), ("tracking", "1Z7"), channel="web", at=NOW + 3 * HOUR),
    an_event("order.posted", ("order", "D"), source="/erp", at=NOW + 3 * HOUR, status="posted"),
    an_event("shipment.shipped", ("tracking", "1Z7"), source="/wms", at=NOW + 4 * HOUR),
)


@pytest.mark.parametrize("few", [0, 20_000])
@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (JourneyFilter(), "DCBA"),
        (JourneyFilter(process="order-to-cash"), "DCBA"),
        (JourneyFilter(process="returns"), ""),
        (JourneyFilter(status="in_flight"), "DBA"),
        (JourneyFilter(status="failed"), "C"),
        (JourneyFilter(stage="captured"), "BA"),
        (JourneyFilter(stage="shipped"), "D"),
        (JourneyFilter(channel="web"), "DCA"),
        (JourneyFilter(channel="we"), ""),
        (JourneyFilter(reported_status="new"), "A"),
        (JourneyFilter(system="erp"), "DC"),
        (JourneyFilter(system="wms"), "D"),
        (JourneyFilter(system="er"), ""),
        (JourneyFilter(system="%"), ""),
        (JourneyFilter(system="erp", status="in_flight"), "D"),
        (JourneyFilter(status="in_flight", channel="web", stage="captured"), "A"),
        (JourneyFilter(since_at=NOW + HOUR), "DCB"),
        (JourneyFilter(until_at=NOW + HOUR), "A"),
        (JourneyFilter(since_at=NOW + HOUR, until_at=NOW + 2 * HOUR, system="shop"), "B"),
        (JourneyFilter(text="1z7"), "D"),
        (JourneyFilter(text="ann@"), "A"),
        (JourneyFilter(text="B"), "B"),
        (JourneyFilter(text="B", status="failed"), ""),
        (JourneyFilter(text="D", system="wms", since_at=NOW), "D"),
        (JourneyFilter(text="nobody"), ""),
        (JourneyFilter(text=" "), "DCBA"),
    ],
)
def test_filters_narrow_the_list_whichever_index_serves_them(
    four_orders: Database, monkeypatch: pytest.MonkeyPatch, wanted: JourneyFilter, expected: str, few: int
) -> None:
    monkeypatch.setattr(journey_lists, "_FEW", few)
    assert "".join(titles(four_orders, wanted)) == expected


@pytest.mark.parametrize(
    "wanted",
    [
        JourneyFilter(),
        JourneyFilter(status="in_flight"),
        JourneyFilter(system="shop"),
        JourneyFilter(text="order-"),
    ],
)
def test_pages_hold_every_journey_once_although_many_start_together(
    emptied_database: Database, wanted: JourneyFilter
) -> None:
    many = [
        an_event("order.captured", ("order", f"order-{n:02}"), at=NOW + (n % 3) * HOUR) for n in range(23)
    ]
    store(emptied_database, *many)
    found = titles(emptied_database, wanted, limit=5)
    assert sorted(found) == [f"order-{n:02}" for n in range(23)]
    starts = [int(title[-2:]) % 3 for title in found]
    assert starts == sorted(starts, reverse=True)


def test_a_text_that_begins_too_many_identifiers_says_so(
    emptied_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journey_lists, "TEXT_MATCHES", 3)
    store(emptied_database, *(an_event("order.captured", ("order", f"order-{n}")) for n in range(5)))
    with reading(emptied_database) as c:
        assert is_broad(c, "order-")
        assert not is_broad(c, "order-1")
    assert len(titles(emptied_database, JourneyFilter(text="order-"))) == 3


def test_a_page_ends_where_enough_was_looked_through(emptied_database: Database, monkeypatch) -> None:
    monkeypatch.setattr(journey_lists, "LOOKED_THROUGH", 3)
    for n in range(1, 9):
        channel = "app" if n in (1, 8) else "web"
        system = "erp" if n in (1, 2) else "shop"
        told = an_event(
            "order.captured", ("order", f"A{n}"), channel=channel, system=system, at=NOW + n * HOUR
        )
        store(emptied_database, told)
    for wanted in (
        JourneyFilter(channel="app", system="erp"),
        JourneyFilter(status="in_flight", channel="app", process="order-to-cash", system="erp"),
    ):
        found: list[str] = []
        pages, after = 0, None
        with reading(emptied_database) as c:
            while True:
                page = page_of_journeys(c, wanted, after=after)
                found += [row.title for row in page.rows]
                pages, after = pages + 1, page.next
                if after is None:
                    break
            assert [row.title for row in list_journeys(c, wanted)] == ["A1"]
        assert found == ["A1"]
        assert pages <= 3


def test_crowded_journeys_are_listed_the_largest_first(emptied_database: Database) -> None:
    events = [an_event("note", ("order", "WEB"), at=NOW + timedelta(seconds=n)) for n in range(MANY_EVENTS)]
    more = [an_event("note", ("order", "POS"), at=NOW + timedelta(seconds=n)) for n in range(MANY_EVENTS + 1)]
    store(emptied_database, *events[1:], *more, an_event("note", ("order", "1")))
    with reading(emptied_database) as c:
        assert [row.title for row in list_crowded(c)] == ["POS"]

    store(emptied_database, events[0])
    with reading(emptied_database) as c:
        assert [row.title for row in list_crowded(c)] == ["POS", "WEB"]
        assert [row.title for row in list_crowded(c, limit=1)] == ["POS"]
