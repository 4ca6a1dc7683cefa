"""An order of the demo estate that is stuck on a missing SKU mapping, from the home page to shipped."""

import re
import time

import pytest
from playwright.sync_api import expect

from tests.browser.watching import serious_findings, watched_context
from tests.running import ADMIN, Visitor, running_tower, session_cookie

OAK = "TBL-DIN-OAK"
LIVE = 90_000  # milliseconds for an order to move on from its replay to the carrier, on a busy machine

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def tower(chromium, tmp_path_factory):
    """A tower that has just been started with the demo estate beside it."""
    with running_tower(tmp_path_factory.mktemp("demo"), "--demo", "--demo-rate", "6") as running:
        yield running


@pytest.fixture(scope="module")
def visitors(tower):
    """Sessions of an administrator and of somebody in support."""
    admin, support = Visitor(tower), Visitor(tower)
    admin.use_setup_link(tower.setup_link, ADMIN)
    support.use_setup_link(admin.invite("sam", "support"), "sam")
    return {"admin": admin, "support": support}


@pytest.fixture
def stuck(tower, visitors):
    """Dead letters of orders that the missing mapping holds up; the tower knows their journeys."""
    token = visitors["admin"].make_token(f"tests {time.monotonic_ns()}", "viewer")
    give_up_at = time.monotonic() + 40
    while True:
        found = tower.get("/api/v1/dead-letters", token, text=OAK, state="new")["dead_letters"]
        placed = [one for one in found if one["journey_id"]]
        if len(placed) >= 3:
            return placed
        assert time.monotonic() < give_up_at, found
        time.sleep(0.5)


@pytest.fixture
def page(browser, tower, visitors):
    """What somebody in support sees; nothing may go wrong on it unseen."""
    cookies = [session_cookie(tower, visitors["support"].session)]
    with watched_context(browser, cookies, base_url=tower.url) as context:
        yield context.new_page()


def test_fix_the_cause_click_once_and_watch_it_move_to_shipped(page, stuck):
    order = stuck[0]["title"]
    page.goto("/")
    page.get_by_role("searchbox", name="Search journeys and traces").fill(order)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(order)
    letters = page.get_by_role("region", name="Dead letters")
    expect(letters).to_contain_text(f"No ERP item is mapped to SKU {OAK}")
    expect(letters).to_contain_text("Safe")

    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Instructions").first.click()
    master = opened.value
    expect(master).to_have_title("Northwind Living item master: missing SKU mappings")
    assert serious_findings(master) == []
    master.get_by_role("button", name=f"Map {OAK}").click()
    expect(master.get_by_role("button", name=f"Remove {OAK}")).to_be_visible()
    master.close()

    page.get_by_role("button", name=re.compile("^Replay ")).first.click()
    dialog = page.get_by_role("dialog", name="Send this again?")
    expect(dialog).to_contain_text("erp.post")
    dialog.get_by_role("button", name="Send it now").click()
    expect(letters).to_contain_text("Resolved", timeout=LIVE)
    expect(letters).to_contain_text("order.posted by erp")
    stages = page.get_by_role("region", name="Stages")
    shipped = stages.get_by_role("listitem").filter(has_text="Shipped")
    expect(shipped).to_contain_text(re.compile("Here now|Reached"), timeout=LIVE)
