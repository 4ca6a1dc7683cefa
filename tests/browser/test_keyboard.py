"""The way through the tower without a mouse."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.messages import a_captured_order, minutes_ago
from tests.browser.watching import hurry

ORDERS = ("KEYS-1", "KEYS-2", "KEYS-3")


@pytest.fixture(scope="module", autouse=True)
def orders(tower):
    """Three orders, the first one the newest."""
    tower.send(*(a_captured_order(order, at=minutes_ago(n)) for n, order in enumerate(ORDERS)))


def focused(page):
    """What has the focus, as an element."""
    return page.locator(":focus")


def test_the_first_tab_skips_to_the_content(page):
    page.goto("/account")

    page.keyboard.press("Tab")
    expect(focused(page)).to_have_text("Skip to the content")
    expect(focused(page)).to_be_in_viewport()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")

    expect(page.get_by_label("Present password")).to_be_focused()


def test_from_search_to_a_payload_and_back_by_keys_alone(page):
    page.goto("/account")

    page.keyboard.press("/")
    page.keyboard.type("KEYS-2")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("KEYS-2")
    tab_to(page, re.compile("Raw payload"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("region", name="Payload")).to_contain_text("KEYS-2")
    tab_to(page, re.compile("Back to the journey"))
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", level=1)).to_have_text("KEYS-2")


def tab_to(page, name):
    """Press Tab until the focus is on what reads so."""
    for _ in range(80):
        page.keyboard.press("Tab")
        if name.search(focused(page).first.text_content() or ""):
            return
    raise AssertionError(f"Tab does not lead to {name.pattern!r}")


def test_j_and_k_walk_the_list_and_enter_opens_the_row(page):
    page.goto("/journeys?text=KEYS")
    expect(page.get_by_role("link", name="KEYS-3")).to_be_visible()

    for key, order in (("j", "KEYS-1"), ("j", "KEYS-2"), ("j", "KEYS-3"), ("j", "KEYS-3"), ("k", "KEYS-2")):
        page.keyboard.press(key)
        expect(page.get_by_role("link", name=order)).to_be_focused()
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", level=1)).to_have_text("KEYS-2")


def test_the_place_in_the_list_outlives_its_refreshing(hurried_page):
    page = hurried_page
    page.goto("/journeys?text=KEYS")
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.get_by_role("link", name="KEYS-2")).to_be_focused()

    with page.expect_response(re.compile("/journeys.*from=")):
        hurry(page)
    page.wait_for_timeout(200)

    expect(page.get_by_role("link", name="KEYS-2")).to_be_focused()
    page.keyboard.press("j")
    expect(page.get_by_role("link", name="KEYS-3")).to_be_focused()


def test_g_and_a_letter_go_to_a_screen(page):
    page.goto("/account")

    for key, path in (("j", "/journeys"), ("t", "/traces"), ("h", "/")):
        page.keyboard.press("g")
        page.keyboard.press(key)
        expect(page).to_have_url(path)
        page.wait_for_load_state()  # until its scripts listen


def test_a_question_mark_shows_the_shortcuts_and_escape_closes_them(page):
    page.goto("/account")

    page.keyboard.press("?")
    shortcuts = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(shortcuts).to_be_visible()
    expect(shortcuts).to_contain_text("Search")
    page.keyboard.press("Escape")

    expect(shortcuts).to_be_hidden()


def test_the_focus_can_be_seen(page):
    page.goto("/journeys")

    for _ in range(12):
        page.keyboard.press("Tab")
        outline = focused(page).evaluate(
            """element => [element, element.parentElement, element.parentElement.parentElement].some(one => {
                const style = getComputedStyle(one);
                return (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0)
                    || style.boxShadow !== "none";
            })"""
        )
        assert outline, focused(page).evaluate("element => element.outerHTML")
