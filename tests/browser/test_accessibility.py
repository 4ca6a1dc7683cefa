"""axe-core finds nothing serious on any screen, light or dark, and none scrolls sideways on a phone.

Each screen is opened once and looked at in all these ways.
"""

import pytest
from playwright.sync_api import expect

from tests.browser.screens import FOR_STRANGERS
from tests.browser.watching import serious_findings, settle, stays_too_wide, watch_of, watched_context
from tests.running import session_cookie

SCREENS = (
    *("home", "journeys", "journeys_filtered", "journeys_none", "journey", "event"),
    *("search", "search_hits", "search_none", "traces", "trace", "span"),
    *("flows", "flow_messages", "process_map", "process_map_line", "process_map_none"),
    *("dead_letters", "dead_letters_by_queue", "dead_letters_none", "dead_letter_list"),
    *("dead_letter_list_none", "dead_letter_group", "dead_letter", "dead_letter_edit", "dead_letter_action"),
    *("compare", "compare_none", "queues", "queues_none", "queue"),
    *("quarantine", "quarantine_none", "quarantine_item", "sources", "users", "account", "not_found"),
    *("sign_in", "setup", "mappings", "mapping"),
)
PHONE = {"width": 360, "height": 740}
SCREEN = {"width": 1280, "height": 900}


@pytest.fixture(scope="module")
def visitors(browser, tower, sessions):
    """A page of somebody who is signed in, and one of a stranger."""
    cookie = session_cookie(tower, sessions["admin"])
    options = {"base_url": tower.url, "viewport": SCREEN}
    with (
        watched_context(browser, [cookie], **options) as admin,
        watched_context(browser, **options) as stranger,
    ):
        yield admin.new_page(), stranger.new_page()


def open_screen(visitors, screens, name):
    """The screen, drawn."""
    page = visitors[name in FOR_STRANGERS]
    page.set_viewport_size(SCREEN)
    page.emulate_media(color_scheme="light")
    if name == "not_found":
        watch_of(page).expect_status(404)
    page.goto(screens[name])
    if name in ("home", "queue"):
        expect(page.locator("[data-chart] svg.main-svg").first).to_be_visible()
    return page


def test_no_screen_is_left_out(screens):
    assert set(screens) == set(SCREENS)


@pytest.mark.parametrize("name", SCREENS)
def test_a_screen_is_usable_by_everybody(visitors, screens, name):
    page = open_screen(visitors, screens, name)

    found: dict[str, list[str] | bool] = {}
    for colour_scheme in ("light", "dark"):
        page.emulate_media(color_scheme=colour_scheme)
        settle(page)
        found[colour_scheme] = serious_findings(page, only_colours=colour_scheme == "dark")
    page.set_viewport_size(PHONE)
    found["too wide for a phone"] = stays_too_wide(page)
    found["one heading for the page"] = page.get_by_role("heading", level=1).count() != 1

    assert not any(found.values()), found
    watch_of(page).check()
