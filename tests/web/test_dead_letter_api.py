"""Dead letters through the API: the same lists, one letter, and the same deeds as on the screens."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from controltower.services.tokens import create_token
from controltower.store.audit import list_entries
from controltower.store.engine import reading
from controltower.store.replays import get_plan
from tests.services.replay.rig import MemoryTargets
from tests.web.letters import Letters
from tests.web.tower import Tower, json_of

API = "/api/v1"


@pytest.fixture
def tower(make_tower) -> Tower:
    """A tower that can send to the bus."""
    made: Tower = make_tower(targets=MemoryTargets("bus"))
    return made


@pytest.fixture
def letters(tower: Tower, processes) -> Letters:
    """Takes letters over for the tower."""
    return Letters(tower, processes)


class Caller:
    """A program with a token."""

    def __init__(self, tower: Tower, role: str) -> None:
        self._client: FlaskClient = tower.client()
        self._headers = {
            "Authorization": f"Bearer {create_token(tower.db, f'{role} program', role, tower.clock())}"
        }

    def get(self, path: str) -> Any:
        return json_of(self._client.get(f"{API}{path}", headers=self._headers))

    def post(self, path: str, body: object) -> TestResponse:
        return self._client.post(f"{API}{path}", data=json.dumps(body), headers=self._headers)


def test_groups_say_what_the_screen_says(tower, letters):
    letters.one("1")
    letters.one("2")
    viewer = Caller(tower, "viewer")

    (group,) = viewer.get("/dead-letter-groups")["groups"]

    assert (group["letters"], group["states"]) == (2, {"new": 2})
    assert group["at_stake"] == [{"amount": "259.80", "currency": "EUR"}]
    assert group["title"] == "SKU_UNMAPPED" and group["diagnosis"]["class"] == "data_quality"
    assert (sum(group["last_24_hours"]), group["remedies"]) == (2, [])
    by_queue = viewer.get("/dead-letter-groups?by=queue")
    assert [(one["key"], one["letters"]) for one in by_queue["groups"]] == [("erp.post.dlq", 2)]


def test_the_list_pages_by_key_and_takes_the_filters_of_the_screen(tower, letters):
    letters.take(*(letters.letter(str(n), type="a" if n else "b") for n in range(4)))
    viewer, seen = Caller(tower, "viewer"), []
    following: str | None = ""
    while following is not None:
        page = viewer.get(f"/dead-letters?type=a&limit=2{following and '&before=' + following}")
        seen += [one["title"] for one in page["dead_letters"]]
        following = page["next"]

    assert sorted(seen) == ["1", "2", "3"]
    assert viewer.get("/dead-letters?state=lost")["status"] == 400


def test_one_letter_comes_with_its_verdict_and_masked(tower, letters):
    letter_id = letters.one(headers=(("authorization", "Bearer abcdefgh"),))
    found = Caller(tower, "admin").get(f"/dead-letters/{letter_id}")

    assert found["verdict"]["kind"] == "safe" and len(found["verdict"]["evidence"]) == 1
    assert json.loads(found["payload"])["total"] == 129.90
    assert found["is_masked"] and "Jane" not in found["payload"]
    assert found["headers"] == [
        {"name": "authorization", "value": "•••", "access": "locked", "is_masked": True}
    ]
    assert found["death_history"][0]["error_code"] == "SKU_UNMAPPED"


def test_revealing_needs_an_operator_and_a_reason_and_is_noted(tower, letters):
    letter_id = letters.one()
    where = f"/dead-letters/{letter_id}/reveal"
    assert Caller(tower, "support").post(where, {"reason": "x"}).status_code == 403
    operator = Caller(tower, "operator")
    assert operator.post(where, {"reason": ""}).status_code == 400

    assert "Jane Doe" in json_of(operator.post(where, {"reason": "they called"}))["payload"]

    with reading(tower.db) as c:
        (entry,) = list_entries(c, subject=f"dead_letter/{letter_id}")
    assert (entry.actor, entry.reason) == ("operator program", "they called")


def test_an_edit_is_kept_and_one_that_breaks_the_payload_is_refused(tower, letters):
    letter_id = letters.one()
    operator, where = Caller(tower, "operator"), f"/dead-letters/{letter_id}/edit"
    assert operator.post(where, {"reason": "x", "payload": "{"}).status_code == 400
    assert operator.post(where, {"reason": "x", "payload": '{"order":"1"}'}).status_code == 200
    assert operator.post(where, {"reason": "x", "headers": [["x-a", "1"]]}).status_code == 200
    assert letters.row(letter_id).edit == 2


@pytest.mark.parametrize(
    ("deed", "column", "kept"),
    [
        ({"action": "investigate"}, "state", "investigating"),
        ({"action": "assign", "owner": "Anna"}, "owner", "Anna"),
        ({"action": "tag", "tags": ["b", "a"]}, "tags", ("a", "b")),
        ({"action": "ticket", "ticket": "T-1"}, "ticket", "T-1"),
        ({"action": "discard", "reason": "a test"}, "settled_why", "a test"),
        ({"action": "resolve", "reason": "by hand"}, "state", "resolved"),
    ],
)
def test_deeds_by_id_and_by_filter(tower, letters, deed, column, kept):
    first, second = letters.one("1", type="a"), letters.one("2", type="b")
    tower.clock.advance(seconds=1)
    operator = Caller(tower, "operator")

    by_id = operator.post("/dead-letters/actions", {**deed, "ids": [first]})
    by_filter = operator.post("/dead-letters/actions", {**deed, "filter": "type=b"})

    assert [json_of(one)["changed"] for one in (by_id, by_filter)] == [1, 1]
    assert [getattr(letters.row(one), column) for one in (first, second)] == [kept, kept]


def test_snoozing_takes_a_word_or_a_time(tower, letters):
    letter_id = letters.one()
    support = Caller(tower, "support")
    for until in ("1h", "2026-06-30T00:00:00Z", "wake"):
        deed = {"action": "snooze", "ids": [letter_id], "until": until}
        assert json_of(support.post("/dead-letters/actions", deed))["changed"] == 1
    assert letters.row(letter_id).snoozed_until is None


def test_a_replay_is_planned(tower, letters):
    letter_id = letters.one()
    reply = Caller(tower, "support").post("/dead-letters/actions", {"action": "replay", "ids": [letter_id]})
    assert reply.status_code == 201
    with reading(tower.db) as c:
        assert get_plan(c, bytes.fromhex(json_of(reply)["replay_id"])).made_by == "support program"


@pytest.mark.parametrize(
    "deed",
    [
        {"action": "investigate"},
        {"action": "investigate", "ids": ["0" * 32], "filter": ""},
        {"action": "explode", "filter": ""},
        {"action": "discard", "filter": ""},
        {"action": "investigate", "filter": "state=lost"},
        {"action": "investigate", "ids": "all"},
        {"action": "investigate", "filter": "", "reasons": "x"},
    ],
)
def test_deeds_that_mean_nothing_are_refused(tower, letters, deed):
    letters.one()
    assert Caller(tower, "operator").post("/dead-letters/actions", deed).status_code == 400


def test_roles_bound_deeds(tower, letters):
    letter_id = letters.one()
    discard = {"action": "discard", "ids": [letter_id], "reason": "x"}
    assert Caller(tower, "support").post("/dead-letters/actions", discard).status_code == 403
    investigate = {"action": "investigate", "ids": [letter_id]}
    assert Caller(tower, "viewer").post("/dead-letters/actions", investigate).status_code == 403


def test_a_note_on_a_group_changes_only_what_it_says(tower, letters):
    fingerprint = letters.row(letters.one()).fingerprint
    support = Caller(tower, "support")
    support.post(f"/dead-letter-groups/{fingerprint}", {"owner": "Anna", "note": "asked SAP"})
    said = json_of(support.post(f"/dead-letter-groups/{fingerprint}", {"ticket": "T-1"}))
    assert (said["owner"], said["ticket"], said["note"]) == ("Anna", "T-1", "asked SAP")
    assert said["changed_by"] == "support program"
    assert support.post(f"/dead-letter-groups/{fingerprint}", {"state": "over"}).status_code == 400
    assert support.post("/dead-letter-groups/x", {"owner": "Anna"}).status_code == 404
