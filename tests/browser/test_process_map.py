"""The process map in a browser: read, walked by keyboard, from a variant to two journeys side by side."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.messages import a_captured_order, an_event, minutes_ago
from tests.browser.watching import serious_findings, settle, stays_too_wide

# A window of its own, so that what other tests send is not on this map.
_HOURS_AGO = 100 * 24
_FROM, _TO = (minutes_ago(60 * (_HOURS_AGO + hours)) for hours in (2, -2))
MAP = f"/process-map?since={_FROM:%Y-%m-%dT%H:%M}&until={_TO:%Y-%m-%dT%H:%M}"
PHONE = {"width": 360, "height": 740}


@pytest.fixture(scope="module", autouse=True)
def orders(tower):
    """Three orders that go well, one that is posted late because it failed, one that is cancelled."""
    start = 60 * _HOURS_AGO
    for number in range(5):
        order = f"MAPS-{number}"
        steps = [a_captured_order(order, at=minutes_ago(start - number))]
        if number < 4:
            steps.append(an_event("order.accepted", order, source="/oms", at=minutes_ago(start - number - 3)))
        if number == 3:
            failed = an_event("order.posted.failed", order, source="/erp", at=minutes_ago(start - 10))
            steps += [failed, an_event("order.posted", order, source="/erp", at=minutes_ago(start - 60))]
        elif number < 3:
            steps.append(an_event("order.posted", order, source="/erp", at=minutes_ago(start - number - 8)))
        else:
            steps.append(an_event("order.cancelled", order, source="/oms", at=minutes_ago(start - 9)))
        tower.send(*steps)


def the_map(page):
    """The drawing."""
    return page.get_by_role("region", name=re.compile("^Process map"))


def test_the_map_shows_what_follows_what(page):
    page.goto(MAP)

    expect(the_map(page).locator(".node__title")).to_have_count(5)
    expect(
        the_map(page).get_by_role("link", name=re.compile("^Captured to Accepted: 4 times"))
    ).to_be_visible()
    expect(page.get_by_text("All 5 journeys of the window")).to_be_visible()
    expect(page.locator(".variant").first).to_contain_text("60 %")


def test_a_variant_leads_by_keyboard_to_two_journeys_side_by_side(page):
    page.goto(MAP)
    page.get_by_role("link", name="Variant 2", exact=True).focus()
    page.keyboard.press("Enter")
    listed = page.get_by_role("region", name="Variant 2")
    expect(listed.get_by_role("row")).to_have_count(2)
    expect(page.locator(".variant.is-chosen")).to_contain_text("Variant 2")
    expect(page.locator(".edge.is-chosen").first).to_be_attached()

    page.get_by_role("link", name=re.compile("^Compare with variant 1.*variant 2")).click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Two journeys side by side")
    first = page.locator("#first-difference")
    expect(first).to_have_text("First difference")
    expect(first.locator("xpath=following-sibling::tr[1]")).to_contain_text(re.compile("failed|Cancelled"))


def test_a_line_of_the_map_leads_to_its_journeys(page):
    page.goto(MAP)
    page.get_by_role("link", name=re.compile("^Accepted to Posted to ERP failed")).focus()
    page.keyboard.press("Enter")

    expect(page.get_by_role("region", name="Accepted → Posted to ERP failed")).to_contain_text("MAPS-3")


def test_two_journeys_of_a_list_are_chosen_and_compared(page):
    page.goto(MAP)
    page.get_by_role("link", name="Variant 1", exact=True).click()
    page.get_by_role("radio", name="MAPS-2 as A").check()
    page.get_by_role("radio", name="MAPS-0 as B").check()
    page.get_by_role("button", name="Compare A and B").click()

    expect(page.get_by_text("Both took the same 3 steps in the same order.")).to_be_visible()


def test_variants_are_downloaded(page):
    page.goto(MAP)
    with page.expect_download() as started:
        page.get_by_role("link", name="Variants as CSV").click()
    assert started.value.suggested_filename.startswith("variants-")


def test_the_map_is_usable_by_everybody(page):
    page.goto(MAP + "&before=captured&after=accepted")
    found: dict[str, list[str] | bool] = {}
    for colour_scheme in ("light", "dark"):
        page.emulate_media(color_scheme=colour_scheme)
        settle(page)
        found[colour_scheme] = serious_findings(page)
    page.set_viewport_size(PHONE)
    found["too wide for a phone"] = stays_too_wide(page)
    assert not any(found.values()), found


def test_the_figures_of_the_drawing_are_in_tables_as_well(page):
    page.set_viewport_size({"width": 1280, "height": 900})
    page.goto(MAP)
    table = page.get_by_role("region", name="Every line of the map").get_by_role("table")
    row = table.get_by_role("row").filter(has_text=re.compile(r"Accepted\s*Posted to ERP failed"))
    expect(row).to_have_count(1)
    drawn = the_map(page).locator(".edge").count()
    expect(table.locator("tbody tr")).to_have_count(drawn)
