"""The watch that all tests here rely on does see what goes wrong."""

import pytest
from playwright.sync_api import expect

from tests.browser.watching import watch_of, watched_context


@pytest.mark.parametrize(
    ("mistake", "seen"),
    [
        ("document.body.insertAdjacentHTML('beforeend', '<p style=\"color: red\">x</p>')", "CSP violation"),
        ("document.body.append(Object.assign(document.createElement('script'), {text: '1'}))", "CSP violation"),
        ("console.error('oops')", "oops"),
        ("setTimeout(() => { throw new Error('broken') })", "exception: broken"),
        ("fetch('/no-such-page')", "answered 404"),
    ],
)
def test_a_mistake_on_a_page_is_noticed(browser, tower, mistake, seen):
    with pytest.raises(AssertionError, match=seen):
        with watched_context(browser, base_url=tower.url) as context:
            page = context.new_page()
            page.goto("/sign-in")
            page.evaluate(mistake)
            page.wait_for_timeout(200)
            expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_an_answer_that_a_test_provokes_is_no_problem(browser, tower):
    with watched_context(browser, base_url=tower.url) as context:
        page = context.new_page()
        watch_of(page).expect_status(404)
        page.goto("/no-such-page")
