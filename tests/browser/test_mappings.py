"""Mappings: a payload is pasted, tried against a mapping, and the mapping corrected until it fits."""

from playwright.sync_api import expect

from tests.browser.watching import watch_of

TRACKER = """{
  "object": "Event",
  "description": "tracker.updated",
  "result": {
    "id": "trk_1",
    "tracking_code": "0094",
    "tracking_details": [{"status": "delivered", "datetime": "2026-05-03T09:59:00Z"}]
  }
}"""


def test_a_pasted_payload_is_tried_and_a_mistake_in_the_mapping_is_named(page):
    watch_of(page).expect_status(422)
    page.goto("/")
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Mappings").click()
    page.get_by_role("link", name="EasyPost tracking").click()
    mapping = page.get_by_label("Mapping", exact=True)
    expect(mapping).to_contain_text('name = "easypost"')

    page.get_by_label("Payload").fill(TRACKER)
    page.get_by_role("button", name="Try it").click()
    expect(page.get_by_label("Event 1")).to_contain_text('"type": "shipment.delivered"')
    expect(page.get_by_label("Event 1")).to_contain_text('"tracking": "0094"')

    written = mapping.input_value()
    mapping.fill(written.replace("{lookup('status', status)}", "{shout(status)}"))
    page.get_by_role("button", name="Try it").click()
    expect(page.get_by_role("alert")).to_contain_text("type: there is no function shout()")
    assert page.get_by_label("Payload").input_value() == TRACKER

    mapping.fill(written.replace('delivered = "shipment.delivered"', 'delivered = "pickup.collected"'))
    page.get_by_role("button", name="Try it").click()
    expect(page.get_by_label("Event 1")).to_contain_text('"type": "pickup.collected"')


def test_whoever_may_not_operate_does_not_see_it(open_page):
    page = open_page("/", role="viewer")
    expect(page.get_by_role("link", name="Mappings")).to_have_count(0)
