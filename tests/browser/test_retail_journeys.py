"""The page of a journey for the orders of real retailers: split, collected in a store, returned elsewhere."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.messages import an_event
from tests.browser.stories import a_return_in_store, a_split_order, a_store_pickup
from tests.browser.watching import obstacles

SPLIT, PICKUP, RETURN = "RETAIL-SPLIT", "RETAIL-PICKUP", "RETAIL-RETURN"


@pytest.fixture(scope="module", autouse=True)
def orders(tower):
    """One order of each kind."""
    tower.send(*a_split_order(SPLIT), *a_store_pickup(PICKUP), *a_return_in_store(RETURN))


def open_order(page, order):
    """Open an order as people do: by its number."""
    page.goto(f"/search?q={order}")
    expect(page.get_by_role("heading", level=1)).to_have_text(order)


def head(page):
    """The card that says how the journey is and whose move it is."""
    return page.get_by_role("article").locator(".journey-head")


def leg(page, title):
    """The card of one leg."""
    return page.get_by_role("region", name="Legs").locator(".leg").filter(has_text=title)


def stage(page, title):
    """One stop of the stage rail."""
    rail = page.get_by_role("region", name="Stages")
    return rail.get_by_role("listitem").filter(has_text=re.compile(rf"\b{title}\b"))


def account_row(page, name):
    """The line of one attribute in the table of who says what."""
    table = page.get_by_role("region", name="Who says what")
    return table.get_by_role("row").filter(has=page.get_by_role("rowheader", name=name, exact=True))


# A split order


def test_the_progress_of_a_split_order_is_one_line(page):
    open_order(page, SPLIT)

    expect(page.get_by_role("region", name="Legs")).to_contain_text(
        "1 of 3 shipments delivered, 1 waiting to be shipped, 1 failed at shipped, 1 line cancelled"
    )
    expect(stage(page, "Picked")).to_contain_text("3 of 3")
    expect(stage(page, "Shipped")).to_contain_text("Failed · 1 of 3")
    expect(stage(page, "Delivered")).to_contain_text("1 of 3")


def test_each_shipment_has_stages_of_its_own(page):
    open_order(page, SPLIT)

    delivered, waiting = leg(page, f"{SPLIT}-F1"), leg(page, f"{SPLIT}-F3")
    expect(delivered).to_contain_text("Done")
    expect(delivered).to_contain_text("tracking 1Z0094")
    expect(delivered.get_by_role("listitem")).to_have_text(
        [re.compile(rf"^\s*{title} +\d+ \w{{3}} \d\d:\d\d") for title in ("Picked", "Shipped", "Delivered")]
    )
    expect(waiting).to_contain_text("In flight")
    expect(waiting.get_by_role("listitem").nth(1)).to_contain_text("Shipped next")


def test_a_shipment_that_failed_says_what_it_is_whose_move_and_what_to_do(page):
    open_order(page, SPLIT)

    failed = leg(page, f"{SPLIT}-F2")
    expect(failed).to_contain_text("ADDRESS_INVALID No house number in Lange Gasse, 1080 Wien")
    expect(failed).to_contain_text("Source data")
    expect(failed).to_contain_text("Customer service has the next move. What to do: Ask the customer")
    expect(head(page)).to_contain_text(f"Shipment {SPLIT}-F2: Shipped failed in wms: No house number")


def test_a_line_that_is_cancelled_does_not_cancel_the_order(page):
    open_order(page, SPLIT)

    expect(leg(page, f"{SPLIT}-L4")).to_contain_text(re.compile(r"Line\s*RETAIL-SPLIT-L4\s*Cancelled"))
    expect(head(page).locator(".badge").first).to_have_text("Failed")
    cancelled = page.get_by_role("region", name="Events").get_by_role("row").filter(has_text="line.cancelled")
    expect(cancelled).to_contain_text("out of stock at every node, by M. Ortiz")


def test_a_split_order_is_done_when_its_last_shipment_is(page, tower):
    order = "LATER-SPLIT"
    tower.send(*a_split_order(order))
    open_order(page, order)
    expect(head(page).locator(".badge").first).to_have_text("Failed")

    def told(type, parcel):
        return an_event(type, order, source="/wms", identifiers={"shipment": f"{order}-F{parcel}"})

    tower.send(told("shipment.shipped", 2), told("shipment.shipped", 3), told("shipment.delivered", 2))
    expect(head(page).locator(".badge").first).to_have_text("In flight")
    expect(leg(page, f"{order}-F2")).not_to_contain_text("has the next move")

    tower.send(told("shipment.delivered", 3), an_event("payment.settled", order, source="/payments"))
    expect(head(page)).to_contain_text("Done: nothing is left to do.")
    expect(page.get_by_role("region", name="Legs")).to_contain_text("3 shipments delivered, 1 line cancelled")


# A store pick-up


def test_a_pick_up_follows_a_process_of_its_own_and_waits_for_the_customer(page):
    open_order(page, PICKUP)

    expect(head(page)).to_contain_text("Store pick-up")
    expect(head(page)).to_contain_text("Customer has the next move.")
    expect(head(page)).to_contain_text("Collected is due within 6 d 23 h.")
    expect(stage(page, "Reserved in store")).to_contain_text("Reached")
    expect(stage(page, "Sent to the store")).to_contain_text("Not needed")
    expect(stage(page, "Ready to collect")).to_contain_text("Here now")
    expect(page.get_by_role("region", name="Legs")).to_have_count(0)


def test_a_pick_up_is_over_when_it_is_collected(page, tower):
    order = "LATER-PICKUP"
    tower.send(*a_store_pickup(order))
    open_order(page, order)
    expect(stage(page, "Collected")).to_contain_text("Next")

    tower.send(an_event("pickup.collected", order, source="/store-0412"))

    expect(stage(page, "Collected")).to_contain_text("Reached")
    expect(head(page)).to_contain_text("Done: nothing is left to do.")


# Bought in one channel, returned in another


def test_a_return_in_a_store_is_a_leg_of_the_order_from_the_web(page):
    open_order(page, RETURN)

    expect(head(page)).to_contain_text("via web")
    expect(head(page)).to_contain_text("Order to cash")
    returned = leg(page, f"{RETURN}-R1")
    expect(returned).to_contain_text("Done")
    for title in ("Return requested", "Return received", "Refunded"):
        expect(returned.get_by_role("listitem").filter(has_text=title)).to_contain_text(
            re.compile(r"\d\d:\d\d")
        )
    events = page.get_by_role("region", name="Events").get_by_role("row")
    expect(events.filter(has_text="return.received")).to_contain_text("store-0412")


def test_the_money_of_a_returned_piece_adds_up(page):
    open_order(page, RETURN)

    expect(head(page)).to_contain_text("129.90 EUR")  # what was sold, not what was left of it
    expect(account_row(page, "Refund")).to_contain_text("64.95 payments")
    expect(account_row(page, "Settled")).to_contain_text(
        "62.35 = ordered 129.90 − fees 2.60 − refunds 64.95"
    )
    expect(page.get_by_role("region", name="Who says what")).to_contain_text("No system disagrees")


def test_a_return_whose_money_is_not_back_keeps_the_order_open(page, tower):
    order = "LATER-RETURN"
    story = a_return_in_store(order)
    told = [event for event in story if event["type"] != "payment.refunded"]
    tower.send(*told)

    open_order(page, order)

    expect(head(page)).to_contain_text("Finance has the next move.")
    expect(leg(page, f"{order}-R1")).to_contain_text("In flight")
    tower.send(*(event for event in story if event not in told))
    expect(head(page)).to_contain_text("Done: nothing is left to do.")


# For everybody


@pytest.mark.parametrize("order", [SPLIT, PICKUP, RETURN])
def test_the_page_is_usable_by_everybody(page, order):
    open_order(page, order)

    found = obstacles(page)

    assert not any(found.values()), found
