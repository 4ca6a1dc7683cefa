"""The sources screen."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from controltower.domain.connections import CONNECTED, DOWN, ELSEWHERE, IDLE, ConnectionRow
from controltower.domain.crowds import MANY_EVENTS
from controltower.domain.times import to_us
from controltower.services.ingest import FactBatch
from controltower.store.engine import transaction
from controltower.store.replay_targets import Breaker, save_breaker
from tests.builders import an_event
from tests.web.tower import Tower, text_of


def test_each_source_is_listed_with_its_freshness(tower: Tower):
    tower.store(an_event("order.captured", ("order", "1"), source="/erp", at=tower.clock()))
    tower.clock.advance(hours=2)
    tower.store(an_event("order.captured", ("order", "2"), source="/shop", at=tower.clock()))

    page = text_of(tower.client("viewer").get("/sources"))

    assert page.index(">erp<") < page.index(">shop<")
    assert "Silent" in page and "Fresh" in page


def test_refused_links_are_counted_and_explained(tower: Tower):
    tower.store(an_event("order.captured", ("order", "N/A"), source="/erp", at=tower.clock()))

    assert "would melt unrelated journeys" in text_of(tower.client("viewer").get("/sources"))


def test_an_identifier_that_ties_very_many_events_is_named_where_people_look(tower: Tower):
    at = tower.clock()
    client = tower.client("viewer")
    web = ("order_number", "WEB")
    numbered = [an_event("note", ("order", str(n)), web, at=at) for n in range(MANY_EVENTS)]
    tower.store(*numbered[1:])
    assert "Crowded journeys" not in text_of(client.get("/sources"))

    tower.store(numbered[0])

    sources = text_of(client.get("/sources"))
    assert "Crowded journeys" in sources and "1,000" in sources
    (journey,) = client.get("/api/v1/sources").get_json()["crowded"]
    page = text_of(client.get(f"/journeys/{journey['id']}"))
    assert 'Order number <span class="mono wrap-anywhere">WEB</span> ties 1,000 events together.' in page
    assert "It comes from shop:" in page
    assert page.count("events together") == 1


def test_a_clock_that_runs_ahead_is_said_and_not_mended(tower: Tower):
    ahead = tower.clock() + timedelta(hours=2)
    tower.store(an_event("order.captured", ("order", "1"), source="/erp", at=ahead))

    assert "its clock runs ahead" in text_of(tower.client("viewer").get("/sources"))


def test_what_was_counted_instead_of_kept_is_listed(tower: Tower):
    dropped = {("metrics", "not_a_queue", "jvm.memory.used"): 7}
    tower.ingest.submit(FactBatch(dropped=dropped)).result(timeout=10)

    page = text_of(tower.client("viewer").get("/sources"))

    assert "jvm.memory.used" in page and "not a queue" in page


def test_the_fragment_brings_its_own_root(tower: Tower):
    page = text_of(tower.client("viewer").get("/sources", headers={"HX-Request": "true"})).strip()

    assert page.startswith('<div id="sources"') and "<html" not in page


# Connections


def some_connections(at: datetime) -> list[ConnectionRow]:
    """A broker of which one use is down, one that works, and one that messages are only sent to."""
    return [
        ConnectionRow("api", "http", "", "", IDLE),
        ConnectionRow("orders", "rabbitmq", "dead_letters", "orders.dlq", CONNECTED, at, taken=1200),
        ConnectionRow("orders", "rabbitmq", "samples", "", DOWN, at, "orders: connection refused", losses=3),
        ConnectionRow("stream", "kafka", "events", "facts", ELSEWHERE),
        ConnectionRow("works", "redis", "events", "facts", CONNECTED, at),
    ]


def test_a_broker_that_is_down_comes_first_and_says_so_in_words(make_tower):
    tower = make_tower(connections=lambda: some_connections(datetime(2026, 5, 31, 11, 0, tzinfo=UTC)))

    page = text_of(tower.client("viewer").get("/sources"))

    assert "1 of 4 down" in page and "controltower doctor" in page
    assert page.index('>orders<span class="meta">rabbitmq') < page.index('>api<span class="meta">http')
    assert "orders: connection refused" in page and "1 h ago" in page
    assert "Takes dead letters of" in page and "1,200" in page and "Only sent to" in page
    assert "the process that runs collect knows" in page


def test_a_target_that_replays_leave_alone_is_said_with_until_when(make_tower):
    tower = make_tower(connections=lambda: some_connections(datetime(2026, 5, 31, 11, 0, tzinfo=UTC)))
    opens_us = to_us(tower.clock() + timedelta(seconds=15))
    with transaction(tower.db) as c:
        save_breaker(c, "api", Breaker(5, opens_us, "it takes no connection"))
        save_breaker(c, "stream", Breaker(1, 0, "slow"))
    client = tower.client("viewer")

    page = text_of(client.get("/sources"))
    connections = {one["name"]: one for one in client.get("/api/v1/sources").get_json()["connections"]}

    assert "2 of 4 down" in page and "Resting until" in page
    assert "5 messages in a row did not reach it: it takes no connection" in page
    assert "Being tried" in page and "1 message in a row did not reach it: slow" in page
    api, orders = connections["api"], connections["orders"]
    assert (api["is_down"], api["resting_until"]) == (True, "2026-05-31T12:00:15Z")
    assert [use["state"] for use in orders["uses"]] == ["connected", "down"]
    assert not connections["works"]["is_down"]


def test_without_declared_connections_there_is_no_such_part(tower: Tower):
    assert "Connections" not in text_of(tower.client("viewer").get("/sources"))
