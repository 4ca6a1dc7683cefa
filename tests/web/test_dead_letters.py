"""The dead-letter desk: groups, one group, the list with its filters and files, as page and as fragment."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from datetime import timedelta

import pytest

from controltower.services.dead_letters.desk import Desk
from controltower.store.engine import transaction
from controltower.store.replays import Item, add_items
from controltower.web import dead_letters
from tests.web.letters import Letters
from tests.web.tower import Tower, post, text_of

LIST = "/dead-letters/letters"


@pytest.fixture
def letters(tower: Tower, processes) -> Letters:
    """Takes letters over for the tower."""
    return Letters(tower, processes)


def rows_of(tower: Tower, query: str = "", role: str = "viewer") -> list[str]:
    """The orders that the list shows, in its order."""
    page = text_of(tower.client(role).get(f"{LIST}{query}"))
    return [
        part.partition("<")[0]
        for part in page.split('class="row-link wrap-anywhere"')[1:]
        for part in [part.partition(">")[2]]
    ]


def test_an_empty_desk_says_how_letters_get_there(tower: Tower):
    assert "POST /api/v1/dead-letters" in text_of(tower.client("viewer").get("/dead-letters"))
    assert "Nothing is dead" in text_of(tower.client("viewer").get(LIST))


def test_a_group_shows_what_failed_what_is_at_stake_and_how_many_are_in_each_state(tower, letters):
    letters.one("1001")
    second = letters.one("1002")
    Desk(tower.db).investigate([bytes.fromhex(second)], by="sam", now=tower.clock())

    page = text_of(tower.client("viewer").get("/dead-letters"))

    assert "2 letters in 1 group" in page
    assert "SKU_UNMAPPED" in page and "No mapping for SKU TBL-1" in page
    assert "259.80 EUR" in page
    assert "1 new" in page and "1 investigating" in page
    assert "2 in 24 h" in page and '<rect class="spark__bar"' in page


@pytest.mark.parametrize(
    ("by", "title", "url"),
    [
        ("queue", "erp.post.dlq", "/dead-letters/letters?queue=erp.post.dlq"),
        ("type", "order.posted", "/dead-letters/letters?type=order.posted"),
        ("system", "middleware", "/dead-letters/letters?system=middleware"),
        ("class", "Source data", "/dead-letters/letters?class=data_quality"),
        ("impact", "A customer waits", "/dead-letters/letters?impact=customer"),
    ],
)
def test_the_key_of_the_groups_is_in_the_address(tower, letters, by, title, url):
    letters.one()
    page = text_of(tower.client("viewer").get(f"/dead-letters?by={by}"))
    assert title in page and f'href="{url}"' in page
    assert rows_of(tower, url.partition("letters")[2].partition("letters")[2]) == ["1001"]


@pytest.mark.parametrize("path", ["/dead-letters", LIST])
@pytest.mark.parametrize(
    "query", ["state=lost", "by=colour", "impact=x", "class=x", "snoozed=x", "journey=1", "since=x"]
)
def test_words_that_mean_nothing_are_refused(tower: Tower, path: str, query: str):
    expected = 200 if (path, query) == (LIST, "by=colour") else 400
    assert tower.client("viewer").get(f"{path}?{query}").status_code == expected


@pytest.mark.parametrize(
    ("path", "root"),
    [("/dead-letters", "letter-groups"), (LIST, "letters")],
)
def test_htmx_gets_only_what_changes(tower, letters, path, root):
    letters.one()
    response = tower.client("viewer").get(path, headers={"HX-Request": "true"})
    assert text_of(response).strip().startswith(f'<section id="{root}"')
    assert "HX-Request" in response.headers["Vary"]


def test_filters_and_words_find_letters_on_the_server(tower, letters):
    first, second = (
        letters.one("1001"),
        letters.one("1002", error_code="TIMEOUT", error_message="ERP is away"),
    )
    desk, at = Desk(tower.db), tower.clock()
    desk.tag([bytes.fromhex(first)], ["vip"], by="sam", now=at)
    desk.assign([bytes.fromhex(second)], "Anna", by="sam", now=at)

    assert rows_of(tower) == ["1002", "1001"]
    for query, expected in {
        "?text=erp+is": ["1002"],
        "?text=TBL": ["1001"],
        "?text=100": ["1002", "1001"],
        "?tag=vip": ["1001"],
        "?owner=Anna": ["1002"],
        "?system=middleware&tag=vip": ["1001"],
        "?state=waiting": [],
        "?state=all": ["1002", "1001"],
        "?since=2020-01-01T00:00&until=2020-01-02T00:00": [],
    }.items():
        assert rows_of(tower, query) == expected, query


def test_what_is_snoozed_is_out_of_sight_but_counted_until_its_time(tower, letters):
    letter_id = letters.one()
    Desk(tower.db).snooze(
        [bytes.fromhex(letter_id)], tower.clock() + timedelta(hours=1), by="sam", now=tower.clock()
    )

    assert rows_of(tower) == []
    assert "1 snoozed: show" in text_of(tower.client("viewer").get(LIST))
    assert "Show 1 snoozed" in text_of(tower.client("viewer").get("/dead-letters"))
    assert rows_of(tower, "?snoozed=shown") == ["1001"]
    tower.clock.advance(hours=2)
    assert rows_of(tower) == ["1001"]


def test_the_list_pages_by_key_and_counts_all_that_match(tower, letters, monkeypatch):
    monkeypatch.setattr(dead_letters, "PAGE_ROWS", 2)
    letters.take(*(letters.letter(str(n), at=tower.clock() - timedelta(minutes=n)) for n in range(1, 6)))
    client, url, seen = tower.client("viewer"), LIST, []
    while url:
        page = text_of(client.get(url))
        assert "All 5 that match" in page
        seen += rows_of(tower, url.removeprefix(LIST))
        url = page.partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")

    assert seen == ["1", "2", "3", "4", "5"]


def test_messages_of_errors_are_masked_everywhere(tower, letters):
    letter_id = letters.one(
        error_code="", error_message="jane@example.com with card 4242424242424242 was refused"
    )
    client = tower.client("admin")
    fingerprint = letters.row(letter_id).fingerprint
    for path in (
        "/",
        "/dead-letters",
        LIST,
        f"/dead-letters/groups/{fingerprint}",
        f"/dead-letters/{letter_id}",
    ):
        page = text_of(client.get(path))
        assert "jane@" not in page and "4242424242424242" not in page, path


def test_csv_holds_every_letter_of_the_filter_and_no_formula(tower, letters, monkeypatch):
    monkeypatch.setattr("controltower.web.letter_exports.PAGE_ROWS", 2)
    letters.take(*(letters.letter(str(n), type="a" if n < 4 else "b") for n in range(5)))
    Desk(tower.db).link_ticket(
        [bytes.fromhex(letters.take(letters.letter("0", type="a"))[0])], "=1+1", by="s", now=tower.clock()
    )

    response = tower.client("viewer").get("/dead-letters/letters.csv?type=a")
    lines = list(csv.DictReader(io.StringIO(text_of(response))))

    assert response.headers["Content-Disposition"].endswith('.csv"')
    assert sorted(line["title"] for line in lines) == ["0", "1", "2", "3"]
    assert {line["ticket"] for line in lines} == {"", "'=1+1"}


def test_ndjson_has_an_object_a_line(tower, letters, monkeypatch):
    monkeypatch.setattr("controltower.web.letter_exports.PAGE_ROWS", 2)
    ids = letters.take(*(letters.letter(str(n)) for n in range(5)))

    response = tower.client("viewer").get("/dead-letters/letters.ndjson")

    assert response.mimetype == "application/x-ndjson"
    assert {json.loads(line)["id"] for line in text_of(response).splitlines()} == set(ids)


def test_a_group_tells_what_to_do_and_keeps_who_is_on_it(tower, letters):
    fingerprint = letters.row(letters.one()).fingerprint
    url = f"/dead-letters/groups/{fingerprint}"
    client = tower.client("support")
    assert "Nothing was tried yet" in text_of(client.get(url))

    response = post(
        client,
        url,
        form_at=url,
        owner="Anna",
        state="investigating",
        ticket="https://t.example/7",
        note="asked SAP",
    )

    assert (response.status_code, response.location) == (303, url)
    page = text_of(client.get(url))
    assert 'value="Anna"' in page and "asked SAP" in page and 'href="https://t.example/7"' in page
    assert "Anna" in text_of(client.get("/dead-letters"))
    assert "support" in page, "who noted it"


def test_fix_memory_shows_what_the_table_holds(tower, letters):
    """field.md, leap 5; tests/services/test_letter_groups.py has the way from outcomes to the table."""
    letter_id = letters.one()
    row = letters.row(letter_id)
    item = Item(
        plan_id=bytes(16),
        place=0,
        letter_id=row.id,
        state="",
        step=0,
        attempt=1,
        payload_hash=b"",
        edit=0,
        verdict="safe",
        verdict_why="",
        order_key="",
        connection="bus",
        target_place="erp.post",
        fingerprint=row.fingerprint,
        remedy="replay",
        previous="new",
        sent_at=None,
        settled_at=None,
        outcome="",
    )
    ends = ["confirmed"] * 11 + ["no_effect", "died_again", "unsendable"]
    items = [replace(item, place=place, state=state) for place, state in enumerate(ends)]
    edits = [replace(items[0], place=20, remedy="edit of sku"), replace(items[0], place=21, state="sent")]
    with transaction(tower.db) as c:
        add_items(c, [*items, *edits])

    page = text_of(tower.client("viewer").get(f"/dead-letters/groups/{row.fingerprint}"))

    assert "Replayed 14 times, 11 confirmed" in page
    assert "Edit of sku, once, 1 confirmed" in page
    assert "Edit of sku, once, 1 confirmed" in text_of(tower.client("viewer").get("/dead-letters"))
    assert "Replayed 14 times, 11 confirmed" in text_of(
        tower.client("viewer").get(f"/dead-letters/{letter_id}")
    )


def test_a_note_that_is_too_long_stays_as_written(tower, letters):
    url = f"/dead-letters/groups/{letters.row(letters.one()).fingerprint}"
    response = post(tower.client("support"), url, form_at=url, owner="x" * 600)
    assert response.status_code == 422
    assert "at most" in text_of(response) and "x" * 600 in text_of(response)


def test_a_group_is_a_fragment_and_one_that_is_over_shows_its_closed_letters(tower, letters):
    letter_id = letters.one()
    url = f"/dead-letters/groups/{letters.row(letter_id).fingerprint}"
    Desk(tower.db).discard([bytes.fromhex(letter_id)], "a test", by="olga", now=tower.clock())

    fragment = text_of(tower.client("viewer").get(url, headers={"HX-Request": "true"}))

    assert fragment.strip().startswith('<div id="letter-group"')
    assert "all closed" in fragment and "Discarded once" in fragment
    assert tower.client("viewer").get("/dead-letters/groups/0123456789abcdef").status_code == 404
    assert tower.client("viewer").get("/dead-letters/groups/x").status_code == 404


def test_viewers_are_told_why_they_may_only_look(tower, letters):
    url = f"/dead-letters/groups/{letters.row(letters.one()).fingerprint}"
    client = tower.client("viewer")
    for path in (url, LIST):
        assert "needs the role support; yours is viewer" in text_of(client.get(path))
    assert post(client, url, form_at=url, owner="me").status_code == 403
