"""The estate repeats by its seed, and what it says folds into the journeys that a demo should show."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from controltower.demo.emissions import DepthOut, EventOut, TraceOut
from controltower.demo.estate import Estate
from controltower.domain.identifiers import Bond, bond_of
from tests.demo.stitching import folded, identifiers_of, journeys_of

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def an_estate(seed=7, series="TEST"):
    return Estate(seed=seed, series=series, started_at=NOW)


def live(estate, orders, every=timedelta(seconds=5)):
    """Everything that will be heard of the next orders."""
    emissions, at, taken = [], NOW, 0
    while taken < orders:
        arrival = estate.arrive(at, live=True)
        emissions += arrival.emissions
        taken += arrival.orders
        at += every
    return emissions


FOREVER = datetime.max.replace(tzinfo=UTC)


def documents(emissions, until=FOREVER):
    due = sorted((e for e in emissions if isinstance(e, EventOut) and e.at <= until), key=lambda e: e.at)
    return [event.document for event in due]


def spans(emissions):
    return [span for trace in emissions if isinstance(trace, TraceOut) for span in trace.spans]


@pytest.fixture(scope="module")
def past():
    return an_estate().backfill(150)


@pytest.fixture(scope="module")
def played():
    return live(an_estate(), 600)


def test_one_seed_tells_one_story_to_the_letter():
    first, second = an_estate(), an_estate()
    assert first.backfill(60) == second.backfill(60)
    assert live(first, 40) == live(second, 40)


def test_another_seed_or_series_shares_no_document_with_it():
    seen = [live(an_estate(*which), 30) for which in ((7, "A"), (7, "B"))]
    names = [
        {i for d in documents(emissions) for i in identifiers_of(d) if bond_of(i[0]) <= Bond.TRACE}
        for emissions in seen
    ]
    assert not names[0] & names[1]
    assert live(an_estate(8, "A"), 30) != seen[0]


def test_the_past_is_mostly_done_with_some_in_flight_at_every_stage_and_some_failed(past):
    journeys = folded(documents(past, until=NOW))
    states = Counter(journey.status for journey in journeys)
    waiting = Counter(journey.stage for journey in journeys if journey.status == "in_flight")
    assert len(journeys) >= 150
    assert states["done"] > 75
    assert 0.03 < states["failed"] / len(journeys) < 0.16
    assert states["cancelled"] > 0
    assert {"accepted", "posted", "released", "shipped", "invoiced"} <= set(waiting)


def test_the_past_goes_on_after_the_start(past):
    coming = [event for event in past if isinstance(event, EventOut) and event.at > NOW]
    assert len(coming) > 50
    assert sum(journey.status == "done" for journey in folded(documents(past))) > 110


def test_some_orders_of_the_past_wait_longer_than_usual(past):
    released = [
        j for j in folded(documents(past, until=NOW)) if (j.status, j.stage) == ("in_flight", "released")
    ]
    day_ago_us = int((NOW - timedelta(days=1)).timestamp() * 1_000_000)
    assert any(journey.stage_since_us < day_ago_us for journey in released)


def test_most_live_orders_are_done_within_three_minutes():
    estate = an_estate()
    lives = []
    for _ in range(200):
        emissions = estate.arrive(NOW, live=True).emissions
        if folded(documents(emissions))[0].status == "done":
            lives.append(max(emission.at for emission in emissions) - NOW)
    assert len(lives) > 150
    assert sorted(lives)[len(lives) // 2] < timedelta(minutes=2)
    assert max(lives) < timedelta(minutes=8)


def test_every_order_is_one_journey_although_no_system_knows_all_its_names(played):
    told = documents(played)
    captured = {d["id"] for d in told if d["type"].endswith("order.captured")}
    assert len(journeys_of(told)) == len(captured)
    silent = [
        d for d in told if d["source"].endswith(("/carrier", "/3pl", "/billing")) and "correlationid" not in d
    ]
    assert len(silent) > 1000


def test_every_kind_of_trouble_happens(played):
    codes = {d["data"]["error"]["code"] for d in documents(played) if "error" in d.get("data", {})}
    assert codes == {
        "ADDRESS_NOT_FOUND",
        "AMOUNT_MISMATCH",
        "CARD_DECLINED",
        "CREDIT_HOLD",
        "ERP_TIMEOUT",
        "SCHEMA_INVALID",
        "SKU_UNMAPPED",
    }
    ends = Counter(journey.status for journey in folded(documents(played)))
    assert set(ends) == {"done", "failed", "cancelled", "in_flight"}
    assert ends["done"] > 450


def test_messages_come_twice_late_and_out_of_order(played):
    events = sorted((e for e in played if isinstance(e, EventOut)), key=lambda e: e.at)
    seen = Counter((e.document["source"], e.document["id"], e.document["time"]) for e in events)
    assert 0.03 < sum(n > 1 for n in seen.values()) / len(seen) < 0.08
    late = [e for e in events if e.at - datetime.fromisoformat(e.document["time"]) > timedelta(seconds=20)]
    assert len(late) > 100


def test_some_sources_contradict_themselves_under_one_id(played):
    assert sum(journey.conflicts for journey in folded(documents(played))) > 5


def test_a_split_order_travels_in_two_parts_and_a_package_serves_two_orders(played):
    legs = [
        {i for d in events for i in identifiers_of(d) if i[0] == "tracking"}
        for events in journeys_of(documents(played))
    ]
    assert sum(len(tracking) == 2 for tracking in legs) > 30
    shared = Counter(value for tracking in legs for value in tracking)
    assert max(shared.values()) == 2


def test_one_trace_serves_several_orders(played):
    carried: Counter[int] = Counter()
    for trace in (e for e in played if isinstance(e, TraceOut)):
        orders = {
            span.attributes["correlation.id"] for span in trace.spans if "correlation.id" in span.attributes
        }
        carried[len(orders)] += 1
    assert {2, 3, 4} <= set(carried)


def test_some_events_know_nothing_but_their_trace(played):
    bare = [d for d in documents(played) if {kind for kind, _ in identifiers_of(d)} == {"trace"}]
    assert len(bare) > 10


def test_spans_nest_in_their_parents_unless_they_are_consumers_or_orphans(played):
    by_id = {span.span_id: span for span in spans(played)}
    orphans = 0
    for span in by_id.values():
        assert span.started_at < span.ended_at
        parent = by_id.get(span.parent_id)
        if span.parent_id and parent is None:
            orphans += 1
        elif parent and span.kind != "consumer":
            assert parent.started_at <= span.started_at <= span.ended_at <= parent.ended_at
    assert 10 < orphans < len(by_id) / 20
    assert sum(span.error is not None for span in by_id.values()) > 50


def test_queues_end_as_empty_as_they_began(played):
    assert Counter(e.queue for e in played if isinstance(e, DepthOut)).keys() == {
        "orders.inbound",
        "erp.post",
        "wms.release",
    }
    assert sum(e.change for e in played if isinstance(e, DepthOut)) == 0


def test_shop_ids_are_whole_numbers_that_a_double_cannot_hold(played):
    ids = [
        document["data"]["identifiers"]["shop.order_id"]
        for document in documents(played)
        if "shop.order_id" in document.get("data", {}).get("identifiers", {})
    ]
    assert any(int(float(number)) != number for number in ids)
