"""The failures screen: kinds of failures with what to do, making a rule of one, and the list of rules."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest

from controltower.domain.fingerprints import fingerprint_of
from controltower.services.failure_rules import RuleShelf
from controltower.web import failures
from tests.builders import an_event
from tests.web.tower import Tower, json_of, post, text_of

MESSAGE = "Wave 17 refused the order of jane@example.com: zone 'A' is frozen"
FROZEN = fingerprint_of("wms", "WMS-1", MESSAGE)
URL = f"/failures/{FROZEN}"
RULE = {
    "class": "routing",
    "system": "wms",
    "message": "zone * is frozen",
    "action": "Have the zone released, then replay.",
    "owner": "Warehouse",
    "link": "https://wiki.example.com/zones",
}


def fail(tower: Tower, order: str, system: str, code: str, message: str, *, minutes: int = 0) -> None:
    tower.store(
        an_event(
            "order.posted.failed",
            ("order", order),
            source=f"/{system}",
            at=tower.clock() - timedelta(minutes=minutes),
            error_code=code,
            error_message=message,
        )
    )


@pytest.fixture
def failed(tower: Tower) -> Tower:
    """A tower with one unknown failure on two journeys, and three known ones of one kind."""
    for number in range(2):
        fail(tower, f"F-{number}", "wms", "WMS-1", MESSAGE.replace("17", str(number)), minutes=number)
    for number in range(3):
        fail(tower, f"K-{number}", "middleware", "SKU_UNMAPPED", f"No item for SKU {number}", minutes=9)
    return tower


def make(tower: Tower, **changes: str):
    return post(tower.client("operator"), f"{URL}/rule", form_at=URL, **{**RULE, **changes})


# The list


def test_unknown_failures_come_first_and_known_ones_say_what_to_do(failed: Tower):
    page = text_of(failed.client("viewer").get("/failures"))

    assert page.index("WMS-1") < page.index("SKU_UNMAPPED")
    assert "Add the SKU mapping in the item master, then replay." in page
    assert f'href="/journeys?fingerprint={FROZEN}"' in page
    assert "j•••@example.com" in page and "jane@example.com" not in page


def test_only_those_who_may_are_offered_to_make_a_rule(failed: Tower):
    assert "Make a rule of this" not in text_of(failed.client("support").get("/failures"))
    assert "Make a rule of this" in text_of(failed.client("operator").get("/failures"))


def test_the_list_is_narrowed_to_a_class(failed: Tower):
    client = failed.client("viewer")

    assert "WMS-1" not in text_of(client.get("/failures?class=data_quality"))
    assert "SKU_UNMAPPED" not in text_of(client.get("/failures?class=unknown"))
    assert "Nothing of this class is open" in text_of(client.get("/failures?class=schema"))
    assert client.get("/failures?class=odd").status_code == 400


def test_the_list_says_that_nothing_has_failed(tower: Tower):
    assert "Nothing has failed" in text_of(tower.client("viewer").get("/failures"))


def test_a_long_list_says_that_it_is_cut(failed: Tower, monkeypatch):
    monkeypatch.setattr(failures, "MOST_SHOWN", 1)

    page = text_of(failed.client("viewer").get("/failures"))

    assert "Only the first 1 kinds are listed" in page and "SKU_UNMAPPED" not in page


def test_htmx_gets_only_the_list(failed: Tower):
    fragment = text_of(failed.client("viewer").get("/failures", headers={"HX-Request": "true"}))

    assert fragment.strip().startswith('<section id="failures"') and "<html" not in fragment


def test_a_mistake_in_a_rule_file_is_said_on_the_screen(make_tower, tmp_path: Path):
    file = tmp_path / "own.toml"
    file.write_text("")
    tower = make_tower(failure_rules=RuleShelf(str(file)))
    file.write_text("[[rules]\n")

    for url in ("/failures", "/failures/rules"):
        assert "A rule file has a mistake" in text_of(tower.client("viewer").get(url))


# One kind


def test_a_kind_shows_its_journeys_and_a_form_that_is_filled_in(failed: Tower):
    page = text_of(failed.client("operator").get(URL))

    assert "F-0" in page and "F-1" in page and "K-0" not in page
    assert 'name="system" value="wms"' in page and 'name="code" value="WMS-1"' in page
    assert ">wave * refused the order of *: zone * is frozen</textarea>" in page
    assert "Matches 1 kind of open failure on 2 journeys." in page
    assert "jane@example.com" not in page


def test_the_form_of_a_known_kind_is_folded(failed: Tower):
    known = fingerprint_of("middleware", "SKU_UNMAPPED", "No item for SKU 1")

    page = text_of(failed.client("operator").get(f"/failures/{known}"))

    assert '<details class="disclosure">' in page and "sku-not-mapped" in page


@pytest.mark.parametrize("address", ["0" * 16, "nonsense", "F" * 16])
def test_a_kind_that_is_not_open_is_not_found(tower: Tower, address: str):
    assert tower.client("viewer").get(f"/failures/{address}").status_code == 404


# Making a rule


def test_a_rule_that_is_made_holds_at_once(failed: Tower):
    answer = make(failed)

    assert (answer.status_code, answer.location) == (303, "/failures")
    page = text_of(failed.client("operator").get("/failures"))
    assert "Have the zone released, then replay." in page and "Unknown" not in page
    assert 'href="https://wiki.example.com/zones" hx-boost="false" target="_blank" rel="noopener' in page


def test_htmx_is_sent_to_the_list_after_a_rule_was_made(failed: Tower):
    client = failed.client("operator")
    token = re.search(r'name="csrf_token" value="([^"]+)"', text_of(client.get(URL)))
    assert token
    answer = client.post(
        f"{URL}/rule", data=RULE, headers={"HX-Request": "true", "X-CSRFToken": token[1], "Referer": URL}
    )

    assert (answer.status_code, answer.headers["HX-Redirect"]) == (204, "/failures")


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"class": ""}, "Choose what kind of failure it is."),
        ({"action": ""}, "Expected a text, found nothing"),
        ({"message": "**", "system": ""}, "Expected a pattern with letters or digits, found &#39;**&#39;"),
        ({"message": "zone * is THAWED"}, "These patterns do not match the failure"),
        ({"link": "javascript:alert(1)"}, "Expected an address that begins with https:// or /"),
    ],
)
def test_a_rule_with_a_mistake_is_refused_and_stays_as_typed(failed: Tower, changes, complaint):
    answer = make(failed, **changes)

    assert answer.status_code == 422
    assert complaint in text_of(answer) and 'aria-invalid="true"' in text_of(answer)
    assert "https://wiki.example.com/zones" in text_of(answer) or "link" in changes
    assert "None yet" in text_of(failed.client("viewer").get("/failures/rules"))


def test_only_operators_make_and_remove_rules_and_only_from_a_form(failed: Tower):
    support = failed.client("support")
    assert post(support, f"{URL}/rule", form_at="/account", **RULE).status_code == 403
    assert post(support, f"/failures/rules/{'0' * 32}/remove", form_at="/account").status_code == 403
    assert failed.client("operator").post(f"{URL}/rule", data=RULE).status_code == 400


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("message=zone+*+is+frozen", "Matches 1 kind of open failure on 2 journeys."),
        (f"code=SKU*&fingerprint={FROZEN}", "Does not match this failure, but 1 other kind on 3 journeys."),
        (f"code=XYZ&fingerprint={FROZEN}", "Does not match this failure."),
        ("code=XYZ", "Matches 0 kinds of open failure on 0 journeys."),
        ("code=*", "Expected a pattern with letters or digits"),
        ("", "Expected a pattern here"),
        ("message=" + "x" * 2000, "Expected at most 300 characters"),
    ],
)
def test_the_preview_says_what_the_patterns_match(failed: Tower, query: str, words: str):
    assert words in text_of(failed.client("operator").get(f"/failures/preview?{query}"))


# Rules


def test_rules_say_who_made_them_and_what_they_hold(failed: Tower):
    make(failed)

    page = text_of(failed.client("viewer").get("/failures/rules"))

    made = page[page.index("Made here") : page.index("Built in")]
    assert "operator" in made and "zone * is frozen" in made and 'data-label="Open now">2<' in made
    assert "disabled" in made  # a viewer sees the button, and why it does nothing
    built_in = page[page.index("Built in") :]
    assert "sku-not-mapped" in built_in and 'data-label="Open now">3<' in built_in


def test_a_removed_rule_no_longer_holds_and_stays_in_the_history(failed: Tower):
    make(failed)
    client = failed.client("admin")
    removal = re.search(r'action="(/failures/rules/\w+/remove)"', text_of(client.get("/failures/rules")))
    assert removal

    assert post(client, removal[1], form_at="/failures/rules").status_code == 303
    page = text_of(client.get("/failures/rules"))
    removed = page[page.index('id="removed-title"') :]
    assert "zone * is frozen" in removed and "operator" in removed and "admin" in removed
    assert "Unknown" in text_of(client.get("/failures"))
    assert post(client, removal[1], form_at="/account").status_code == 409


def test_rules_of_files_are_shown_with_their_file(make_tower, tmp_path: Path):
    file = tmp_path / "own.toml"
    file.write_text(
        '[[rules]]\nname = "timeout"\nclass = "routing"\ncode = "X1"\naction = "Do <b>this</b>."\n'
    )
    page = text_of(make_tower(failure_rules=RuleShelf(str(file))).client("viewer").get("/failures/rules"))

    assert str(file) in page and "Do &lt;b&gt;this&lt;/b&gt;." in page
    assert "1 replaced by yours" in page


@pytest.mark.parametrize("rule_id", ["0" * 32, "nonsense"])
def test_a_rule_that_is_not_there_cannot_be_removed(tower: Tower, rule_id: str):
    answer = post(tower.client("operator"), f"/failures/rules/{rule_id}/remove", form_at="/account")
    assert answer.status_code == 404


def test_the_rules_are_a_fragment_too(failed: Tower):
    for url, root in (("/failures/rules", "failure-rules"), (URL, "failure-group")):
        fragment = text_of(failed.client("operator").get(url, headers={"HX-Request": "true"}))
        assert fragment.strip().startswith(f'<div id="{root}"') and "<html" not in fragment


# Elsewhere


def test_the_journeys_of_a_kind_are_listed_under_its_name(failed: Tower):
    page = text_of(failed.client("viewer").get(f"/journeys?fingerprint={FROZEN}"))

    assert "F-0" in page and "F-1" in page and "K-0" not in page
    assert "Failure: <strong>WMS-1</strong>" in page
    assert f'name="fingerprint" value="{FROZEN}"' in page


def test_an_unknown_failure_leads_from_its_journey_to_making_a_rule(failed: Tower):
    client = failed.client("viewer")
    listed = text_of(client.get(f"/journeys?fingerprint={FROZEN}"))
    journey = re.search(r'href="(/journeys/[0-9a-f]{32})"', listed)
    assert journey

    page = text_of(client.get(journey[1]))

    assert "No rule says what to do about it yet." in page and f'href="{URL}"' in page


def test_a_poll_of_a_journey_sees_that_a_rule_was_made(failed: Tower):
    client = failed.client("viewer")
    listed = text_of(client.get(f"/journeys?fingerprint={FROZEN}"))
    journey = re.search(r'href="(/journeys/[0-9a-f]{32})"', listed)
    assert journey
    seen = re.search(r"\?seen=([\w.-]+)", text_of(client.get(journey[1])))
    assert seen
    poll = f"{journey[1]}?seen={seen[1]}"
    assert client.get(poll, headers={"HX-Request": "true"}).status_code == 204

    make(failed)

    assert "Have the zone released" in text_of(client.get(poll, headers={"HX-Request": "true"}))


# The API


def test_the_api_lists_kinds_with_their_diagnosis(failed: Tower):
    found = json_of(failed.client("viewer").get("/api/v1/failures"))

    unknown, known = found["failures"]
    assert (unknown["fingerprint"], unknown["journeys"]) == (FROZEN, 2)
    assert unknown["newest"]["diagnosis"]["class"] == "unknown"
    assert "jane@" not in unknown["newest"]["message"]
    assert known["newest"]["diagnosis"] == {
        "class": "data_quality",
        "rule": "sku-not-mapped",
        "action": "Add the SKU mapping in the item master, then replay.",
        "owner": "Master data",
        "link": "",
    }
    assert known["owner"] == "Master data" and found["more"] is False


def test_the_api_narrows_by_class_and_limit(failed: Tower):
    client = failed.client("support")

    known = json_of(client.get("/api/v1/failures?class=data_quality"))
    first = json_of(client.get("/api/v1/failures?limit=1"))

    assert [one["newest"]["code"] for one in known["failures"]] == ["SKU_UNMAPPED"]
    assert len(first["failures"]) == 1 and first["more"] is True
    assert "jane@example.com" in first["failures"][0]["newest"]["message"]
    assert client.get("/api/v1/failures?class=odd").status_code == 400


def test_a_journey_of_the_api_says_what_its_failure_is(failed: Tower):
    client = failed.client("viewer")
    rows = json_of(client.get(f"/api/v1/journeys?fingerprint={FROZEN}"))["journeys"]
    detail = json_of(client.get(f"/api/v1/journeys/{rows[0]['id']}"))
    (hit,) = json_of(client.get("/api/v1/search?q=K-1"))["hits"]

    assert [row["title"] for row in rows] == ["F-0", "F-1"]
    assert detail["failure"]["fingerprint"] == FROZEN
    assert detail["failure"]["diagnosis"]["class"] == "unknown"
    assert hit["journey"]["failure"]["diagnosis"]["class"] == "data_quality"


def test_rules_are_made_listed_and_removed_through_the_api(failed: Tower, make_token):
    headers = {"Authorization": f"Bearer {make_token('operator')}"}
    client = failed.client()

    made = client.post("/api/v1/failure-rules", json=RULE, headers=headers)
    assert made.status_code == 201 and json_of(made)["made_by"] == "robot"
    rules = json_of(client.get("/api/v1/failure-rules", headers=headers))["rules"]
    assert rules[0] == json_of(made) and rules[1]["id"] is None
    assert json_of(client.get("/api/v1/failures?class=routing", headers=headers))["failures"]

    gone = client.delete(f"/api/v1/failure-rules/{rules[0]['id']}", headers=headers)
    assert gone.status_code == 200
    assert client.delete(f"/api/v1/failure-rules/{rules[0]['id']}", headers=headers).status_code == 409
    assert client.delete("/api/v1/failure-rules/odd", headers=headers).status_code == 404


@pytest.mark.parametrize("body", [b"{}", b"[]", b"\xff", b'{"class":"routing","action":"x","code":"*"}'])
def test_the_api_refuses_what_is_no_rule(tower: Tower, make_token, body: bytes):
    headers = {"Authorization": f"Bearer {make_token('operator')}"}
    assert tower.client().post("/api/v1/failure-rules", data=body, headers=headers).status_code == 400


def test_the_api_lets_viewers_make_no_rules(tower: Tower, make_token):
    headers = {"Authorization": f"Bearer {make_token('viewer')}"}
    assert tower.client().post("/api/v1/failure-rules", json=RULE, headers=headers).status_code == 403


@pytest.fixture
def make_token(tower: Tower):
    """Makes a token of a role; its secret."""
    from controltower.services.tokens import create_token

    return lambda role: create_token(tower.db, "robot", role, tower.clock())
