"""Working on dead letters, those that are checked or all of a filter: confirmed with their number first."""

from __future__ import annotations

import re
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from werkzeug.test import TestResponse

from controltower.store.engine import reading
from controltower.store.replays import get_plan, list_items
from tests.services.replay.rig import MemoryTargets
from tests.web.letters import Letters
from tests.web.tower import Tower, csrf_of, text_of

LIST = "/dead-letters/letters"
ACTIONS = "/dead-letters/actions"
_HIDDEN = re.compile(r'name="(selection|known_at)" value="([^"]*)"')


@pytest.fixture
def tower(make_tower) -> Tower:
    """A tower that can send to the bus."""
    made: Tower = make_tower(targets=MemoryTargets("bus"))
    return made


@pytest.fixture
def letters(tower: Tower, processes) -> Letters:
    """Takes letters over for the tower."""
    return Letters(tower, processes)


def submit(tower: Tower, role: str, action: str, *ids: str, at: str = LIST, **fields: str) -> TestResponse:
    """Post the form of the list: what is checked, or with scope=filter all that match."""
    client = tower.client(role)
    page = text_of(client.get(at))
    hidden = {name: value.replace("&amp;", "&") for name, value in _HIDDEN.findall(page)}
    data = {"csrf_token": csrf_of(page), "action": action, "id": list(ids), "next": at, **hidden, **fields}
    return client.post(ACTIONS, data=data)


def states(letters: Letters, *ids: str) -> list[str]:
    return [letters.row(one).state for one in ids]


def test_what_needs_nothing_more_is_done_at_once(tower, letters):
    first, second = letters.one("1"), letters.one("2")
    response = submit(tower, "support", "investigate", first)
    assert response.location == LIST
    assert states(letters, first, second) == ["investigating", "new"]
    assert letters.row(first).owner == "support"


def test_what_needs_a_word_asks_for_it_and_says_how_many_are_meant(tower, letters):
    ids = [letters.one(str(n)) for n in range(3)]
    asked = submit(tower, "operator", "discard", *ids[:2])
    assert asked.location.startswith(ACTIONS)
    page = text_of(tower.client("operator").get(asked.location))
    assert "<strong>2 dead letters</strong>" in page and "Discard 2 letters" in page
    assert "30 days" in page

    refused = submit(tower, "operator", "discard", *ids[:2], sure="yes", value=" ")
    assert refused.status_code == 422 and "say why" in text_of(refused)
    submit(tower, "operator", "discard", *ids[:2], sure="yes", value="test orders")
    assert states(letters, *ids) == ["discarded", "discarded", "new"]


@pytest.mark.parametrize(
    ("action", "value", "column", "kept"),
    [
        ("assign", "Anna", "owner", "Anna"),
        ("ticket", "OPS-7", "ticket", "OPS-7"),
        ("tag", "vip, late", "tags", ("late", "vip")),
        ("resolve", "by hand in SAP", "settled_why", "by hand in SAP"),
    ],
)
def test_each_deed_is_kept(tower, letters, action, value, column, kept):
    letter_id = letters.one()
    submit(tower, "operator", action, letter_id, sure="yes", value=value)
    assert getattr(letters.row(letter_id), column) == kept


def test_snoozing_has_an_end_and_can_be_taken_back(tower, letters):
    letter_id = letters.one()
    submit(tower, "support", "snooze", letter_id, sure="yes", value="4h")
    assert letters.row(letter_id).snoozed_until == tower.clock() + timedelta(hours=4)
    submit(tower, "support", "snooze", letter_id, sure="yes", value="wake", at=f"{LIST}?snoozed=shown")
    assert letters.row(letter_id).snoozed_until is None
    assert submit(tower, "support", "snooze", letter_id, sure="yes", value="soon").status_code == 422


def test_a_whole_filter_is_confirmed_with_its_number_and_its_words(tower, letters):
    for n in range(3):
        letters.one(str(n), type="a")
    other = letters.one("9", type="b")
    tower.clock.advance(seconds=1)

    asked = submit(tower, "support", "investigate", at=f"{LIST}?type=a", scope="filter")
    page = text_of(tower.client("support").get(asked.location))
    assert "<strong>3 dead letters</strong>" in page and "type “a”" in page
    query = {name: values[0] for name, values in parse_qs(urlsplit(asked.location).query).items()}
    submit(tower, "support", query.pop("action"), sure="yes", **query)

    assert letters.row(other).state == "new"
    assert "3 investigating" in text_of(tower.client("viewer").get("/dead-letters?type=a"))


def test_what_came_after_somebody_looked_is_not_meant(tower, letters):
    """field.md, section 6: select-all wider than what the screen shows."""
    first = letters.one("1")
    tower.clock.advance(seconds=1)
    asked = submit(tower, "operator", "discard", scope="filter")
    tower.clock.advance(seconds=1)
    later = letters.one("2")
    query = {name: values[0] for name, values in parse_qs(urlsplit(asked.location).query).items()}

    submit(tower, "operator", query.pop("action"), sure="yes", value="x", **query)

    assert states(letters, first, later) == ["discarded", "new"]


def test_a_replay_is_planned_for_what_is_checked_and_nothing_is_sent(tower, letters):
    first = letters.one("1")
    letters.one("2")

    response = submit(tower, "support", "replay", first)

    plan_id = bytes.fromhex(response.location.removeprefix("/replays/"))
    with reading(tower.db) as c:
        plan, items = get_plan(c, plan_id), list_items(c, plan_id)
    assert (plan.state, plan.made_by) == ("drafted", "support")
    assert [item.letter_id.hex() for item in items] == [first]
    assert letters.row(first).state == "new"


def test_a_replay_of_a_filter_remembers_the_filter(tower, letters):
    letters.one("1", type="order.posted")
    letters.one("2", type="order.released")
    tower.clock.advance(seconds=1)
    response = submit(tower, "support", "replay", at=f"{LIST}?type=order.posted", scope="filter")
    with reading(tower.db) as c:
        plan = get_plan(c, bytes.fromhex(response.location.removeprefix("/replays/")))
    assert (plan.items, plan.selection) == (1, "type=order.posted")


def test_what_cannot_be_replayed_is_said_and_not_only_hidden(tower, letters):
    letter_id = letters.one()
    submit(tower, "operator", "discard", letter_id, sure="yes", value="x")
    client = tower.client("support")
    page = text_of(client.get(LIST))
    response = client.post(
        ACTIONS,
        data={
            "csrf_token": csrf_of(page) or csrf_of(text_of(client.get("/account"))),
            "action": "replay",
            "id": letter_id,
        },
    )
    assert response.location == LIST
    assert "Nothing is planned: 1001 is discarded" in text_of(client.get(LIST))


def test_nothing_chosen_and_nothing_changed_are_said(tower, letters):
    letter_id = letters.one()
    client = tower.client("support")
    token = csrf_of(text_of(client.get(LIST)))
    client.post(ACTIONS, data={"csrf_token": token, "action": "investigate"})
    assert "Check some dead letters first" in text_of(client.get(LIST))

    submit(tower, "operator", "discard", letter_id, sure="yes", value="x")
    other = tower.client("support")
    token = csrf_of(text_of(other.get("/account")))
    other.post(ACTIONS, data={"csrf_token": token, "action": "investigate", "id": letter_id})
    assert "Nothing was changed" in text_of(other.get(LIST))


def test_roles_bound_what_is_done(tower, letters):
    letter_id = letters.one()
    assert submit(tower, "viewer", "investigate", letter_id).status_code == 403
    assert submit(tower, "support", "discard", letter_id, sure="yes", value="x").status_code == 403
    assert states(letters, letter_id) == ["new"]


@pytest.mark.parametrize(
    "data",
    [
        {"action": "explode", "id": "0" * 32},
        {"action": "investigate", "id": "x"},
        {
            "action": "investigate",
            "scope": "filter",
            "selection": "state=lost",
            "known_at": "2026-01-01",
            "sure": "yes",
        },
        {"action": "investigate", "scope": "filter", "selection": "", "known_at": "never", "sure": "yes"},
    ],
)
def test_forms_that_we_did_not_write_are_refused(tower, letters, data):
    letters.one()
    client = tower.client("operator")
    token = csrf_of(text_of(client.get(LIST)))
    assert client.post(ACTIONS, data={"csrf_token": token, **data}).status_code in (400, 422)


def test_it_leads_back_only_to_ourselves(tower, letters):
    response = submit(tower, "support", "investigate", letters.one(), next="https://evil.example/")
    assert response.location == LIST
