"""The page of a journey: it moves while the order moves, and shows all that is known of it."""

import json
import re

import pytest
from playwright.sync_api import expect

from tests.browser.messages import a_captured_order, a_span, a_trace_id, an_event, minutes_ago, spans_of
from tests.browser.watching import watch_of

ORDER = "JOURNEY-1"
TRACE = a_trace_id()
CHECKOUT, RESERVE = "aaaaaaaaaaaaaaa1", "aaaaaaaaaaaaaaa2"
STAGES = ["Captured", "Accepted", "Posted to ERP", "Released"]
STAGES += ["Picked", "Shipped", "Delivered", "Invoiced", "Settled"]


@pytest.fixture(scope="module", autouse=True)
def order(tower):
    """An order of yesterday that failed in the ERP, with a trace whose spans are of every kind."""
    day = 24 * 60
    tower.send(
        a_captured_order(
            ORDER,
            at=minutes_ago(day),
            customer={"name": "Jane Doe", "email": "jane@example.com"},
            identifiers={"correlation": "corr-journey-1"},
            trace=TRACE,
        ),
        an_event("order.accepted", ORDER, source="/oms", at=minutes_ago(day - 2)),
        an_event(
            "order.posted.failed",
            ORDER,
            source="/erp",
            at=minutes_ago(3),
            error={"code": "SKU_UNMAPPED", "message": "LAMP-7 has no mapping"},
        ),
    )
    tower.send_spans(
        spans_of(
            {
                "journey-shop": [
                    a_span(
                        "POST /checkout", TRACE, span=CHECKOUT, takes_ms=500, correlation_id="corr-journey-1"
                    ),
                ],
                "journey-stock": [
                    a_span("reserve", TRACE, span=RESERVE, parent=CHECKOUT, starts_ms=20, takes_ms=470),
                    a_span("look up", TRACE, parent=RESERVE, starts_ms=70, takes_ms=20),
                    a_span("map SKU", TRACE, parent=RESERVE, starts_ms=60, takes_ms=420, failed=True),
                ],
                "journey-mailer": [
                    a_span("send mail", TRACE, parent="ffffffffffffffff", starts_ms=300, takes_ms=10),
                ],
            }
        )
    )


def open_order(page, order):
    """Open an order as people do: by its number."""
    page.goto(f"/search?q={order}")
    expect(page.get_by_role("heading", level=1)).to_have_text(order)


def stage(page, title):
    """One stop of the stage rail."""
    rail = page.get_by_role("region", name="Stages")
    return rail.get_by_role("listitem").filter(has_text=re.compile(rf"\b{title}\b"))


def event_row(page, text):
    """A line of the events."""
    return page.get_by_role("region", name="Events").get_by_role("row").filter(has_text=text)


def test_the_page_moves_while_the_order_moves(page, tower):
    tower.send(a_captured_order("MOVING-1"))
    open_order(page, "MOVING-1")
    expect(stage(page, "Captured")).to_contain_text("Here now")
    expect(stage(page, "Accepted")).to_contain_text("Next")
    page.evaluate("window.wasNotReloaded = true")

    tower.send(an_event("order.accepted", "MOVING-1", source="/oms"))
    expect(stage(page, "Accepted")).to_contain_text("Here now")
    expect(stage(page, "Captured")).to_contain_text("Reached")
    expect(event_row(page, "order.accepted")).to_contain_text("oms")

    tower.send(
        an_event("order.posted.failed", "MOVING-1", source="/erp", error={"code": "LOCKED", "message": ""})
    )
    expect(stage(page, "Posted to ERP")).to_contain_text("Failed")
    expect(page.get_by_role("article")).to_contain_text("Code LOCKED")
    expect(event_row(page, "LOCKED")).to_have_count(1)

    tower.send(
        an_event("order.posted", "MOVING-1", source="/erp"),
        an_event("shipment.shipped", "MOVING-1", source="/wms", identifiers={"shipment": "SH-1"}),
        an_event("shipment.delivered", "MOVING-1", source="/carrier", identifiers={"shipment": "SH-1"}),
        an_event("payment.settled", "MOVING-1", source="/billing"),
    )
    expect(stage(page, "Settled")).to_contain_text("Reached")
    expect(stage(page, "Released")).to_contain_text("Not reported")
    expect(page.get_by_text("Done: nothing is left to do.")).to_be_visible()
    assert page.evaluate("window.wasNotReloaded") is True


def test_the_header_says_what_whose_worth_and_whose_move(page):
    open_order(page, ORDER)

    head = page.get_by_role("article")
    for text in ("Jane Doe", "via web", "129.90 EUR", "Failed", "Code SKU_UNMAPPED"):
        expect(head).to_contain_text(text)
    expect(head.get_by_text("has the next move")).to_contain_text("Master data")
    expect(head).to_contain_text("What to do: Add the SKU mapping in the item master, then replay.")


def test_the_rail_has_every_stage_in_order_and_in_words(page):
    open_order(page, ORDER)

    stops = page.get_by_role("region", name="Stages").get_by_role("listitem")
    expect(stops).to_have_count(len(STAGES))
    for stop, title in zip(stops.all(), STAGES, strict=True):
        expect(stop).to_contain_text(title)
    expect(stage(page, "Accepted")).to_contain_text("Reached")
    expect(stage(page, "Accepted")).to_contain_text("after 2 min")
    expect(stage(page, "Posted to ERP")).to_contain_text("Failed")
    expect(stage(page, "Shipped")).to_contain_text("Not reached yet")


def test_a_stage_that_is_overdue_says_by_how_much(page, tower):
    tower.send(a_captured_order("LATE-1", at=minutes_ago(60)))

    open_order(page, "LATE-1")

    expect(stage(page, "Accepted")).to_contain_text(re.compile(r"Late by 4[45] min"))


def test_the_timeline_shows_systems_and_folds_the_silence(page):
    open_order(page, ORDER)

    timeline = page.get_by_role("region", name="Across systems")
    for system in ("shop", "oms", "erp"):
        expect(timeline.get_by_role("listitem").filter(has_text=system)).to_be_visible()
    expect(timeline).to_contain_text("hours of silence are folded")
    failure = timeline.get_by_role("link", name=re.compile("order.posted.failed"))
    expect(failure).to_be_visible()
    failure.click()
    expect(page).to_have_url(re.compile("#"))
    expect(event_row(page, "SKU_UNMAPPED")).to_be_in_viewport()


def test_events_are_listed_by_time_with_what_went_wrong(page):
    open_order(page, ORDER)

    rows = (
        page.get_by_role("region", name="Events").get_by_role("row").filter(has_text=re.compile(r"order\."))
    )
    expect(rows).to_have_text(
        [re.compile("order.captured"), re.compile("order.accepted"), re.compile("order.posted.failed")]
    )
    expect(event_row(page, "order.posted.failed")).to_contain_text("LAMP-7 has no mapping")
    expect(event_row(page, "order.accepted")).to_contain_text("Accepted")


def test_the_raw_payload_is_what_was_sent(page):
    open_order(page, ORDER)

    event_row(page, "order.posted.failed").get_by_role("link", name="Raw").click()

    expect(page).to_have_url(re.compile(r"/journeys/[0-9a-f]{32}/events/"))
    expect(page.get_by_role("heading", level=1)).to_contain_text(ORDER)
    shown = json.loads(page.get_by_role("region", name="Payload").locator("pre").inner_text())
    assert shown["data"]["error"] == {"code": "SKU_UNMAPPED", "message": "LAMP-7 has no mapping"}
    page.get_by_role("link", name="Back to the journey").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(ORDER)


def test_a_viewer_sees_e_mail_addresses_masked(open_page):
    page = open_page(f"/search?q={ORDER}", role="viewer")

    expect(page.get_by_role("article")).to_contain_text("j•••@example.com")
    event_row(page, "order.captured").get_by_role("link", name="Raw").click()

    expect(page.get_by_role("region", name="Payload")).to_contain_text("j•••@example.com")
    assert "jane@example.com" not in page.content()


def test_identifiers_name_the_order_and_lead_to_its_trace(page):
    open_order(page, ORDER)

    identifiers = page.get_by_role("region", name="Identifiers")
    for value in (ORDER, "corr-journey-1", "jane@example.com"):
        expect(identifiers).to_contain_text(value)
    expect(identifiers.get_by_role("button", name=f"Copy order {ORDER}")).to_be_visible()


def test_the_waterfall_tells_errors_orphans_and_the_critical_path(page):
    open_order(page, ORDER)

    trace = page.get_by_role("region", name="Traces")
    expect(trace).to_contain_text("5 spans")
    spans = trace.locator("[data-depth]")
    expect(spans).to_have_count(5)

    def span(name):
        return spans.filter(has_text=name)

    expect(span("map SKU")).to_contain_text("Error:")
    expect(span("send mail")).to_contain_text("Incomplete")
    expect(span("reserve")).to_contain_text("on the critical path")
    expect(span("map SKU")).to_contain_text("on the critical path")
    expect(span("look up")).not_to_contain_text("on the critical path")
    assert [row.get_attribute("data-depth") for row in spans.all()] == ["0", "1", "2", "2", "0"]


def test_a_span_opens_to_its_attributes_and_folds_its_children(page):
    page.goto(f"/traces/{TRACE}")
    spans = page.locator("[data-depth]")
    expect(spans).to_have_count(5)

    spans.filter(has_text="POST /checkout").locator("summary").click()
    expect(spans.first).to_contain_text("correlation.id")
    expect(spans.first).to_contain_text("corr-journey-1")

    fold = page.get_by_role("button", name="Spans below journey-stock reserve")
    fold.click()
    expect(fold).to_have_attribute("aria-expanded", "false")
    expect(spans.filter(has_text="map SKU")).to_be_hidden()
    fold.click()
    expect(spans.filter(has_text="map SKU")).to_be_visible()


def test_the_trace_names_its_journey(page):
    page.goto(f"/traces/{TRACE}")

    expect(page.get_by_role("main")).to_contain_text("Incomplete")
    page.get_by_role("main").get_by_role("link", name=ORDER).click()

    expect(page.get_by_role("heading", level=1)).to_have_text(ORDER)


def test_a_trace_whose_spans_never_came_says_so(page, tower):
    tower.send(a_captured_order("SAMPLED-AWAY-1", trace=a_trace_id()))
    open_order(page, "SAMPLED-AWAY-1")

    traces = page.get_by_role("region", name="Traces")
    if traces.locator("summary").count():
        traces.locator("summary").click()

    expect(traces).to_contain_text(re.compile("no span", re.IGNORECASE))


def test_the_permalink_is_the_address_and_an_older_id_leads_to_it(page, tower, token):
    (hit,) = tower.get("/api/v1/search", token, q=ORDER)["hits"]
    detail = tower.get(f"/api/v1/journeys/{hit['journey']['id']}", token)
    aliases = {one["kind"]: one["key"] for one in detail["identifiers"]}
    assert detail["id"] == aliases["correlation"] != aliases["order"]

    open_order(page, ORDER)
    expect(page).to_have_url(f"/journeys/{detail['id']}")
    copy = page.get_by_role("button", name="Copy link")
    expect(copy).to_have_attribute("data-copy-url", f"/journeys/{detail['id']}")

    page.goto(f"/journeys/{aliases['order']}")
    expect(page).to_have_url(f"/journeys/{detail['id']}")
    expect(page.get_by_role("heading", level=1)).to_have_text(ORDER)


def test_the_page_follows_an_order_that_gets_another_id_while_it_is_open(page, tower):
    tower.send(a_captured_order("RENAMED-1"))
    open_order(page, "RENAMED-1")
    before = page.url

    # The correlation id has the lesser key: from now on it is the id of the journey.
    tower.send(
        an_event("order.accepted", "RENAMED-1", source="/oms", identifiers={"correlation": "corr-renamed"})
    )

    expect(stage(page, "Accepted")).to_contain_text("Here now")
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("RENAMED-1")
    assert page.url != before


def test_a_journey_that_is_not_there_says_what_to_do(open_page):
    page = open_page("/account")
    watch_of(page).expect_status(404)

    page.goto("/journeys/" + "20" * 16)

    expect(page.get_by_role("main")).to_contain_text("Search for the order, shipment or trace instead")
