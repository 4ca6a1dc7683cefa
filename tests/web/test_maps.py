"""Flow map, process map and comparison: pages, CSV, JSON, and what they refuse."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Status, TracesData

from controltower.domain.facts import SpanSegment
from controltower.domain.identifiers import Identifier, key_of
from controltower.domain.process_map import variant_id
from controltower.services.ingest import FactBatch
from tests.builders import an_event
from tests.web.tower import Tower, json_of, text_of

FRAGMENT = {"HX-Request": "true"}
TRACE = bytes(range(16))
_SYSTEMS = {"order.accepted": "oms", "order.posted": "erp", "order.cancelled": "oms"}
HAPPY = ("order.captured", "order.accepted", "order.posted")


def an_order(tower: Tower, name: str, *types: str, hours_ago: float = 2, minutes: int = 5) -> str:
    """An order with an event every so many minutes; returns the id of its journey."""
    at = tower.clock() - timedelta(hours=hours_ago)
    tower.store(
        *(
            an_event(
                f"com.acme.{kind}",
                ("order", name),
                at=at + timedelta(minutes=minutes * place),
                source="/" + _SYSTEMS.get(kind.removesuffix(".failed"), "shop"),
                customer="jane@example.com",
            )
            for place, kind in enumerate(types)
        )
    )
    return key_of(Identifier("order", name)).hex()


def some_orders(tower: Tower) -> None:
    """Two that go well, one that fails in the ERP, one that is cancelled."""
    an_order(tower, "1001", *HAPPY)
    an_order(tower, "1002", *HAPPY, hours_ago=3)
    an_order(tower, "1003", "order.captured", "order.accepted", "order.posted.failed", minutes=20)
    an_order(tower, "1004", "order.captured", "order.cancelled")


def a_trace(tower: Tower) -> None:
    """A call from the shop to the ERP that failed, on order 1001."""
    data = TracesData()
    for number, (service, parent) in enumerate((("shop", 0), ("erp", 1)), 1):
        group = data.resource_spans.add()
        group.resource.attributes.add(key="service.name").value.string_value = service
        span = group.scope_spans.add().spans.add()
        span.trace_id, span.span_id = TRACE, number.to_bytes(8, "big")
        span.parent_span_id = parent.to_bytes(8, "big") if parent else b""
        span.start_time_unix_nano = tower.clock.now_us() * 1000 - 60 * 10**9
        span.end_time_unix_nano = span.start_time_unix_nano + 250 * 10**6
        span.status.code = Status.STATUS_CODE_ERROR if parent else Status.STATUS_CODE_UNSET
    links = ((Identifier("order", "1001"),),)
    services = (("shop", 1, 0), ("erp", 1, 1))
    segment = SpanSegment(TRACE, bytes(16), 2, 1, 0, 1, links, services, data.SerializeToString())
    tower.ingest.submit(FactBatch(segments=(segment,))).result(timeout=10)
    tower.clock.advance(seconds=1)  # a window ends just before now


def page_of(tower: Tower, url: str, role: str = "viewer", **headers: str) -> str:
    response = tower.client(role).get(url, headers=headers)
    assert response.status_code == 200, text_of(response)
    return text_of(response)


def api(tower: Tower, url: str, role: str = "viewer") -> Any:
    response = tower.client(role).get(f"/api/v1{url}")
    assert response.status_code == 200, text_of(response)
    return json_of(response)


def plain(html: str) -> str:
    """The words of a page."""
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


# The flow map


def test_the_flow_map_draws_systems_and_names_figures_of_what_flows(tower: Tower):
    some_orders(tower)

    page = page_of(tower, "/flows")

    assert 'aria-label="oms to erp, by events: 3 messages, 3/day, 33 % failed' in page
    assert "half within 5 min, 95 % within 18 min" in page
    assert "All 4 journeys of the window" in page
    assert "style=" not in page and "<style" not in page


def test_the_window_is_in_the_address(tower: Tower):
    an_order(tower, "1001", *HAPPY, hours_ago=30)

    assert "No message in this window" in page_of(tower, "/flows")
    assert "shop to oms" in page_of(tower, "/flows?window=7d")
    assert "shop to oms" in page_of(tower, "/flows?since=2026-05-30T00:00&until=2026-05-30T12:00")
    assert "No message" in page_of(tower, "/flows?since=2026-05-30T06:06&until=2026-05-30T06:07:00%2B00:00")


def test_a_moving_window_updates_itself_and_a_fixed_one_does_not(tower: Tower):
    some_orders(tower)

    assert "data-poll" in page_of(tower, "/flows?window=24h")
    assert "data-poll" not in page_of(tower, "/flows?since=2026-05-31T00:00&until=2026-05-31T12:00")


def test_an_edge_leads_to_its_journeys_failed_ones_marked(tower: Tower):
    some_orders(tower)
    page = page_of(tower, "/flows")
    (url,) = set(re.findall(r'href="(/flows\?[^"]*sender=oms&amp;receiver=erp[^"]*)"', page))

    chosen = page_of(tower, url.replace("&amp;", "&").partition("#")[0])

    section = plain(chosen[chosen.index('id="messages"') : chosen.index('id="flows-title"')])
    assert section.count("In flight OK") == 2
    assert "1003 Failed Failed 20 min" in section
    assert 'aria-current="true"' in chosen


def test_a_rare_flow_is_drawn_when_many_of_it_fail_or_when_it_was_chosen(tower: Tower):
    for number in range(80):
        an_order(tower, f"N{number}", "order.accepted", "order.captured", "order.posted", "order.cancelled")
    an_order(tower, "back", "order.accepted", "order.posted")
    an_order(tower, "bad", "order.captured", "order.accepted.failed")

    drawn = re.findall(r'aria-label="(\w+ to \w+), by events', page_of(tower, "/flows"))
    chosen = page_of(tower, "/flows?sender=oms&receiver=erp&signal=events")

    assert sorted(drawn) == ["erp to oms", "oms to shop", "shop to erp", "shop to oms"]
    assert 'aria-label="oms to erp, by events' in chosen


def test_spans_tell_flows_of_their_own(tower: Tower):
    some_orders(tower)
    a_trace(tower)

    page = page_of(tower, "/flows?signals=spans")

    assert "shop to erp, by spans: 1 messages, 1/day, 100 % failed, half within 250 ms" in page
    assert "All 2 spans of 1 traces of the window" in page
    listed = page_of(tower, "/flows?signals=spans&sender=shop&receiver=erp&signal=spans")
    assert f'href="/traces/{TRACE.hex()}"' in listed and ">1001</a>" in listed


def test_both_are_drawn_apart(tower: Tower):
    some_orders(tower)
    a_trace(tower)

    page = page_of(tower, "/flows?signals=both")

    assert "by events:" in page and "by spans:" in page and "edge--spans" in page


def test_flows_as_json_say_what_they_were_made_of(tower: Tower):
    some_orders(tower)
    a_trace(tower)

    found = api(tower, "/flows?signals=both")

    flow = next(one for one in found["flows"] if (one["sender"], one["receiver"]) == ("oms", "erp"))
    assert (flow["count"], flow["failed"], flow["signal"]) == (3, 1, "events")
    assert flow["per_hour"] == pytest.approx(3 / 24)
    assert flow["p50_us"] == 5 * 60_000_000
    assert found["journeys_read"]["is_whole"] and found["spans_read"]["spans"] == 2
    assert {system["name"] for system in found["systems"]} == {"shop", "oms", "erp"}


def test_messages_as_json_name_their_journeys(tower: Tower):
    some_orders(tower)
    a_trace(tower)

    events = api(tower, "/flows/messages?sender=oms&receiver=erp")
    spans = api(tower, "/flows/messages?sender=shop&receiver=erp&signal=spans")

    assert [one["journeys"][0]["title"] for one in events["messages"]] == ["1003", "1001", "1002"]
    assert [one["is_failed"] for one in events["messages"]] == [True, False, False]
    assert spans["messages"][0]["trace_id"] == TRACE.hex()
    assert spans["messages"][0]["journeys"][0]["title"] == "1001"
    assert events["messages"][0]["journeys"][0]["customer"].startswith("j•")


# The process map


def test_the_process_map_draws_what_follows_what_and_lists_variants(tower: Tower):
    some_orders(tower)

    page = page_of(tower, "/process-map")

    assert 'aria-label="Captured to Accepted: 3 times, half within 5 min. Show its journeys"' in page
    assert "Posted to ERP failed" in page
    assert "Variant 1 50 % 2 journeys Captured , then Accepted , then Posted to ERP" in plain(page)
    assert page.count('class="variant') >= 3
    assert "style=" not in page


def test_by_events_every_type_is_a_step(tower: Tower):
    some_orders(tower)
    an_order(tower, "1005", "order.captured", "note.added")

    assert "note.added" in page_of(tower, "/process-map?by=events")
    assert "note.added" not in page_of(tower, "/process-map?by=stages")


def test_a_variant_leads_to_its_journeys_and_to_comparing_them(tower: Tower):
    some_orders(tower)
    happy = variant_id(("captured", "accepted", "posted"))

    page = page_of(tower, f"/process-map?variant={happy}")

    section = page[page.index('id="journeys"') : page.index('id="steps-title"')]
    assert ">1001</a>" in section and ">1002</a>" in section and ">1003</a>" not in section
    assert section.count('name="a"') == section.count('name="b"') == 2
    assert page.count("is-chosen") > 4  # the variant, and its way on the map
    assert "data-poll" not in page  # choosing two journeys is not disturbed


def test_a_line_leads_to_its_journeys(tower: Tower):
    some_orders(tower)
    page = page_of(tower, "/process-map")
    (url,) = set(re.findall(r'href="(/process-map\?[^"]*before=accepted&amp;after=posted\.failed)', page))

    chosen = page_of(tower, url.replace("&amp;", "&"))

    section = chosen[chosen.index('id="journeys"') : chosen.index('id="steps-title"')]
    assert ">1003</a>" in section and ">1001</a>" not in section


def test_beginnings_lead_to_journeys_as_well(tower: Tower):
    some_orders(tower)

    assert api(tower, "/process-map/journeys?before=~start&after=captured")["found"] == 4
    assert api(tower, "/process-map/journeys?before=cancelled&after=~end")["found"] == 1


def test_variants_are_exported_as_csv(tower: Tower):
    some_orders(tower)

    response = tower.client("viewer").get("/process-map.csv")

    rows = list(csv.DictReader(io.StringIO(text_of(response))))
    assert response.headers["Content-Type"].startswith("text/csv")
    assert [(row["rank"], row["journeys"], row["activities"]) for row in rows] == [
        ("1", "2", "captured > accepted > posted"),
        ("2", "1", "captured > accepted > posted.failed"),
        ("3", "1", "captured > cancelled"),
    ]
    assert rows[0]["share"] == "0.500000" and float(rows[0]["median_seconds"]) == 600


def test_an_export_starts_no_formula(tower: Tower):
    an_order(tower, "1001", "order.captured")
    tower.store(an_event("=cmd", ("order", "1002"), at=tower.clock() - timedelta(hours=1)))

    text = text_of(tower.client("viewer").get("/process-map.csv?by=events"))

    assert "'=cmd" in text


def test_a_sample_says_that_it_is_one(tower: Tower, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("controltower.web.windows.DEFAULT_SAMPLE", 2)
    some_orders(tower)

    assert "Sampled: 2 of 4 journeys, spread evenly over them" in page_of(tower, "/process-map")
    read = api(tower, "/process-map")["journeys_read"]
    assert (read["read"], read["found"], read["is_whole"]) == (2, 4, False)


def test_the_process_map_as_json(tower: Tower):
    some_orders(tower)

    found = api(tower, "/process-map")

    assert (found["process"], found["by"], found["journeys"]) == ("order-to-cash", "stages", 4)
    begun = [one for one in found["transitions"] if one["before"] is None]
    assert [(one["after"], one["count"], one["p50_us"]) for one in begun] == [("captured", 4, None)]
    assert found["variants"][0]["activities"] == ["captured", "accepted", "posted"]
    variant = found["variants"][0]["id"]
    listed = api(tower, f"/process-map/journeys?variant={variant}&limit=1")
    assert (listed["found"], [one["title"] for one in listed["journeys"]]) == (2, ["1001"])


def test_what_is_not_in_the_sample_is_said_and_breaks_nothing(tower: Tower):
    some_orders(tower)

    assert "This variant is not in the sample" in page_of(tower, "/process-map?variant=ffffffffffff")
    assert "No journey of the sample has this" in page_of(tower, "/process-map?before=nothing&after=more")
    assert "No such message is in the sample" in page_of(tower, "/flows?sender=no&receiver=body")


@pytest.mark.parametrize("path", ["/flows", "/process-map", "/compare"])
def test_an_empty_tower_says_what_to_do(tower: Tower, path: str):
    page = page_of(tower, path)
    assert 'class="empty"' in page


# Side by side


def test_two_journeys_stand_side_by_side_with_the_first_difference_marked(tower: Tower):
    some_orders(tower)

    page = page_of(tower, "/compare?a=1001&b=%231003")

    assert "Alike for 2 steps; then A has order.posted and B has order.posted.failed." in page
    rows = re.findall(r"<tr class=\"(first-difference|compare-row compare-row--\w+)", page)
    assert rows == [
        "compare-row compare-row--same",
        "compare-row compare-row--same",
        "first-difference",
        "compare-row compare-row--instead",
    ]


def test_journeys_are_compared_by_stages_too_and_named_by_their_ids(tower: Tower):
    a, b = an_order(tower, "1", *HAPPY), an_order(tower, "2", *HAPPY)
    tower.store(an_event("note", ("order", "2"), at=tower.clock()))

    by_events, by_stages = (api(tower, f"/compare?a={a}&b={b}&by={by}") for by in ("events", "stages"))

    assert (by_events["first_difference"], by_events["rows"][3]["state"]) == (3, "only_b")
    assert by_stages["first_difference"] is None
    assert by_stages["verdict"] == "Both took the same 3 steps in the same order."


def test_a_journey_that_is_not_there_is_named(tower: Tower):
    an_order(tower, "1001", *HAPPY)

    response = tower.client("viewer").get("/compare?a=1001&b=2002")

    assert response.status_code == 404
    assert "B: no journey has the id or identifier" in text_of(response)


# All of them


@pytest.mark.parametrize(
    ("url", "root"),
    [
        ("/flows", "flow-map"),
        ("/process-map", "process-map"),
        ("/compare?a=1001&b=1002", "compared"),
    ],
)
def test_a_map_is_a_fragment_of_its_own(tower: Tower, url: str, root: str):
    some_orders(tower)

    part = page_of(tower, url, **FRAGMENT)

    assert re.match(rf'\s*<div class="stack" id="{root}"', part) and "<html" not in part


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("/flows?window=2h", "window: expected one of 1h, 24h, 7d"),
        ("/flows?since=yesterday", "since: expected a time such as"),
        ("/flows?until=2026-05-31T08:00", "since: expected a time such as"),
        ("/flows?since=2026-05-31T08:00&until=2026-05-31T08:00", "since: expected a time before"),
        ("/flows?since=0001-01-01T00:00%2B14:00", "since: expected a time such as"),
        ("/flows?sample=1000000", "sample: expected one of 500, 2000, 10000"),
        ("/flows?signals=smoke", "signals: expected events, spans or both"),
        ("/process-map?process=unheard", "process: expected one of order-to-cash"),
        ("/process-map?by=magic", "by: expected stages or events"),
        ("/process-map?activities=9000", "activities: expected one of 8, 15, 25"),
        ("/compare?a=1&b=2&by=magic", "by: expected stages or events"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_what_was_expected(tower: Tower, url: str, said: str):
    response = tower.client("viewer").get(f"/api/v1{url}")
    assert response.status_code == 400
    assert said in json_of(response)["detail"]
    assert tower.client("viewer").get(url).status_code == 400


def test_a_flow_is_told_by_events_or_spans(tower: Tower):
    edge = "?sender=shop&receiver=erp&signal=smoke"
    for url in (f"/flows{edge}", f"/api/v1/flows/messages{edge}"):
        response = tower.client("viewer").get(url)
        assert response.status_code == 400
        assert "signal: expected one of events, spans" in text_of(response)


@pytest.mark.parametrize("path", ["/flows/messages", "/process-map/journeys", "/compare?a=1"])
def test_what_the_api_needs_it_names(tower: Tower, path: str):
    response = tower.client("viewer").get(f"/api/v1{path}")
    assert response.status_code == 400
    assert "expected" in json_of(response)["detail"]
