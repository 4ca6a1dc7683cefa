"""Saved redirects on screen."""

from __future__ import annotations

import pytest

from tests.services.replay.rig import MemoryTargets
from tests.web.tower import Tower, post, text_of

GOOD = {"connection": "bus", "place": "erp.post", "to_connection": "erp", "to_place": "orders.v2"}


@pytest.fixture
def tower(make_tower) -> Tower:
    made: Tower = make_tower(targets=MemoryTargets("bus", "erp"))
    return made


def save(tower: Tower, **fields: str):
    return post(tower.client("operator"), "/redirects", form_at="/redirects", **{**GOOD, **fields})


def test_an_operator_makes_and_removes_one(tower: Tower):
    client = tower.client("operator")
    assert "goes back to where it came from" in text_of(client.get("/redirects"))
    assert save(tower).status_code == 303
    page = text_of(client.get("/redirects"))
    assert "orders.v2" in page and "by operator" in page

    post(client, "/redirects/remove", form_at="/redirects", connection="bus", place="erp.post")
    assert "orders.v2" not in text_of(client.get("/redirects"))
    again = post(client, "/redirects/remove", form_at="/redirects", connection="bus", place="erp.post")
    assert again.status_code == 404
    entries = text_of(client.get("/audit"))
    assert "redirect removed" in entries and "redirected" in entries


def test_a_place_has_one(tower: Tower):
    save(tower)
    save(tower, to_place="orders.v3")
    page = text_of(tower.client("operator").get("/redirects"))
    assert "orders.v3" in page and "orders.v2" not in page


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"to_connection": "moon"}, "No connection &#39;moon&#39; is declared"),
        ({"to_connection": "bus", "to_place": "erp.post"}, "It leads back to itself"),
        ({"to_place": ""}, "needed on either side"),
        ({"connection": "erp", "place": "orders.v2", "to_place": "orders.v3"}, "Another one begins"),
    ],
)
def test_what_is_wrong_stands_above_the_form_which_keeps_its_fields(tower: Tower, fields, wrong):
    save(tower)
    answer = save(tower, **fields)
    assert answer.status_code == 422
    assert wrong in text_of(answer)
    assert f'value="{ {**GOOD, **fields}["place"] }"' in text_of(answer)


def test_a_target_that_is_not_declared_any_more_is_warned_of(tower: Tower, make_tower):
    save(tower)
    other = make_tower(people=False, targets=MemoryTargets("bus"))
    other.people = tower.people
    assert "not declared any more" in text_of(other.client("operator").get("/redirects"))


def test_others_may_not(tower: Tower):
    assert tower.client("support").get("/redirects").status_code == 403
