"""The dead-letter desk in a browser: from the home page to a letter, working on many by keys, editing one."""

import json
import re

import pytest
from playwright.sync_api import expect

from tests.browser.messages import a_captured_order, an_event, minutes_ago
from tests.browser.watching import watch_of

QUEUE = "desk.erp.post"


@pytest.fixture(scope="module")
def letters(tower):
    """Orders that the ERP did not take, DESK-1 the newest; each a dead letter on its journey."""
    names = [f"DESK-{n}" for n in range(1, 5)]
    for number, name in enumerate(names):
        tower.send(
            a_captured_order(name, at=minutes_ago(90)),
            an_event("order.accepted", name, source="/oms", at=minutes_ago(60)),
        )
        document = {
            "message_id": f"m-{name}",
            "place": QUEUE,
            "origin": {"connection": "bus", "place": "erp.post"},
            "type": "order.posted",
            "system": "desk-middleware",
            "error": {"code": "DESK_UNMAPPED", "message": f"No mapping for SKU LAMP-{number}"},
            "identifiers": {"order": name},
            "failed_at": minutes_ago(10 + number).isoformat(),
            "headers": {"authorization": "Bearer abcdefgh", "x-tenant": "eu"},
            "body": {"order": name, "customer": {"name": "Jane Doe"}, "lines": [{"sku": f"LAMP-{number}"}]},
        }
        reply = tower.post("/api/v1/dead-letters", json.dumps(document).encode(), "application/json")
        assert reply.status == 200, reply.text
    return names


def open_list(page, query=""):
    page.goto(f"/dead-letters/letters?queue={QUEUE}{query}")


def test_from_the_groups_to_a_letter_with_its_verdict(page, letters):
    page.goto("/dead-letters?system=desk-middleware")
    row = page.get_by_role("row").filter(has_text="DESK_UNMAPPED")
    expect(row).to_contain_text("4 new")
    row.get_by_role("link", name="DESK_UNMAPPED", exact=True).click()

    expect(page.get_by_role("heading", level=1)).to_have_text("DESK_UNMAPPED")
    expect(page.get_by_role("region", name="What helped before")).to_contain_text("Nothing was tried yet")
    page.get_by_role("link", name="DESK-1").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("DESK-1")
    expect(page.locator("#verdict")).to_contain_text("Safe", timeout=20_000)
    expect(page.get_by_role("region", name="On its journey")).to_contain_text("This failure")
    expect(page.get_by_role("region", name="Payload, laid out")).not_to_contain_text("Jane")


def test_the_group_keeps_who_is_on_it(page, letters):
    page.goto("/dead-letters?system=desk-middleware")
    page.get_by_role("link", name="DESK_UNMAPPED", exact=True).click()
    page.get_by_label("Owner").fill("Anna")
    page.get_by_label("Under investigation").check()
    page.get_by_role("button", name="Save").click()

    expect(page.get_by_role("status").filter(has_text="Noted")).to_be_visible()
    page.goto("/dead-letters?system=desk-middleware")
    row = page.get_by_role("row").filter(has_text="DESK_UNMAPPED")
    expect(row).to_contain_text("Anna")
    expect(row).to_contain_text("Investigating")


def test_letters_are_chosen_by_keys_and_discarded_with_a_reason_and_taken_back(page, letters):
    open_list(page)
    expect(page.get_by_role("link", name="DESK-4")).to_be_visible()
    for key in "jxjx":
        page.keyboard.press(key)
    expect(page.get_by_role("checkbox", name="Choose DESK-1")).to_be_checked()
    expect(page.get_by_role("checkbox", name="Choose DESK-2")).to_be_checked()
    expect(page.locator("[data-checked-count]")).to_have_text("2")

    page.get_by_role("button", name="Discard").click()
    expect(page.get_by_role("main")).to_contain_text("2 dead letters")
    expect(page.get_by_role("main")).to_contain_text("DESK-1")
    page.get_by_label("Why they may be given up").fill("test orders")
    page.get_by_role("button", name="Discard 2 letters").click()
    expect(page.get_by_role("status").filter(has_text="2 dead letters discarded")).to_be_visible()
    expect(page.get_by_role("link", name="DESK-1")).to_have_count(0)

    open_list(page, "&state=discarded")
    expect(page.get_by_role("row").filter(has_text="DESK-1")).to_contain_text("purged")
    page.get_by_role("checkbox", name="Choose all on this page").check()
    page.get_by_role("button", name="Take back").click()
    expect(page.get_by_role("status").filter(has_text="2 dead letters taken back")).to_be_visible()


def test_a_whole_filter_says_how_many_it_means(page, letters):
    open_list(page)
    page.get_by_label("All 4 that match the filter").check()
    page.get_by_role("button", name="Snooze").click()
    expect(page.get_by_role("main")).to_contain_text(f"4 dead letters: all that match queue “{QUEUE}”")
    page.get_by_role("link", name="Cancel").click()
    expect(page.get_by_role("link", name="DESK-1")).to_be_visible()


def test_r_plans_a_replay_of_the_row_and_sends_nothing(page, letters):
    open_list(page)
    expect(page.get_by_role("link", name="DESK-3")).to_be_visible()
    for key in "jjj":
        page.keyboard.press(key)
    expect(page.get_by_role("link", name="DESK-3")).to_be_focused()
    page.keyboard.press("r")
    expect(page).to_have_url(re.compile("/replays/[0-9a-f]{32}$"))
    open_list(page)
    expect(page.get_by_role("row").filter(has_text="DESK-3")).to_contain_text("New")


def test_what_is_masked_is_revealed_with_a_reason_then_edited_and_shown_as_a_difference(page, letters):
    open_list(page)
    page.get_by_role("link", name="DESK-4").click()
    page.get_by_text("Some of it is masked").click()
    page.get_by_label("Why you need to see it").fill("The customer called")
    page.get_by_role("button", name="Reveal for ten minutes").click()
    expect(page.get_by_role("main")).to_contain_text("Jane Doe")
    expect(page.get_by_role("main")).not_to_contain_text("abcdefgh")
    expect(page.get_by_role("region", name="What was done with it")).to_contain_text("The customer called")

    page.get_by_role("link", name="Edit", exact=True).click()
    payload = page.get_by_role("textbox", name="Payload")
    watch_of(page).expect_status(422)
    payload.fill("{")
    page.get_by_label("Why", exact=True).fill("the SKU was renamed")
    page.get_by_role("button", name="Keep the edit").click()
    expect(page.get_by_role("alert")).to_contain_text("it was JSON and no longer is")
    payload.fill('{"order": "DESK-4", "customer": {"name": "Jane Doe"}, "lines": [{"sku": "LAMP-9"}]}')
    page.get_by_role("button", name="Keep the edit").click()

    difference = page.get_by_role("region", name="Changed lines")
    expect(difference.get_by_role("row").filter(has_text="LAMP-3")).to_contain_text("removed")
    expect(difference.get_by_role("row").filter(has_text="LAMP-9")).to_contain_text("added")


def test_a_viewer_looks_and_is_told_why_no_more(open_page, letters):
    page = open_page(f"/dead-letters/letters?queue={QUEUE}", role="viewer")
    for name in ("Replay", "Assign", "Discard"):
        expect(page.get_by_role("button", name=name, exact=True)).to_be_disabled()
    expect(page.get_by_role("main")).to_contain_text("needs the role support; yours is viewer")


def test_the_list_reads_and_filters_without_scripts(open_page, letters):
    page = open_page("/dead-letters", role="viewer", java_script_enabled=False)
    page.get_by_label("System", exact=True).select_option("desk-middleware")
    page.get_by_role("button", name="Filter").click()
    expect(page).to_have_url(re.compile("system=desk-middleware"))
    page.get_by_role("link", name="DESK_UNMAPPED", exact=True).click()
    page.get_by_role("link", name="DESK-2").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("DESK-2")
