"""Journeys about which systems disagree: from the list of them to who said what and when."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.messages import a_captured_order, an_event
from tests.browser.stories import a_disputed_order
from tests.browser.watching import obstacles

DISPUTED, AGREED = "DISPUTE-1", "DISPUTE-NOT"
LIST = "/journeys?text=DISPUTE-"


@pytest.fixture(scope="module", autouse=True)
def orders(tower):
    """An order about which the ERP disagrees with the shop, and one about which nobody does."""
    tower.send(*a_disputed_order(DISPUTED), a_captured_order(AGREED))


def rows(page):
    """The journeys of the list."""
    return page.get_by_role("region", name="Journeys, newest first").locator("tbody tr")


def account_row(page, name):
    """The line of one attribute in the table of who says what."""
    table = page.get_by_role("region", name="Who says what")
    return table.get_by_role("row").filter(has=page.get_by_role("rowheader", name=name, exact=True))


def test_the_list_leads_to_who_said_what_and_when(page):
    page.goto(LIST)
    expect(rows(page)).to_have_count(2)
    page.get_by_label("Systems disagree").check()
    page.get_by_role("button", name="Filter").click()

    expect(page).to_have_url(re.compile("disputed=yes"))
    expect(rows(page)).to_have_count(1)
    expect(rows(page)).to_contain_text("total: erp says 119.90, shop 129.90; quantity: erp says 3, shop 2")
    rows(page).get_by_role("link", name=DISPUTED).click()

    expect(page.get_by_role("heading", level=1)).to_have_text(DISPUTED)
    expect(page.get_by_role("region", name="Who says what")).to_contain_text("2 discrepancies")


def test_each_attribute_says_who_decides_and_what_others_say(page):
    page.goto(f"/search?q={DISPUTED}")

    total = account_row(page, "Total").get_by_role("cell")
    expect(total.nth(0)).to_have_text(re.compile(r"129\.90\s+shop, \d+ \w+ \d\d:\d\d"))
    expect(total.nth(1)).to_have_text(re.compile(r"Differs:\s*119\.90\s+erp.*129\.90\s+oms", re.DOTALL))
    expect(account_row(page, "Quantity").locator(".claim--differs")).to_have_text(
        re.compile(r"Differs:\s*3\s+erp")
    )
    expect(account_row(page, "Address")).to_contain_text("Lange Gasse 4, 1080 Wien")
    expect(account_row(page, "Currency").locator(".claim--differs")).to_have_count(0)


def test_the_filter_is_removed_again(page):
    page.goto(f"{LIST}&disputed=yes")

    page.get_by_role("link", name="Remove the filter Systems disagree").click()

    expect(rows(page)).to_have_count(2)
    expect(page.get_by_label("Systems disagree")).not_to_be_checked()


def test_a_system_that_corrects_itself_ends_the_dispute(page, tower):
    order = "DISPUTE-MENDED"
    tower.send(*a_disputed_order(order))
    page.goto(f"/search?q={order}")
    expect(page.get_by_role("region", name="Who says what")).to_contain_text("2 discrepancies")

    total = {"amount": "129.90", "currency": "EUR"}
    tower.send(an_event("order.updated", order, source="/erp", total=total, quantity=2))

    expect(page.get_by_role("region", name="Who says what")).to_have_count(0)
    page.goto("/journeys?text=DISPUTE-MENDED&disputed=yes")
    expect(page.get_by_role("heading", name="No journey passes this filter")).to_be_visible()


@pytest.mark.parametrize("path", [f"{LIST}&disputed=yes", f"/search?q={DISPUTED}"], ids=["list", "journey"])
def test_it_is_usable_by_everybody(page, path):
    page.goto(path)

    found = obstacles(page)

    assert not any(found.values()), found
