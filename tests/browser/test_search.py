"""Search from anywhere: by whatever names an order, by keyboard, and straight to the one hit."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.messages import a_captured_order, a_span, a_trace_id, an_event, spans_of

TRACE = a_trace_id()  # of an event; its spans were sampled away
ORDERS_TRACE = a_trace_id()
LONELY_TRACE = a_trace_id()


@pytest.fixture(scope="module", autouse=True)
def orders(tower):
    """An order that has every kind of name, and two that begin alike."""
    tower.send(
        a_captured_order(
            "SEARCH-1001",
            customer={"name": "Jane Doe", "email": "jane.doe@example.com", "id": "C-77"},
            trace=TRACE,
        ),
        an_event("shipment.shipped", "SEARCH-1001", identifiers={"tracking": "1Z999AA10123456784"}),
        an_event("order.posted", "SEARCH-1001", source="/erp", identifiers={"erp_document": "SO-4711"}),
        a_captured_order("SEARCH-2001"),
        a_captured_order("SEARCH-2002"),
    )
    checkout = a_span("checkout", ORDERS_TRACE, order_id="SEARCH-2001")
    tower.send_spans(
        spans_of({"search-shop": [checkout], "search-job": [a_span("nightly index", LONELY_TRACE)]})
    )


def search(page, text):
    """Type into the field that is on every page."""
    page.keyboard.press("/")
    field = page.get_by_role("searchbox", name="Search journeys and traces")
    expect(field).to_be_focused()
    field.fill(text)
    field.press("Enter")


def test_the_keyboard_reaches_the_search_from_everywhere(page):
    for path in ("/", "/journeys", "/traces", "/quarantine", "/sources", "/users", "/account"):
        for keys in ("/", "Control+k"):
            page.goto(path)
            page.keyboard.press(keys)

            field = page.get_by_role("searchbox", name="Search journeys and traces")
            expect(field).to_be_focused()
            expect(field).to_have_value("")


def test_a_slash_that_is_typed_into_a_field_stays_there(page):
    page.goto("/journeys")

    page.get_by_label("Identifier begins with").press_sequentially("a/b")

    expect(page.get_by_label("Identifier begins with")).to_have_value("a/b")
    expect(page.get_by_label("Identifier begins with")).to_be_focused()


@pytest.mark.parametrize(
    "text",
    [
        "SEARCH-1001",
        "#SEARCH-1001",
        "search-1001",
        "jane.doe@example.com",
        "Jane.Doe@Example.com",
        "1Z999AA10123456784",
        "SO-4711",
        "SO-47",
        "C-77",
        pytest.param(TRACE, id="trace"),
    ],
)
def test_the_one_hit_opens_itself(page, text):
    page.goto("/account")

    search(page, text)

    expect(page).to_have_url(re.compile(r"/journeys/[0-9a-f]{32}$"))
    expect(page.get_by_role("heading", level=1)).to_have_text("SEARCH-1001")


def test_a_trace_leads_to_its_spans_and_to_its_order(page):
    page.goto("/account")

    search(page, ORDERS_TRACE)

    hits = page.get_by_role("main")
    expect(hits.get_by_role("link", name=f"Trace {ORDERS_TRACE}")).to_be_visible()
    hits.get_by_role("link", name="SEARCH-2001").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("SEARCH-2001")


def test_a_trace_without_a_journey_opens_as_a_trace(page):
    page.goto("/account")

    search(page, LONELY_TRACE)

    expect(page).to_have_url(f"/traces/{LONELY_TRACE}")
    expect(page.get_by_role("heading", level=1)).to_have_text("nightly index")


def test_a_beginning_that_several_share_lists_them(page):
    page.goto("/account")

    search(page, "SEARCH-200")

    hits = page.get_by_role("main").get_by_role("link", name=re.compile("SEARCH-200"))
    expect(hits).to_have_count(2)
    expect(page.get_by_role("heading", name="Begins with this")).to_be_visible()
    expect(page).to_have_url(re.compile(r"/search\?q=SEARCH-200$"))
    hits.first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("SEARCH-200[12]"))
    page.go_back()
    expect(hits).to_have_count(2)


def test_nothing_found_says_what_was_looked_for(page):
    page.goto("/account")

    search(page, "no-such-order")

    expect(page.get_by_role("heading", name="Nothing is called “no-such-order”")).to_be_visible()


def test_suggestions_show_while_one_types_and_the_arrows_walk_them(page):
    page.goto("/account")

    page.keyboard.press("/")
    page.keyboard.type("SEARCH-200")
    suggestions = page.get_by_role("search").get_by_role("link", name=re.compile("SEARCH-200"))
    expect(suggestions).to_have_count(2)
    page.keyboard.press("ArrowDown")
    expect(suggestions.first).to_be_focused()
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("SEARCH-200[12]"))


def test_markup_in_a_search_is_text(page):
    page.goto("/account")

    search(page, "<img src=x onerror=alert(1)>")

    expect(page.get_by_role("heading", name="Nothing is called “<img")).to_be_visible()
    expect(page.locator("main img")).to_have_count(0)
