"""Search: one hit opens itself, several are grouped, none says what was tried."""

from __future__ import annotations

import pytest

from controltower.services.ingest import FactBatch
from controltower.store.search import Hit
from controltower.web.search import explain
from tests.builders import a_segment, an_event
from tests.web.tower import Tower, text_of

FRAGMENT = {"HX-Request": "true"}


@pytest.mark.parametrize("text", ["1001", "#1001", " 1001 ", "jane@example.com", "JANE@example.com", "SO-7"])
def test_a_single_hit_opens_itself(tower: Tower, text: str):
    tower.store(
        an_event(
            "order.captured", ("order", "1001"), ("erp_document", "SO-77"), ("email", "jane@example.com")
        )
    )

    answer = tower.client("viewer").get("/search", query_string={"q": text})

    assert answer.status_code == 303
    assert answer.headers["Location"].startswith("/journeys/")


def test_several_hits_say_why_they_matched(tower: Tower):
    tower.store(
        an_event("order.captured", ("order", "1001")),
        an_event("order.captured", ("order", "10011"), customer="Jane jane@example.com"),
    )

    page = text_of(tower.client("viewer").get("/search?q=1001"))

    assert "Exactly this" in page and "Begins with this" in page
    assert "<mark>1001</mark>1" in page
    assert "jane@example.com" not in page and "j•••@example.com" in page


def test_a_trace_id_opens_its_trace(tower: Tower):
    trace = bytes(range(16))
    tower.ingest.submit(FactBatch(segments=(a_segment(trace),))).result(timeout=10)

    answer = tower.client("viewer").get(f"/search?q={trace.hex()}")

    assert answer.headers["Location"] == f"/traces/{trace.hex()}"


def test_nothing_found_says_what_was_searched_and_is_safe(tower: Tower):
    page = text_of(tower.client("viewer").get("/search", query_string={"q": "<script>alert(1)</script>"}))

    assert "Nothing is called" in page and "e-mail addresses" in page
    assert "<script>alert" not in page


@pytest.mark.parametrize("text", ["", "   ", "#", "\0", "x" * 5000, "%", "_"])
def test_odd_texts_find_nothing_and_break_nothing(tower: Tower, text: str):
    tower.store(an_event("order.captured", ("order", "1001")))

    assert tower.client("viewer").get("/search", query_string={"q": text}).status_code == 200


def test_suggestions_are_a_part_that_links(tower: Tower):
    tower.store(an_event("order.captured", ("order", "1001")), an_event("order.captured", ("order", "1002")))
    client = tower.client("viewer")

    found = text_of(client.get("/search/suggest?q=100", headers=FRAGMENT))

    assert found.count('href="/journeys/') == 2 and "<html" not in found
    assert text_of(client.get("/search/suggest?q=1", headers=FRAGMENT)) == ""
    assert "Nothing begins with" in text_of(client.get("/search/suggest?q=zzz", headers=FRAGMENT))


def test_the_typed_part_of_a_value_is_marked_whatever_its_case():
    hit = Hit("journey", "erp_document", "SO-77", None)

    assert explain(hit, "#so-7", whole_names=True) == ("erp document", "", "SO-7", "7")
