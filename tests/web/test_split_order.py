"""The page of an order that goes several ways, and of one about which systems disagree."""

from datetime import timedelta

from tests.builders import an_event
from tests.web.tower import Tower, text_of

HOUR = timedelta(hours=1)


def store_split_order(tower: Tower) -> str:
    """An order with two shipments, one of which failed, and a cancelled line; returns its address."""
    at = tower.clock() - 5 * HOUR
    order = ("order", "1001")
    tower.store(
        an_event("order.captured", order, ("line", "1001/1"), ("line", "1001/2"), at=at, amount="50.00"),
        an_event("order.captured", order, at=at + HOUR, amount="50.00"),
        an_event("order.amended", order, at=at + HOUR, note="address: A → B, by Jane"),
        an_event("order.posted", order, at=at + HOUR, system="erp", amount="45.00"),
        an_event("line.cancelled", order, ("line", "1001/2"), at=at + HOUR),
        an_event("shipment.shipped", order, ("shipment", "S-1"), ("tracking", "T-1"), at=at + 2 * HOUR),
        an_event("shipment.delivered", order, ("tracking", "T-1"), at=at + 3 * HOUR),
        an_event(
            "shipment.shipped.failed",
            order,
            ("shipment", "S-2"),
            at=at + 3 * HOUR,
            system="wms",
            error_code="NO_LABEL",
            error_message="the label printer is out of paper",
        ),
    )
    (journey,) = tower.client("viewer").get("/api/v1/journeys").get_json()["journeys"]
    return f"/journeys/{journey['id']}"


def test_each_leg_is_shown_with_its_own_stages_and_failure(tower: Tower):
    page = text_of(tower.client("viewer").get(store_split_order(tower)))
    legs = page[page.index('id="legs-title"') : page.index('id="timeline-title"')]

    assert legs.count('class="leg"') == 3  # two shipments, and the line of which there is something to tell
    assert "tracking T-1" in legs and "NO_LABEL" in legs
    assert "1 of 2 shipments delivered, 1 failed at shipped, 1 of 2 lines cancelled" in legs
    assert "<strong>Warehouse</strong> has the next move" in page
    assert "Shipment S-2: Shipped failed in wms: the label printer is out of paper" in page
    assert "1 of 2" in page[: page.index('id="legs-title"')]


def test_a_leg_that_fails_says_whose_move_it_is_and_what_to_do(tower: Tower):
    address = store_split_order(tower)
    at = tower.clock() - HOUR
    tower.store(
        an_event(
            "shipment.delivered.failed",
            ("order", "1001"),
            ("shipment", "S-3"),
            at=at,
            system="carrier",
            error_code="ADDRESS_INVALID",
        ),
    )

    page = text_of(tower.client("viewer").get(address))
    legs = page[page.index('id="legs-title"') : page.index('id="timeline-title"')]
    _, _, unknown, known, _ = legs.split('class="leg"')

    assert "No rule says what to do about it yet." in unknown
    assert "<strong>Warehouse</strong> has the next move" in unknown  # the owner of the stage that failed
    assert ">Source data</span>" in known and "What to do:" in known


def test_amendments_and_duplicates_are_said(tower: Tower):
    page = text_of(tower.client("viewer").get(store_split_order(tower)))

    assert "Amended once" in page and "1 duplicate submission" in page
    assert "address: A → B, by Jane" in page


def test_who_says_what_is_a_table(tower: Tower):
    page = text_of(tower.client("viewer").get(store_split_order(tower)))
    account = page[page.index('id="account-title"') :]

    assert "50.00" in account and "45.00" in account and "Differs" in account
    assert "1 discrepancy" in account


def test_journeys_about_which_systems_disagree_can_be_listed(tower: Tower):
    address = store_split_order(tower)
    tower.store(an_event("order.captured", ("order", "2002"), at=tower.clock(), amount="1.00"))
    client = tower.client("viewer")

    page = text_of(client.get("/journeys?disputed=yes"))
    assert address in page and "2002" not in page
    assert "total: erp says 45.00, shop 50.00" in page
    (found,) = client.get("/api/v1/journeys?disputed=yes").get_json()["journeys"]
    assert found["discrepancies"] == ["total: erp says 45.00, shop 50.00"]


def test_the_api_tells_the_legs(tower: Tower):
    address = store_split_order(tower)
    found = tower.client("viewer").get(f"/api/v1{address}").get_json()

    assert (found["amendments"], found["duplicates"]) == (1, 1)
    shipments = [leg for leg in found["legs"] if leg["kind"] == "shipment"]
    assert [(leg["title"], leg["status"]) for leg in shipments] == [("S-1", "done"), ("S-2", "failed")]
    assert [leg["failure"] and leg["failure"]["code"] for leg in shipments] == [None, "NO_LABEL"]
    assert shipments[1]["failure"]["diagnosis"]["class"] == "unknown"
    assert shipments[0]["identifiers"] == ["shipment/S-1", "tracking/T-1"]
