"""A new tower, by the browser alone: the printed link, the first administrator, the first fact."""

import pytest
from playwright.sync_api import expect

from tests.browser.messages import a_captured_order
from tests.browser.watching import watch_of, watched_context
from tests.running import ADMIN, PASSWORD, running_tower


@pytest.fixture(scope="module")
def new_tower(chromium, tmp_path_factory):
    """A tower that nobody has seen."""
    with running_tower(tmp_path_factory.mktemp("new")) as running:
        yield running


@pytest.fixture(scope="module")
def page(browser, new_tower):
    """One visitor, through all of this module's steps."""
    with watched_context(browser, base_url=new_tower.url) as context:
        yield context.new_page()


def sign_in(page, password):
    """Fill in the form."""
    page.get_by_label("Name").fill(ADMIN)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def test_the_printed_link_makes_the_first_administrator(page, new_tower):
    page.goto("/")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(page.get_by_text("no administrator yet")).to_be_visible()

    page.goto(new_tower.setup_link)
    page.get_by_label("Your name for signing in").fill(ADMIN)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("The same password again").fill(PASSWORD)
    page.get_by_role("button", name="Create account and sign in").click()

    expect(page.get_by_role("status")).to_contain_text(f"Welcome, {ADMIN}")
    expect(page.get_by_role("link", name="Users")).to_be_visible()


def test_the_link_works_once(page, new_tower):
    watch_of(page).expect_status(404)

    answer = page.goto(new_tower.setup_link)

    assert answer is not None and answer.status == 404
    expect(page.get_by_label("Password")).to_have_count(0)


def test_an_empty_tower_says_how_to_send_a_first_fact_and_notices_it(page, new_tower):
    page.goto("/")
    expect(page.get_by_role("heading", name="Nothing has arrived yet")).to_be_visible()
    expect(page.get_by_text(f"{new_tower.url}/api/v1/events")).to_be_visible()

    new_tower.send(a_captured_order("FIRST-1"))

    expect(page.get_by_role("link", name="In flight 1")).to_be_visible(timeout=12_000)


def test_signing_out_and_in_again(page):
    watch_of(page).expect_status(422)
    page.goto("/journeys")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()

    page.goto("/journeys")
    sign_in(page, "not my password")
    expect(page.get_by_role("alert")).to_contain_text("do not match")
    sign_in(page, PASSWORD)

    expect(page).to_have_url("/journeys")
    expect(page.get_by_role("link", name="FIRST-1")).to_be_visible()


def test_the_session_cookie_is_out_of_reach_of_scripts(page, new_tower):
    (cookie,) = page.context.cookies(new_tower.url)

    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Lax")
    assert page.evaluate("document.cookie") == ""
