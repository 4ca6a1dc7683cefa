"""The watch that all tests here rely on does see what goes wrong."""

import pytest

from tests.browser.watching import watch_of, watched_context

AN_INLINE_STYLE = "document.body.insertAdjacentHTML('beforeend', '<p style=\"color: red\">x</p>')"
AN_INLINE_SCRIPT = "document.body.append(Object.assign(document.createElement('script'), {text: '1'}))"
MISTAKES = {
    AN_INLINE_STYLE: "CSP violation: style-src",
    AN_INLINE_SCRIPT: "CSP violation: script-src",
    "console.error('oops')": "oops",
    "setTimeout(() => { throw new Error('broken') })": "exception: broken",
    "fetch('/no-such-page')": "/no-such-page: answered 404",
}


def test_mistakes_on_a_page_are_noticed(browser, tower):
    with (
        pytest.raises(AssertionError) as noticed,
        watched_context(browser, base_url=tower.url) as context,
    ):
        page = context.new_page()
        page.goto("/sign-in")
        for mistake in MISTAKES:
            page.evaluate(mistake)
        page.wait_for_timeout(500)

    for seen in MISTAKES.values():
        assert seen in str(noticed.value)


def test_an_answer_that_a_test_provokes_is_no_problem(browser, tower):
    with watched_context(browser, base_url=tower.url) as context:
        page = context.new_page()
        watch_of(page).expect_status(404)
        page.goto("/no-such-page")


def test_a_page_on_which_nothing_goes_wrong_passes(browser, tower):
    with watched_context(browser, base_url=tower.url) as context:
        context.new_page().goto("/sign-in")
