"""The home page: how many journeys are where, what arrives, what failed, who fell silent; all of it live."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.messages import a_captured_order, a_span, a_trace_id, an_event, minutes_ago, spans_of
from tests.browser.watching import hurry


@pytest.fixture(scope="module", autouse=True)
def orders(tower):
    """An order that failed, two on their way, one of which is late, and a service that sends spans."""
    tower.send(
        a_captured_order("HOME-1"),
        a_captured_order("HOME-2", at=minutes_ago(30)),
        a_captured_order("HOME-3", at=minutes_ago(50)),
        an_event(
            "order.posted.failed",
            "HOME-2",
            source="/erp",
            error={"code": "CREDIT_BLOCK", "message": "over the limit of jane@example.com"},
        ),
    )
    tower.send_spans(spans_of({"home-shop": [a_span("GET /", a_trace_id())]}))


def tile(page, status):
    """The tile of a status."""
    return page.get_by_role("main").get_by_role("link", name=re.compile(rf"^{status} [\d,]+"))


def journeys_of(page, status):
    """How many journeys its tile tells."""
    words = tile(page, status).inner_text()
    return int(re.sub(r"\D", "", words))


def test_a_tile_counts_while_one_looks_and_leads_to_its_journeys(hurried_page, tower):
    page = hurried_page
    page.goto("/")
    before = journeys_of(page, "Failed")

    tower.send(
        an_event("order.posted.failed", "HOME-1", source="/erp", error={"code": "LOCKED", "message": ""})
    )
    hurry(page)

    expect(tile(page, "Failed")).to_contain_text(re.compile(rf"\b{before + 1}\b"))
    tile(page, "Failed").click()
    expect(page).to_have_url("/journeys?status=failed")
    expect(page.get_by_role("link", name="HOME-1", exact=True)).to_be_visible()


@pytest.mark.parametrize("colour_scheme", ["light", "dark"])
def test_the_chart_is_drawn_in_either_theme(open_page, colour_scheme):
    page = open_page("/", color_scheme=colour_scheme)

    chart = page.get_by_role("region", name="Arrivals and failures per minute").locator("[data-chart]")
    expect(chart.locator("svg.main-svg").first).to_be_visible()
    assert chart.locator("g.trace path, .bars path, .scatterlayer path").count() > 0
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    lightness = sum(int(part) for part in re.findall(r"\d+", background)[:3]) / 3
    assert (lightness > 128) == (colour_scheme == "light"), background


def test_the_chart_has_its_figures_as_a_table(page):
    page.goto("/")
    page.get_by_text("Figures as a table").click()

    table = page.get_by_role("region", name="Figures for each minute").get_by_role("table")
    expect(table.get_by_role("columnheader")).to_have_text(["Minute", "Events", "Spans", "Failures"])
    cells = table.get_by_role("cell").all_inner_texts()
    assert any(text not in ("0", "") for text in cells[1::4])


def test_the_newest_failure_says_what_went_wrong_and_leads_there(page):
    page.goto("/")

    failures = page.get_by_role("region", name="Newest failures")
    row = failures.get_by_role("row").filter(has_text="HOME-2")
    expect(row).to_contain_text("CREDIT_BLOCK over the limit of j•••@example.com")
    expect(row).to_contain_text("erp")
    row.get_by_role("link", name="HOME-2").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("HOME-2")


def test_the_funnel_tells_the_oldest_of_a_stage_and_leads_to_its_journeys(page):
    page.goto("/")

    funnel = page.get_by_role("region", name=re.compile("where journeys are"))
    captured = funnel.get_by_role("row").filter(has=page.get_by_role("link", name="Captured", exact=True))
    expect(captured).to_contain_text(re.compile(r"\d+ (min|h|d).* late"))
    captured.get_by_role("link").click()
    expect(page).to_have_url(re.compile("stage=captured"))


def test_sources_say_how_fresh_they_are(page):
    page.goto("/")

    sources = page.get_by_role("region", name="Sources", exact=True)
    expect(sources.get_by_role("listitem").filter(has_text="home-shop")).to_contain_text("Fresh")
    sources.get_by_role("link", name="home-shop").click()
    expect(page).to_have_url("/traces?service=home-shop")
    expect(page.get_by_role("link", name="GET /")).to_be_visible()
