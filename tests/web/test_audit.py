"""The audit on screen: read, narrowed down, checked, exported."""

from __future__ import annotations

import csv
import io
import json
import re

import pytest

from controltower.store.audit import Deed, record
from controltower.store.engine import transaction
from controltower.web import audit
from tests.web.tower import Tower, text_of

PLAN = "replay/" + "1" * 32


@pytest.fixture
def filled(tower: Tower) -> Tower:
    letter = "dead_letter/" + "2" * 32
    deeds = [
        Deed("sam", "planned", PLAN, "", {"items": 3, "verdicts": {"safe": 3}}),
        Deed("olga", "started", PLAN, "=cmd()"),
        Deed("sam", "assigned", letter, "", {"before": {"owner": ""}, "after": {"owner": "sam"}}),
    ]
    for deed in deeds:
        with transaction(tower.db) as c:
            record(c, [deed], tower.clock())
    return tower


def page_of(tower: Tower, query: str = "") -> str:
    return text_of(tower.client("operator").get(f"/audit?{query}"))


def test_entries_are_shown_newest_first_with_what_changed(filled: Tower):
    page = page_of(filled)
    assert re.findall(r'data-label="Did what">(\w+)<', page) == ["assigned", "started", "planned"]
    assert "nothing</span> →" in page and ">sam</span>" in page
    assert f"/replays/{'1' * 32}" in page and "verdicts" in page


@pytest.mark.parametrize(
    ("query", "shown"),
    [("actor=sam", 2), ("action=started", 1), (f"subject={PLAN}", 2), (f"actor=sam&subject={PLAN}", 1)],
)
def test_they_are_narrowed_down(filled: Tower, query: str, shown: int):
    assert page_of(filled, query).count('<tr id="entry-') == shown


def test_they_are_paged_by_number(filled: Tower, monkeypatch):
    monkeypatch.setattr(audit, "PAGE_ROWS", 2)
    page = page_of(filled)
    assert 'id="entry-3"' in page and 'id="entry-1"' not in page
    assert 'id="entry-1"' in page_of(filled, "before=2")
    assert filled.client("operator").get("/audit?before=x").status_code == 400


def test_empty_lists_say_what_to_do(filled: Tower):
    assert "Nothing of that kind was done" in page_of(filled, "actor=nobody")


def test_nothing_was_done_yet(tower: Tower):
    assert "Nothing was done yet" in page_of(tower)


def test_the_chain_is_checked(filled: Tower):
    assert "3 entries are as they were written" in page_of(filled, "check=all")


def test_a_break_of_the_chain_is_told(filled: Tower, monkeypatch):
    monkeypatch.setattr(audit, "first_break", lambda c: 2)
    assert "Entry 2 is not what was written" in page_of(filled, "check=all")


def test_the_export_has_every_entry_and_the_last_digest(filled: Tower):
    answer = filled.client("operator").get("/audit/export.ndjson")
    *entries, last = [json.loads(line) for line in text_of(answer).splitlines()]
    assert [entry["number"] for entry in entries] == [1, 2, 3]
    assert entries[0]["detail"] == {"items": 3, "verdicts": {"safe": 3}}
    assert last == {"entries": 3, "last_digest": entries[-1]["digest"]}
    assert answer.headers["X-Audit-Last-Digest"] == entries[-1]["digest"]


def test_the_table_is_safe_for_spreadsheets(filled: Tower):
    answer = filled.client("operator").get("/audit/export.csv")
    rows = list(csv.DictReader(io.StringIO(text_of(answer))))
    assert [row["reason"] for row in rows] == ["", "'=cmd()", ""]
    assert answer.headers["X-Audit-Entries"] == "3"
    assert rows[-1]["digest"] == answer.headers["X-Audit-Last-Digest"]


def test_an_empty_audit_can_be_exported(tower: Tower):
    answer = tower.client("operator").get("/audit/export.ndjson")
    assert json.loads(text_of(answer)) == {"entries": 0, "last_digest": ""}
    assert tower.client("operator").get("/audit/export.xml").status_code == 400


def test_others_may_not(tower: Tower):
    for path in ("/audit", "/audit/export.csv"):
        assert tower.client("support").get(path).status_code == 403
