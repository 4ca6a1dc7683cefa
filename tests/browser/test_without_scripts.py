"""With JavaScript disabled every screen can be read, and searching, filtering and forms still work."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.messages import a_captured_order
from tests.browser.screens import ORDER
from tests.browser.watching import watch_of, watched_context
from tests.running import session_cookie


@pytest.fixture(scope="module")
def plain_page(browser, tower, sessions):
    """A page of an administrator whose browser runs no script."""
    cookie = session_cookie(tower, sessions["admin"])
    options = {"base_url": tower.url, "java_script_enabled": False}
    with watched_context(browser, [cookie], **options) as context:
        yield context.new_page()


@pytest.mark.parametrize(
    ("name", "texts"),
    [
        ("home", ["In flight", "Failed", "Newest failures", "SKU_UNMAPPED", "Captured", "screens-shop"]),
        ("journeys_filtered", [ORDER, "SCREENS-2", "SCREENS-3", "Cancelled"]),
        (
            "journey",
            [ORDER, "Jane Doe", "Posted to ERP", "Not reached yet", "order.accepted", "corr-screens-1"],
        ),
        ("event", [ORDER, "order", "corr-screens-1"]),
        ("search_hits", [ORDER, "SCREENS-2"]),
        ("trace", ["POST /checkout", "map SKU", "Error:", "Incomplete", "on the critical path"]),
        ("span", ["POST /checkout", "screens-shop"]),
        ("traces", ["POST /checkout", ORDER]),
        ("quarantine_item", ["specversion", "Discard"]),
        ("sources", ["screens-shop", "not.about.queues"]),
        ("users", ["ada", "victor"]),
    ],
)
def test_a_screen_can_be_read(plain_page, screens, name, texts):
    plain_page.goto(screens[name])

    for text in texts:
        expect(plain_page.get_by_role("main")).to_contain_text(text)
    watch_of(plain_page).check()


def test_one_searches_filters_and_opens_by_plain_links_and_forms(plain_page, screens):
    plain_page.goto("/")
    field = plain_page.get_by_role("searchbox", name="Search journeys and traces")
    field.fill(ORDER)
    field.press("Enter")
    expect(plain_page.get_by_role("heading", level=1)).to_have_text(ORDER)

    plain_page.goto("/journeys")
    plain_page.get_by_label("Status").select_option("Cancelled")
    plain_page.get_by_role("button", name="Filter").click()
    expect(plain_page).to_have_url(re.compile("status=cancelled"))
    plain_page.get_by_role("link", name="SCREENS-2").click()
    expect(plain_page.get_by_role("heading", level=1)).to_have_text("SCREENS-2")


def test_the_raw_payload_and_the_theme_need_no_script(plain_page, tower, screens):
    tower.send(a_captured_order("PLAIN-1"))
    plain_page.goto("/search?q=PLAIN-1")
    plain_page.get_by_role("link", name="Raw").click()
    expect(plain_page.get_by_role("region", name="Payload")).to_contain_text("PLAIN-1")

    plain_page.get_by_role("button", name=re.compile("^Theme: as the system")).click()
    plain_page.get_by_role("button", name=re.compile("^Theme: light")).click()
    expect(plain_page.get_by_role("button", name=re.compile("^Theme: dark"))).to_be_visible()
    expect(plain_page.get_by_role("region", name="Payload")).to_contain_text("PLAIN-1")
    expect(plain_page.locator("html")).to_have_attribute("data-theme", "dark")
