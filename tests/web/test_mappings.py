"""The mappings screen: what there is, and what a pasted payload becomes."""

import pytest

from collectors.mapping.catalogue import load_catalogue
from collectors.mapping.desk import Desk
from controltower.store.engine import reading
from controltower.store.sources import list_sources
from tests.web.tower import post, text_of

MAPPING = """
name = "shop"
title = "Shop"
source = "shop"
topic = "{kind}"
[[events]]
topics = ["order"]
when = "paid"
type = "order.captured"
id = "{no}"
"""


@pytest.fixture
def tower(make_tower):
    """A tower with a desk."""
    return make_tower(
        mapping_desk=Desk(load_catalogue(), frozenset(["shopify"]), lambda: 1_777_629_000_000_000)
    )


def tried(tower, payload, text=MAPPING, headers=""):
    client = tower.client("operator")
    return post(
        client, "/mappings/try", form_at="/mappings?name=shopify", text=text, payload=payload, headers=headers
    )


def test_every_mapping_is_listed_with_how_its_sender_is_known(tower):
    page = text_of(tower.client("operator").get("/mappings"))
    hooks = [name for name, mapping in load_catalogue().items() if mapping.format != "span"]
    assert all(f"/hooks/{name}<" in page for name in hooks)
    assert page.count("no secret") == len(hooks) - 1
    assert "by OTLP" in page


def test_a_mapping_is_shown_as_it_is_written(tower):
    page = text_of(tower.client("operator").get("/mappings?name=taxjar"))
    assert "# What TaxJar answers" in page
    assert tower.client("operator").get("/mappings?name=nothing").status_code == 404


def test_a_payload_shows_the_events_that_it_becomes_and_nothing_is_stored(tower):
    response = tried(tower, '{"kind": "order", "no": "007", "paid": true}')
    assert response.status_code == 200
    page = text_of(response)
    assert "&#34;id&#34;: &#34;007&#34;" in page
    assert "1 event (topic &#39;order&#39;)" in page
    with reading(tower.db) as c:
        assert list_sources(c) == []


@pytest.mark.parametrize(
    ("payload", "complaint"),
    [
        ('{"kind": "order", "no": "007"}', "events[0] order.captured: when: paid does not hold"),
        ('{"kind": "refund"}', "events[0] order.captured: is for the topics order"),
        ('{"kind": "order", "paid": true}', "quarantined (topic &#39;order&#39;): no_id"),
    ],
)
def test_a_payload_that_becomes_nothing_is_told_why(tower, payload, complaint):
    response = tried(tower, payload)
    assert response.status_code == 200
    assert complaint in text_of(response)


@pytest.mark.parametrize(
    ("payload", "text", "complaint"),
    [
        ("{", MAPPING, "not JSON"),
        ("{}", MAPPING.replace('"{no}"', '"{no"'), "mapping: line 10: events[0].id"),
        ("{}", "", "missing the key"),
    ],
)
def test_a_mistake_is_named_and_what_was_pasted_stays(tower, payload, text, complaint):
    response = tried(tower, payload, text)
    assert response.status_code == 422
    page = text_of(response)
    assert complaint in page
    assert f"\n{payload}</textarea>" in page


def test_headers_are_handed_to_the_mapping(tower):
    text = MAPPING.replace("{kind}", '{_headers.\\"x-kind\\"}')
    assert "1 event" in text_of(tried(tower, '{"no": 1, "paid": true}', text, "X-Kind: order"))


def test_a_payload_cannot_write_into_the_page(tower):
    page = text_of(tried(tower, '{"kind": "order", "no": "<script>alert(1)</script>", "paid": true}'))
    assert "<script>alert" not in page


def test_who_is_no_operator_sees_nothing_of_it(tower):
    assert tower.client("support").get("/mappings").status_code == 403


def test_the_fragment_renders_alone(tower):
    fragment = text_of(tower.client("operator").get("/mappings", headers={"HX-Request": "true"}))
    assert fragment.lstrip().startswith('<div id="mappings"')
