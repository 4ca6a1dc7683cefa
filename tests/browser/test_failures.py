"""Failures: an unknown kind becomes a rule on the screen, and its journey says what to do from then on."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.messages import a_captured_order, an_event, minutes_ago
from tests.browser.watching import serious_findings, settle, stays_too_wide, watch_of

ACTION = "Wait for the end of the count, then replay the order."


@pytest.fixture(scope="module")
def frozen(tower):
    """Two orders that fail in a way that no rule knows, each kind of its own for a test."""

    def fail(code):
        for number in (1, 2):
            order = f"{code}-{number}"
            customer = f"jane{number}@example.com"
            message = f"Wave {number} refused order {order} of {customer}: zone {code} is frozen"
            tower.send(
                a_captured_order(order, at=minutes_ago(90)),
                an_event(
                    "order.released.failed",
                    order,
                    source="/wms",
                    at=minutes_ago(9 - number),
                    error={"code": code, "message": message},
                ),
            )

    return fail


def open_kind(page, code):
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Failures").click()
    row = page.get_by_role("row").filter(has_text=code)
    expect(row).to_contain_text("Unknown")
    row.get_by_role("link", name="Make a rule of this").click()
    expect(page.get_by_role("heading", name=code, level=1)).to_be_visible()


def test_an_unknown_failure_becomes_a_rule_that_holds_at_once(page, frozen):
    frozen("WMS-71")
    watch_of(page).expect_status(422)
    page.goto("/account")
    open_kind(page, "WMS-71")
    expect(page.get_by_label("the code is")).to_have_value("WMS-71")
    message = page.get_by_label("and the message contains")
    expect(message).to_have_value("wave * refused order * of *: zone * is frozen")

    message.fill("zone * is thawed")
    expect(page.get_by_text("Does not match this failure.")).to_be_visible()
    page.get_by_label("What it is").select_option("Downstream delay")
    page.get_by_label("What to do about it").fill(ACTION)
    page.get_by_role("button", name="Make the rule").click()
    expect(page.get_by_role("alert")).to_contain_text("do not match the failure")
    expect(page.get_by_label("What to do about it")).to_have_value(ACTION)

    # What was swapped in listens a moment later.
    page.wait_for_function("!document.querySelector('.htmx-swapping, .htmx-settling, .htmx-added')")
    settle(page)
    message.fill("zone * is frozen")
    expect(page.get_by_text("Matches 1 kind of open failure on 2 journeys.")).to_be_visible()
    page.get_by_role("button", name="Make the rule").click()

    expect(page.get_by_role("status").filter(has_text="The rule holds")).to_contain_text("2 open failures")
    row = page.get_by_role("row").filter(has_text="WMS-71")
    expect(row).to_contain_text(ACTION)
    row.get_by_role("link", name="2 journeys with WMS-71").click()
    expect(page.get_by_text("Failure: WMS-71")).to_be_visible()
    page.get_by_role("link", name="WMS-71-1").click()
    expect(page.locator(".move")).to_contain_text("Downstream delay")
    expect(page.locator(".move")).to_contain_text(f"What to do: {ACTION}")


def test_a_rule_is_made_and_removed_without_scripts(open_page, frozen):
    frozen("WMS-72")
    page = open_page("/failures", java_script_enabled=False)
    open_kind(page, "WMS-72")
    page.get_by_label("What it is").select_option("Routing")
    page.get_by_label("What to do about it").fill(ACTION)
    page.get_by_role("button", name="Make the rule").click()

    expect(page.get_by_role("row").filter(has_text="WMS-72")).to_contain_text("Routing")
    page.get_by_role("link", name="Rules", exact=True).click()
    rule = page.get_by_role("row").filter(has_text="WMS-72")
    expect(rule).to_contain_text("ada")
    rule.get_by_role("button", name=re.compile("Remove")).click()

    expect(page.get_by_role("region", name="Removed")).to_contain_text("WMS-72")


def test_the_screens_are_usable_by_everybody(open_page, frozen):
    frozen("WMS-73")
    page = open_page("/failures")
    open_kind(page, "WMS-73")
    for path in (page.url, "/failures", "/failures/rules"):
        page.set_viewport_size({"width": 1280, "height": 900})
        page.goto(path)
        for colour_scheme in ("light", "dark"):
            page.emulate_media(color_scheme=colour_scheme)
            settle(page)
            findings = serious_findings(page, only_colours=colour_scheme == "dark")
            assert not findings, (path, colour_scheme)
        page.set_viewport_size({"width": 360, "height": 740})
        assert not stays_too_wide(page), path
