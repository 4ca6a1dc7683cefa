"""Quarantine: what came in broken is shown with its reason, put right, submitted again, or given up."""

import json
import re

import pytest
from playwright.sync_api import expect

from tests.browser.messages import a_captured_order
from tests.browser.watching import watch_of

STRUCTURED = "application/cloudevents+json"


@pytest.fixture
def hold(tower, token):
    """Posts an event that lacks its source; gives the path of its page."""

    def hold_event(order):
        event = a_captured_order(order)
        del event["source"]
        reply = tower.post("/api/v1/events", json.dumps(event).encode(), STRUCTURED)
        assert (reply.status, reply.json["quarantined"]) == (400, 1)
        return f"/quarantine/{tower.get('/api/v1/quarantine', token, limit='1')['items'][0]['id']}"

    return hold_event


def open_newest(page):
    """From the menu to the newest held item."""
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Quarantine").click()
    expect(page.get_by_role("heading", name="Quarantine", level=1)).to_be_visible()
    page.get_by_role("row").filter(has_text="source").first.get_by_role("link").click()


def test_a_broken_event_is_put_right_and_its_journey_appears(page, hold):
    hold("HELD-1")
    watch_of(page).expect_status(422)
    page.goto("/account")
    open_newest(page)
    expect(page.get_by_role("heading", name="Put it right")).to_be_visible()
    expect(page.get_by_role("main")).to_contain_text("source: is required")

    payload = page.get_by_label("Payload")
    event = json.loads(payload.input_value())
    payload.fill(json.dumps(event | {"source": ""}))
    page.get_by_role("button", name="Submit again").click()
    expect(page.get_by_role("alert")).to_contain_text("Still not understood")
    assert json.loads(payload.input_value())["source"] == ""

    payload.fill(json.dumps(event | {"source": "/shop"}))
    page.get_by_role("button", name="Submit again").click()
    expect(page.get_by_role("status").filter(has_text="Submitted")).to_contain_text("1 event stored")
    expect(page.get_by_role("main")).to_contain_text("By ada")
    expect(page.get_by_role("button", name="Submit again")).to_have_count(0)

    page.goto("/search?q=HELD-1")
    expect(page.get_by_role("heading", level=1)).to_have_text("HELD-1")
    page.goto("/quarantine?state=resubmitted")
    expect(page.get_by_role("row").filter(has_text="by ada").first).to_contain_text("Re-submitted")


def test_a_viewer_may_look_but_neither_submit_nor_discard_and_is_told_why(open_page, hold):
    page = open_page(hold("HELD-2"), role="viewer")

    for name, role in {"Discard": "operator", "Submit again": "support"}.items():
        button = page.get_by_role("button", name=name)
        expect(button).to_be_disabled()
        expect(button).to_have_attribute("title", re.compile(f"needs the role {role}; yours is viewer"))
        form = page.get_by_role("main").locator("form").filter(has=button)
        expect(form).to_contain_text(f"This needs the role {role}; yours is viewer")
    expect(page.get_by_label("Payload")).not_to_be_editable()
    expect(page.get_by_label("Why it may be discarded")).to_be_disabled()


def test_discarding_asks_why_and_keeps_the_bytes(page, hold):
    item = hold("HELD-3")
    page.goto(item)

    page.get_by_role("button", name="Discard").click()
    assert page.get_by_label("Why it may be discarded").evaluate("field => field.validity.valueMissing")
    page.get_by_label("Why it may be discarded").fill("sent by a test shop")
    page.get_by_role("button", name="Discard").click()

    expect(page.get_by_role("status").filter(has_text="Discarded")).to_be_visible()
    page.goto("/quarantine?state=discarded")
    expect(page.get_by_role("row").filter(has_text="sent by a test shop")).to_contain_text("by ada")
    page.goto(item)
    expect(page.get_by_role("main")).to_contain_text("HELD-3")
    expect(page.get_by_role("button", name="Discard")).to_have_count(0)


def test_markup_in_a_payload_is_text(page, tower):
    body = b'</textarea><script>document.title = "owned"</script><img src=x onerror="document.title = 1">'
    assert tower.post("/api/v1/events", body, STRUCTURED).status == 400
    page.goto("/quarantine")
    page.get_by_role("row").filter(has_text="not JSON").first.get_by_role("link").click()

    expect(page.get_by_label("Payload")).to_have_value(body.decode())
    expect(page).to_have_title(re.compile("Quarantine"))
