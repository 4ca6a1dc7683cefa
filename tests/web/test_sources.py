"""The sources screen."""

from __future__ import annotations

from datetime import timedelta

from controltower.domain.crowds import MANY_EVENTS
from controltower.services.ingest import FactBatch
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
