"""Pages on which nothing may go wrong unseen: console errors, exceptions, CSP violations, failed requests."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Response, ViewportSize

_REPORT_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) => console.error(
    `CSP violation: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`));
"""
_LOADED_WITH_ERROR = "Failed to load resource: the server responded with a status of "
_SERIOUS = ("serious", "critical")
PHONE: ViewportSize = {"width": 360, "height": 740}
SCREEN: ViewportSize = {"width": 1280, "height": 900}
_SCHEMES: Sequence[Literal["light", "dark"]] = ("light", "dark")
_axe = Axe()
# Without preloading: axe would write style sheets into the page, against its policy, for no rule that is on.
_AXE_OPTIONS = {"resultTypes": ["violations"], "preload": False}
_COLOUR_RULES = ["color-contrast", "link-in-text-block"]


@dataclass
class Watch:
    """What went wrong on the pages of one context, and which refusals the test provokes on purpose."""

    problems: list[str] = field(default_factory=list)
    _expected: set[int] = field(default_factory=set)

    def expect_status(self, status: int) -> None:
        """The test is about an answer with this status; the browser logs it as an error."""
        self._expected.add(status)

    def follow(self, page: Page) -> None:
        """Note what goes wrong on this page."""
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.problems.append(f"{page.url}: exception: {error}"))
        page.on("response", self._on_response)

    def check(self) -> None:
        """Fail when anything went wrong since the last check."""
        found, self.problems = self.problems, []
        assert not found, "\n".join(found)

    def _on_console(self, message: ConsoleMessage) -> None:
        # A refused answer is judged by its status, in _on_response.
        if message.type in ("error", "warning") and not message.text.startswith(_LOADED_WITH_ERROR):
            where = message.page.url if message.page else ""
            self.problems.append(f"{where}: {message.type}: {message.text}")

    def _on_response(self, response: Response) -> None:
        if response.status >= 400 and response.status not in self._expected:
            self.problems.append(f"{response.url}: answered {response.status}")


@contextmanager
def watched_context(
    browser: Browser, cookies: Sequence[Any] = (), **options: Any
) -> Iterator[BrowserContext]:
    """A browser context; leaving the block fails when anything went wrong on its pages.

    `watch_of` gives its Watch.
    """
    watch = Watch()
    context = browser.new_context(**{"reduced_motion": "reduce", **options})
    context.set_default_timeout(15_000)
    context.add_cookies(list(cookies))
    context.add_init_script(_REPORT_VIOLATIONS)
    context.on("page", watch.follow)
    _watches[context] = watch
    try:
        yield context
    finally:
        del _watches[context]
        context.close()
    watch.check()


_watches: dict[BrowserContext, Watch] = {}


def watch_of(page: Page) -> Watch:
    """The watch over a page's context."""
    return _watches[page.context]


def serious_findings(page: Page, *, only_colours: bool = False) -> list[str]:
    """What axe-core finds that keeps somebody from using the page as it is now."""
    some = {"runOnly": {"type": "rule", "values": _COLOUR_RULES}} if only_colours else {}
    violations = _axe.run(page, options=_AXE_OPTIONS | some).response["violations"]
    return [
        f"{found['id']} ({found['impact']}): {node['html'][:160]} {node.get('failureSummary', '')[:300]}"
        for found in violations
        if found["impact"] in _SERIOUS
        for node in found["nodes"]
    ]


def obstacles(page: Page) -> dict[str, list[str] | bool]:
    """What keeps somebody from using the page: in the light, in the dark, on a phone; no value is true when
    nothing does.
    """
    found: dict[str, list[str] | bool] = {}
    for colour_scheme in _SCHEMES:
        page.emulate_media(color_scheme=colour_scheme)
        settle(page)
        found[colour_scheme] = serious_findings(page, only_colours=colour_scheme == "dark")
    page.set_viewport_size(PHONE)
    found["too wide for a phone"] = stays_too_wide(page)
    page.emulate_media(color_scheme="light")
    page.set_viewport_size(SCREEN)
    return found


def hurry(page: Page) -> None:
    """Let the longest time pass after which a page asks for news; the page is a `hurried_page`."""
    page.clock.fast_forward(5_100)


def settle(page: Page) -> None:
    """Wait until a change of theme or size is drawn."""
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    page.evaluate("Promise.allSettled(document.getAnimations().map((animation) => animation.finished))")


def stays_too_wide(page: Page) -> bool:
    """True when the page scrolls sideways, and not only until its charts have noticed the new width."""
    for _ in range(15):
        if _fits(page):
            return False
        page.wait_for_timeout(200)
    return True


def _fits(page: Page) -> bool:
    root = "document.documentElement"
    return bool(page.evaluate(f"{root}.scrollWidth <= {root}.clientWidth"))
