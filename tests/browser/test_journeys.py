"""The list of journeys: filters live in the address, pages go by key, and all of it is to be had as CSV."""

import csv
import re

import pytest
from playwright.sync_api import expect

from tests.browser.messages import a_captured_order, an_event, minutes_ago
from tests.browser.watching import hurry

CHANNEL = "catalogue"  # of this module's orders alone
ORDERS = [f"LIST-{number:03}" for number in range(1, 121)]
PAGE = 50


@pytest.fixture(scope="module", autouse=True)
def orders(tower):
    """120 orders, one a minute, the first one the newest; two of them failed."""
    tower.send(
        *(
            a_captured_order(order, at=minutes_ago(number), channel=CHANNEL, customer=f"Customer {number}")
            for number, order in enumerate(ORDERS)
        ),
        *(
            an_event(
                "order.posted.failed", order, source="/erp-of-lists", error={"code": "LOCKED", "message": ""}
            )
            for order in ORDERS[10:12]
        ),
    )


def titles(page):
    """The journeys that are listed, as links."""
    return page.get_by_role("region", name="Journeys, newest first").get_by_role(
        "link", name=re.compile("^LIST-")
    )


def test_the_newest_come_first(page):
    page.goto(f"/journeys?channel={CHANNEL}")

    expect(titles(page)).to_have_text(ORDERS[:PAGE])


def test_a_row_opens_its_journey_and_back_leads_to_the_list(page):
    page.goto(f"/journeys?channel={CHANNEL}&text=LIST-010")

    titles(page).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("LIST-010")
    expect(page).to_have_url(re.compile(r"/journeys/[0-9a-f]{32}$"))

    page.go_back()
    expect(titles(page)).to_have_text(["LIST-010"])
    expect(page.get_by_label("Identifier begins with")).to_have_value("LIST-010")


def test_pages_go_on_where_the_last_one_ended(page):
    page.goto(f"/journeys?channel={CHANNEL}")

    page.get_by_role("link", name="Next page").click()
    expect(titles(page)).to_have_text(ORDERS[PAGE : 2 * PAGE])
    page.get_by_role("link", name="Next page").click()
    expect(titles(page)).to_have_text(ORDERS[2 * PAGE :])
    expect(page.get_by_role("link", name="Next page")).to_have_count(0)

    page.reload()
    expect(titles(page)).to_have_text(ORDERS[2 * PAGE :])
    page.go_back()
    expect(titles(page)).to_have_text(ORDERS[PAGE : 2 * PAGE])
    page.get_by_role("link", name="Newest").click()
    expect(titles(page)).to_have_text(ORDERS[:PAGE])


def test_a_chosen_filter_is_in_the_address_and_can_be_taken_off(page):
    page.goto(f"/journeys?channel={CHANNEL}")

    page.get_by_label("Status").select_option("Failed")

    expect(page).to_have_url(re.compile(rf"/journeys\?status=failed&channel={CHANNEL}$"))
    expect(titles(page)).to_have_text(ORDERS[10:12])
    expect(page.get_by_role("region", name="Journeys, newest first")).to_contain_text(
        "LOCKED in erp-of-lists"
    )
    page.get_by_role("link", name="Remove the filter Status: Failed").click()
    expect(page).to_have_url(f"/journeys?channel={CHANNEL}")
    expect(titles(page)).to_have_count(PAGE)


def test_an_address_with_every_filter_shows_the_same_to_everybody(open_page):
    since, until = minutes_ago(20).strftime("%Y-%m-%dT%H:%M"), minutes_ago(0).strftime("%Y-%m-%dT%H:%M")
    address = (
        f"/journeys?text=LIST-01&process=order-to-cash&status=failed&stage=captured&system=erp-of-lists"
        f"&channel={CHANNEL}&since={since}&until={until}"
    )

    page = open_page(address, role="viewer")

    expect(titles(page)).to_have_text(ORDERS[10:12])
    for label, value in {
        "Identifier begins with": "LIST-01",
        "Status": "failed",
        "Stage": "captured",
        "System": "erp-of-lists",
        "Channel": CHANNEL,
        "Started since (UTC)": since,
        "Started before (UTC)": until,
    }.items():
        expect(page.get_by_label(label, exact=True)).to_have_value(value)


def test_a_typed_filter_narrows_the_list(page):
    page.goto("/journeys")

    page.get_by_label("Identifier begins with").fill("LIST-007")
    page.keyboard.press("Enter")

    expect(titles(page)).to_have_text(["LIST-007"])
    expect(page).to_have_url("/journeys?text=LIST-007")


def test_a_filter_that_nothing_passes_says_so(page):
    page.goto("/journeys?text=no-such-order")

    expect(page.get_by_role("heading", name="No journey passes this filter")).to_be_visible()
    page.get_by_role("link", name="Clear the filter").click()
    expect(page).to_have_url("/journeys")


def test_all_that_the_filter_passes_is_exported(page, tmp_path):
    page.goto(f"/journeys?channel={CHANNEL}")

    with page.expect_download() as export:
        page.get_by_role("link", name="Export CSV").click()

    file = tmp_path / "journeys.csv"
    export.value.save_as(file)
    with file.open(newline="") as lines:
        header, *rows = list(csv.reader(lines))
    assert re.fullmatch(r"journeys-\d{8}-\d{4}\.csv", export.value.suggested_filename)
    assert len(header) == len(set(header))
    assert {len(row) for row in rows} == {len(header)}
    found = [dict(zip(header, row, strict=True)) for row in rows]
    assert [row["title"] for row in found] == ORDERS
    assert (found[0]["customer"], found[0]["channel"]) == ("Customer 0", CHANNEL)
    assert (found[0]["amount"], found[0]["currency"]) == ("129.90", "EUR")
    assert [row["failure_code"] for row in found if row["status"] == "failed"] == ["LOCKED", "LOCKED"]


def test_the_list_tells_of_newer_journeys_without_moving_what_one_reads(hurried_page, tower):
    page = hurried_page
    page.goto("/journeys?channel=flyer")
    expect(page.get_by_role("heading", name="No journey passes this filter")).to_be_visible()
    tower.send(a_captured_order("FLYER-1", channel="flyer"))
    hurry(page)
    expect(page.get_by_role("link", name="FLYER-1")).to_be_visible()

    tower.send(a_captured_order("FLYER-2", channel="flyer"))
    hurry(page)

    page.get_by_role("link", name="1 newer journey").click()
    expect(page.get_by_role("link", name="FLYER-2")).to_be_visible()
    expect(page.get_by_role("link", name="FLYER-1")).to_be_visible()


def test_a_row_that_is_shown_keeps_itself_up_to_date(hurried_page, tower):
    page = hurried_page
    page.goto("/journeys?text=LIST-001")
    row = page.get_by_role("row").filter(has_text="LIST-001")
    expect(row).to_contain_text("In flight")

    tower.send(an_event("order.cancelled", "LIST-001", source="/oms"))
    hurry(page)

    expect(row).to_contain_text("Cancelled")
