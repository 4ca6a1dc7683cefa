"""Queues in a browser: the list, its filter and order, and one queue with its history."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.messages import a_captured_order, a_trace_id, minutes_ago, readings_of
from tests.browser.watching import obstacles

DRAINS, GROWS = "browser.drains", "browser.grows"


@pytest.fixture(scope="module", autouse=True)
def queues(tower):
    """A queue that drains and one that grows, in which an order waits."""
    tower.send_metrics(readings_of(DRAINS, "ready", [90, 80, 70, 60]))
    tower.send_metrics(readings_of(GROWS, "ready", [5, 10, 400]))
    trace = a_trace_id()
    tower.send(a_captured_order("WAITS-1", at=minutes_ago(3), trace=trace))
    start = str(int(minutes_ago(3).timestamp() * 1e9))
    span = {
        "traceId": trace,
        "spanId": "cccccccccccccc01",
        "name": "publish",
        "kind": 4,
        "startTimeUnixNano": start,
        "endTimeUnixNano": start,
        "attributes": [{"key": "messaging.destination.name", "value": {"stringValue": GROWS}}],
    }
    service = {"attributes": [{"key": "service.name", "value": {"stringValue": "queues-shop"}}]}
    tower.send_spans({"resourceSpans": [{"resource": service, "scopeSpans": [{"spans": [span]}]}]})


def rows(page):
    """The queues of these tests, as the list shows them."""
    return page.get_by_role("region", name="Queues").get_by_role("row").filter(has_text="browser.")


def test_the_list_is_filtered_and_sorted_by_keyboard_and_the_address_holds_it(page):
    page.goto("/queues")
    expect(rows(page)).to_have_count(2)
    expect(rows(page).first).to_contain_text(re.compile(rf"{re.escape(GROWS)}.*Growing.*400", re.DOTALL))

    page.get_by_role("link", name=re.compile("^Queue.*sort by it")).focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("sort=name"))
    expect(rows(page).first).to_contain_text(DRAINS)
    expect(page.get_by_role("columnheader", name="Queue")).to_have_attribute("aria-sort", "ascending")

    page.get_by_label("State").select_option("Draining")
    expect(page).to_have_url(re.compile("state=draining"))
    expect(rows(page)).to_have_count(1)
    expect(rows(page)).to_contain_text("≈ 6 min")
    page.reload()
    expect(rows(page)).to_have_count(1)


def test_a_queue_shows_its_history_and_the_order_that_waits_in_it(page):
    page.goto("/queues")
    page.get_by_role("link", name=GROWS).click()

    expect(page.get_by_role("heading", level=1)).to_have_text(GROWS)
    expect(page.get_by_role("region", name="Now")).to_contain_text("Not draining")
    expect(page.locator("#history-chart svg.main-svg").first).to_be_visible()
    expect(page.get_by_role("region", name="Journeys that wait here")).to_contain_text("WAITS-1")

    page.get_by_text("Figures as a table").click()
    expect(page.get_by_role("region", name="Figures of the history").get_by_role("row")).to_have_count(4)

    page.get_by_role("link", name="7 days").click()
    expect(page).to_have_url(re.compile("window=7d"))
    expect(page.locator("#history-chart svg.main-svg").first).to_be_visible()

    page.get_by_role("link", name="WAITS-1").click()
    expect(page).to_have_url(re.compile("/journeys/"))


@pytest.mark.parametrize("path", ["/queues?sort=growth", f"/queues/rabbitmq/{GROWS}"])
def test_queues_are_usable_by_everybody(page, path):
    page.goto(path)
    if path.count("/") > 1:
        expect(page.locator("#history-chart svg.main-svg").first).to_be_visible()
    found = obstacles(page)
    assert not any(found.values()), found
