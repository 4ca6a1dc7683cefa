"""Replays, redirects and the audit as JSON; a token has a role, as people have."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from controltower.domain.replay_policies import Policy
from tests.services.replay.rig import MemoryTargets
from tests.web.replaying import Estate
from tests.web.tower import Tower, json_of, text_of


@pytest.fixture
def estate(make_tower: Callable[..., Tower]) -> Iterator[Estate]:
    targets = MemoryTargets("bus", "erp")
    tower = make_tower(targets=targets, policies=[Policy("hiccups", timedelta(days=1), 50)])
    made = Estate(tower.db, targets, tower=tower)
    tower.clock.at = made.now
    yield made
    made.close()


@pytest.fixture
def call(estate: Estate) -> Callable[..., Any]:
    assert estate.tower is not None
    client = estate.tower.client()
    tokens = {role: estate.token(role) for role in ("viewer", "support", "operator", "admin")}

    def ask(method: str, path: str, body: object = None, role: str = "support", status: int = 200) -> Any:
        data = None if body is None else json.dumps(body)
        answer = client.open(f"/api/v1{path}", method=method, data=data, headers=tokens[role])
        assert answer.status_code == status, text_of(answer)
        return json_of(answer)

    return ask


def test_a_program_plans_shows_starts_and_follows_a_replay(estate: Estate, call):
    letter = estate.stuck()
    plan = call("POST", "/replays", {"ids": [letter], "reason": "the catalogue is mended"}, status=201)
    assert (plan["state"], plan["verdicts"]) == ("drafted", {"safe": 1})
    assert plan["goals"] == [{"connection": "bus", "place": "erp.post", "remedy": "replay", "items": 1}]

    started = call("POST", f"/replays/{plan['id']}/start", {"digest": plan["digest"]})
    assert (started["state"], started["started_by"]) == ("running", "support program")
    estate.work()
    estate.pass_time(seconds=5)
    estate.tell("order.posted", ("order", "1001"), system="erp")
    estate.work()

    shown = call("GET", f"/replays/{plan['id']}", role="viewer")
    assert (shown["state"], shown["states"], shown["steps"]) == (
        "done",
        {"confirmed": 1},
        [{"items": 1, "states": {"confirmed": 1}}],
    )
    [item] = call("GET", f"/replays/{plan['id']}/items", role="viewer")["items"]
    assert (item["dead_letter_id"], item["state"], item["attempt"]) == (letter, "confirmed", 1)
    assert call("POST", f"/replays/{plan['id']}/dismiss")["dismissed_by"] == "support program"


def test_a_filter_chooses(estate: Estate, call):
    for number in range(3):
        estate.stuck(str(2000 + number))
    wish = {"filter": {"type": "order.posted", "queue": "erp.post.dlq"}, "ramp": False, "rate": 5}
    plan = call("POST", "/replays", wish, status=201)
    assert (plan["items"], plan["selection"]) == (3, "type=order.posted&queue=erp.post.dlq")
    assert (plan["rate"], plan["ramp"], plan["target"]) == (5, False, None)
    page = call("GET", f"/replays/{plan['id']}/items?limit=2")
    rest = call("GET", f"/replays/{plan['id']}/items?limit=2&after={page['next']}")
    assert [item["place"] for item in page["items"] + rest["items"]] == [0, 1, 2]
    assert rest["next"] is None


def test_a_target_is_chosen(estate: Estate, call):
    wish = {"ids": [estate.stuck()], "target": {"connection": "erp", "place": "orders"}}
    plan = call("POST", "/replays", wish, status=201)
    assert plan["goals"][0]["remedy"] == "redirect"
    assert plan["target"] == {"connection": "erp", "place": "orders"}


@pytest.mark.parametrize(
    "wish",
    [
        {},
        {"ids": [], "filter": {}},
        {"ids": ["x"]},
        {"ids": []},
        {"filter": {"colour": "red"}},
        {"filter": {}, "rate": -1},
        {"filter": {}, "confirm_seconds": -1},
        {"filter": {}, "surprise": 1},
        {"filter": {}, "target": {"connection": "moon", "place": "x"}},
        {"filter": {"text": "nobody says this"}},
    ],
)
def test_a_wish_that_cannot_be_is_refused(call, wish):
    assert call("POST", "/replays", wish, status=400)["reason"] == "bad_payload"


def test_support_cannot_force_and_an_operator_gives_a_reason(estate: Estate, call):
    plan = call("POST", "/replays", {"ids": [estate.cancelled()]}, status=201)
    where, digest = f"/replays/{plan['id']}/start", plan["digest"]
    assert "operator" in call("POST", where, {"digest": digest, "reason": "x"}, status=403)["detail"]
    call("POST", where, {"digest": digest}, role="operator", status=400)
    call("POST", where, {"digest": digest, "reason": "the customer asked"}, role="operator")
    estate.work()
    assert len(estate.targets.sent) == 1


def test_drift_and_expiry_conflict(estate: Estate, call):
    plan = call("POST", "/replays", {"ids": [estate.stuck()]}, status=201)
    where = f"/replays/{plan['id']}/start"
    assert call("POST", where, {"digest": "0" * 32}, status=409)["reason"] == "conflict"
    estate.pass_time(hours=2)
    assert "expired" in call("POST", where, {"digest": plan["digest"]}, status=409)["detail"]
    assert "expired" in call("GET", f"/replays/{plan['id']}")["not_startable"]


def test_it_is_steered(estate: Estate, call):
    plan = call("POST", "/replays", {"ids": [estate.stuck()]}, status=201)
    where = f"/replays/{plan['id']}"
    call("POST", f"{where}/pause", status=409)
    call("POST", f"{where}/approve", role="operator", status=409)
    call("POST", f"{where}/start", {"digest": plan["digest"]})
    assert call("POST", f"{where}/pause")["state"] == "paused"
    assert call("POST", f"{where}/resume")["state"] == "running"
    assert call("POST", f"{where}/cancel", {"reason": "enough"})["state"] == "cancelled"
    call("POST", f"{where}/cancel", status=409)
    call("POST", f"{where}/pause", role="viewer", status=403)


def test_replays_are_listed_by_state_and_paged(estate: Estate, call):
    letter = estate.stuck()
    made = []
    for _ in range(2):
        made.append(call("POST", "/replays", {"ids": [letter]}, status=201)["id"])
        estate.pass_time(seconds=1)
    page = call("GET", "/replays?limit=1&state=drafted", role="viewer")
    rest = call("GET", f"/replays?limit=1&state=drafted&before={page['next']}", role="viewer")
    assert [page["replays"][0]["id"], rest["replays"][0]["id"]] == made[::-1]
    assert call("GET", "/replays?state=running")["replays"] == []
    call("GET", "/replays?state=odd", status=400)


def test_policies_are_told(call):
    [policy] = call("GET", "/replay-policies", role="viewer")["policies"]
    assert (policy["name"], policy["max_per_hour"], policy["looked_at"]) == ("hiccups", 50, None)


def test_redirects_are_kept_and_forgotten(call):
    asked = {"connection": "bus", "place": "erp.post", "to_connection": "erp", "to_place": "orders"}
    saved = call("PUT", "/redirects", asked, role="operator")
    assert saved["made_by"] == "operator program" and saved["is_declared"]
    [kept] = call("GET", "/redirects", role="operator")["redirects"]
    assert kept == saved
    call("PUT", "/redirects", {**asked, "to_connection": "moon"}, role="operator", status=400)
    call("PUT", "/redirects", {"connection": "bus"}, role="operator", status=400)
    call("PUT", "/redirects", asked, role="support", status=403)
    gone = call("DELETE", "/redirects?connection=bus&place=erp.post", role="operator")
    assert gone["redirects"] == []
    call("DELETE", "/redirects?connection=bus&place=erp.post", role="operator", status=404)


def test_the_audit_is_read_checked_and_exported(estate: Estate, call):
    call("POST", "/replays", {"ids": [estate.stuck()]}, status=201)
    [entry] = call("GET", "/audit?action=planned", role="operator")["entries"]
    assert (entry["actor"], entry["detail"]["items"]) == ("support program", 1)
    checked = call("GET", "/audit/check", role="operator")
    assert checked["broken_at"] is None and checked["last_digest"] == entry["digest"]
    call("GET", "/audit", status=403)
    assert estate.tower is not None
    headers = estate.token("operator")
    answer = estate.tower.client().get("/api/v1/audit/export.ndjson", headers=headers)
    assert json.loads(text_of(answer).splitlines()[-1])["last_digest"] == entry["digest"]
    table = estate.tower.client().get("/api/v1/audit/export.csv", headers=headers)
    assert table.headers["X-Audit-Last-Digest"] == entry["digest"]


def test_a_search_hit_names_the_letter(estate: Estate, call):
    letter = estate.stuck(message_id="msg-9")
    [hit] = call("GET", "/search?q=msg-9", role="viewer")["hits"]
    assert (hit["kind"], hit["dead_letter_id"]) == ("dead_letter", letter)
