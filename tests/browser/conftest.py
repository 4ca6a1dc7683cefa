"""A running tower and browsers that are signed in to it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.screens import fill
from tests.browser.watching import watch_of, watched_context
from tests.running import ADMIN, Tower, Visitor, running_tower, session_cookie

expect.set_options(timeout=10_000)  # the default of 5 s is too short for two busy cores
Pages = Callable[..., Page]


@pytest.fixture(scope="session")
def tower(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tower]:
    """A tower that the tests of this folder share, each with orders of its own."""
    with running_tower(tmp_path_factory.mktemp("tower")) as running:
        yield running


@pytest.fixture(scope="session")
def sessions(tower: Tower) -> dict[str, str]:
    """Session cookies of an administrator and of a viewer."""
    admin, viewer = Visitor(tower), Visitor(tower)
    admin.use_setup_link(tower.setup_link, ADMIN)
    viewer.use_setup_link(admin.invite("victor", "viewer"), "victor")
    return {"admin": admin.session, "viewer": viewer.session}


@pytest.fixture(scope="session")
def token(tower: Tower, sessions: dict[str, str]) -> str:
    """A token with which a program may read."""
    return Visitor(tower, sessions["admin"]).make_token("tests", "viewer")


@pytest.fixture(scope="session")
def screens(tower: Tower, sessions: dict[str, str], token: str) -> Mapping[str, str]:
    """The path of every screen, by name; none of them is empty that need not be."""
    return fill(tower, Visitor(tower, sessions["admin"]), token)


@pytest.fixture
def open_page(browser: Browser, tower: Tower, sessions: dict[str, str]) -> Iterator[Pages]:
    """Opens a path in a context of its own, signed in with a role; nothing may go wrong on it unseen."""
    with ExitStack() as contexts:

        def open_path(path: str, role: str = "admin", **options: Any) -> Page:
            cookies = [session_cookie(tower, sessions[role])] if role else []
            context = contexts.enter_context(watched_context(browser, cookies, base_url=tower.url, **options))
            page = context.new_page()
            page.goto(path)
            return page

        yield open_path


@pytest.fixture(scope="module")
def admins_page(browser: Browser, tower: Tower, sessions: dict[str, str]) -> Iterator[Page]:
    """A page that the tests of a module share; ask for `page`, which watches each test apart."""
    cookies = [session_cookie(tower, sessions["admin"])]
    with watched_context(browser, cookies, base_url=tower.url) as context:
        yield context.new_page()


@pytest.fixture
def hurried_page(page: Page) -> Page:
    """The same page, for tests that need not wait until it asks for news: `hurry` makes it ask."""
    page.clock.install()
    return page


@pytest.fixture
def page(admins_page: Page) -> Iterator[Page]:
    """The administrator's page, wherever the test before left it; nothing may go wrong on it unseen."""
    yield admins_page
    watch_of(admins_page).check()
