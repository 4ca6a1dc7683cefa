"""Sending again: one click until it is confirmed, two tabs at once, what is not safe, a ramp that halts."""

import re

import pytest
from playwright.sync_api import expect

from controltower.services.replay.policies import PolicyRunner
from tests.browser.replaying import POLICY, served_estate
from tests.browser.watching import serious_findings, settle, stays_too_wide, watch_of, watched_context
from tests.services.replay.rig import a_letter, died_again


@pytest.fixture(scope="module")
def estate(tmp_path_factory):
    """A tower whose replays move on when a test says so."""
    with served_estate(tmp_path_factory.mktemp("replays")) as running:
        yield running


@pytest.fixture
def open_as(browser, estate):
    """Opens a path as the person of a role; nothing may go wrong on it unseen."""
    contexts = []

    def open_path(role, path, **options):
        entered = watched_context(browser, [estate.cookie(role)], base_url=estate.url, **options)
        contexts.append(entered)
        page = entered.__enter__().new_page()
        page.goto(path)
        return page

    yield open_path
    for entered in reversed(contexts):
        entered.__exit__(None, None, None)


def journey_of(estate, order):
    """The path of an order's journey."""
    return estate.tower.client("viewer").get(f"/search?q={order}").location


def plan_of(estate, *letters, by="sam"):
    """The path of a plan that somebody made."""
    return f"/replays/{estate.plan(*map(bytes.fromhex, letters), by=by).id.hex()}"


def test_one_click_one_confirmation_and_the_page_follows_it(estate, open_as):
    estate.stuck("1001")
    before = len(estate.targets.sent)
    page = open_as("support", journey_of(estate, "1001"))
    expect(page.get_by_role("region", name="Dead letters")).to_contain_text("No mapping for SKU TBL-1")

    page.get_by_role("button", name="Replay order.posted").click()
    dialog = page.get_by_role("dialog", name="Send this again?")
    expect(dialog).to_contain_text("erp.post")
    expect(dialog).to_contain_text("Safe")
    assert serious_findings(page) == []
    dialog.get_by_role("button", name="Send it now").click()

    expect(page.get_by_role("status").filter(has_text="Started")).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_have_text("1001")
    estate.work()
    assert len(estate.targets.sent) == before + 1
    letters = page.get_by_role("region", name="Dead letters")
    expect(letters).to_contain_text("Waiting for confirmation")
    estate.pass_time(seconds=5)
    estate.tell("order.posted", ("order", "1001"), system="erp")
    estate.work()
    expect(letters).to_contain_text("Resolved")
    expect(page.get_by_role("list").filter(has_text="Posted to ERP")).to_contain_text("Reached")


def test_two_tabs_that_start_it_at_once_send_one(estate, open_as):
    where, before = plan_of(estate, estate.stuck("1101")), len(estate.targets.sent)
    tabs = [open_as("support", where) for _ in range(2)]
    watch_of(tabs[1]).expect_status(409)

    for tab in tabs:
        tab.get_by_role("button", name="Send it now").click(no_wait_after=True)
    for tab in tabs:
        tab.wait_for_load_state()
    estate.work()

    assert len(estate.targets.sent) == before + 1
    expect(tabs[0].get_by_role("status").filter(has_text="Started")).to_be_visible()
    expect(tabs[1].get_by_role("alert")).to_contain_text("cannot be started")


def test_two_tabs_that_click_on_one_letter_send_one(estate, open_as):
    estate.stuck("1102")
    before, path = len(estate.targets.sent), journey_of(estate, "1102")
    tabs = [open_as("support", path) for _ in range(2)]
    for tab in tabs:
        tab.get_by_role("button", name="Replay order.posted").click()
        expect(tab.get_by_role("dialog")).to_be_visible()
    for tab in tabs:
        tab.get_by_role("dialog").get_by_role("button", name="Send it now").click()
        expect(tab.get_by_role("status").filter(has_text="Started")).to_be_visible()
    estate.work()
    assert len(estate.targets.sent) == before + 1


def test_support_cannot_force_a_duplicate_and_an_operator_can_with_a_reason(estate, open_as):
    for told in ("order.captured", "order.accepted", "order.posted", "shipment.shipped"):
        estate.tell(told, ("order", "1201"), at=estate.now)
    letter = estate.take(a_letter("1201", type="order.released", at=estate.now)).ids[0].hex()
    where, before = plan_of(estate, letter), len(estate.targets.sent)

    page = open_as("support", where)
    expect(page.get_by_role("main")).to_contain_text("Duplicate risk")
    button = page.get_by_role("button", name="Send it now")
    expect(button).to_be_disabled()
    expect(button).to_have_attribute("title", re.compile("needs the role operator; yours is support"))

    page = open_as("operator", where)
    page.get_by_role("button", name="Send it now").click()
    reason = page.get_by_label("Why it is sent although not all of it is safe")
    assert reason.evaluate("field => field.validity.valueMissing")
    reason.fill("The warehouse never got the first one")
    page.get_by_role("button", name="Send it now").click()
    expect(page.get_by_role("status").filter(has_text="Started")).to_be_visible()
    estate.work()
    assert len(estate.targets.sent) == before + 1
    page.goto("/audit?action=started")
    expect(page.get_by_role("row").nth(1)).to_contain_text("The warehouse never got the first one")


def test_a_ramp_halts_and_says_why_and_what_to_do(estate, open_as):
    where = plan_of(estate, *(estate.stuck(str(1300 + number)) for number in range(8)))
    page = open_as("operator", where)
    page.get_by_role("button", name="Send 8 now").click()
    estate.work()
    expect(page.get_by_role("main")).to_contain_text("Step 2")
    estate.pass_time(seconds=5)
    sent = estate.targets.sent[-1]
    row = estate.letter(bytes.fromhex(sent.message.header("x-replay-of")))
    estate.take(died_again(sent, estate.now, order=row.title))
    estate.work()

    expect(page.get_by_role("main")).to_contain_text("It halted by itself")
    expect(page.get_by_role("main")).to_contain_text("1 died again")
    page.goto("/journeys")
    expect(page.get_by_role("complementary", name="Replays to look at")).to_contain_text("halted")
    page.get_by_role("link", name=re.compile("Replay of 13.. and 7 more")).click()
    page.get_by_role("main").get_by_text("Cancel this replay").click()
    page.get_by_label("Why (may stay empty)").fill("The mapping is still missing")
    page.get_by_role("button", name="Cancel the replay").click()
    expect(page.get_by_role("main")).to_contain_text("7 not sent: cancelled")


def test_it_works_without_scripts(estate, open_as):
    estate.stuck("1401")
    page = open_as("support", journey_of(estate, "1401"), java_script_enabled=False)
    page.get_by_role("button", name="Replay order.posted").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Replay of 1401")
    page.get_by_role("button", name="Send it now").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("1401")
    estate.work()
    page.reload()
    expect(page.get_by_role("main")).to_contain_text("Waiting for confirmation")


SCREENS = (
    *("/replays", "/replays/policies", "/redirects", "/audit?check=all", "/account"),
    *("plan", "mixed", "running", "new", "search", "journey"),
)


@pytest.fixture(scope="module")
def paths(estate):
    """The screens by name, with something on each."""
    letters = [estate.stuck(str(1500 + number)) for number in range(7)]
    wrong = estate.cancelled("1600")
    running = estate.plan(*map(bytes.fromhex, letters[:5]))
    estate.start(running)
    estate.work()
    estate.pass_time(minutes=5)
    PolicyRunner(estate.db, estate.processes, estate.planner, [POLICY], "one").apply_once(estate.now)
    last = estate.stuck("1700")
    return {
        "plan": plan_of(estate, last),
        "mixed": plan_of(estate, last, wrong),
        "running": f"/replays/{running.id.hex()}",
        "new": f"/replays/new?letter={last}&letter={wrong}",
        "search": f"/search?q={last}",
        "journey": journey_of(estate, "1700"),
    }


@pytest.mark.parametrize("name", SCREENS)
def test_a_screen_is_usable_by_everybody(estate, open_as, paths, name):
    page = open_as("operator", paths.get(name, name), viewport={"width": 1280, "height": 900})
    found: dict[str, object] = {}
    for colour_scheme in ("light", "dark"):
        page.emulate_media(color_scheme=colour_scheme)
        settle(page)
        found[colour_scheme] = serious_findings(page, only_colours=colour_scheme == "dark")
    page.set_viewport_size({"width": 360, "height": 740})
    found["too wide for a phone"] = stays_too_wide(page)
    found["one heading for the page"] = page.get_by_role("heading", level=1).count() != 1
    assert not any(found.values()), found
