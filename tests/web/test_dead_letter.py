"""One dead letter: payload, verdict, history, what is masked, its edits, and comparing it."""

from __future__ import annotations

import json

import pytest

from controltower.store.audit import list_entries
from controltower.store.engine import reading, transaction
from controltower.store.letters import get_body, mark
from tests.builders import an_event
from tests.web.letters import Letters
from tests.web.tower import Tower, post, text_of


@pytest.fixture
def letters(tower: Tower, processes) -> Letters:
    """Takes letters over for the tower."""
    return Letters(tower, processes)


def show(tower: Tower, letter_id: str, role: str = "viewer", query: str = "") -> str:
    return text_of(tower.client(role).get(f"/dead-letters/{letter_id}{query}"))


def body_of(letters: Letters, letter_id: str) -> bytes:
    row = letters.row(letter_id)
    with reading(letters.tower.db) as c:
        return get_body(c, row.id, row.edit).message.body


def test_a_letter_shows_its_payload_its_journey_and_its_verdict(tower, letters):
    letter_id = letters.one()
    page = show(tower, letter_id)

    assert "&#34;total&#34;: 129.90" in page, "laid out, every digit kept"
    assert "erp.post" in page and "rejected in erp.post, 3 times" in page
    assert "Posted to ERP has not been seen; the newest success is order.accepted by oms" in page
    assert "order.accepted" in page and "This failure" in page
    assert f'href="/journeys/{letters.row(letter_id).journey_id.hex()}' in page
    assert "Source data" in page


def test_evidence_links_to_its_event(tower, letters):
    letter_id = letters.one()
    tower.clock.advance(minutes=-20)
    at = tower.clock()
    tower.store(an_event("shipment.shipped", ("order", "1001"), source="/wms", at=at))
    tower.clock.advance(minutes=20)
    letters.follow()
    page = show(tower, letter_id)
    assert "Duplicate risk" in page
    assert "by wms" in page.partition('id="verdict"')[2].partition("</ul>")[0]
    assert "#event-" in page.partition('id="verdict"')[2].partition("</ul>")[0]


def test_what_is_personal_is_masked_for_everybody_and_secrets_always(tower, letters):
    headers = (
        ("authorization", "Bearer abcdefgh"),
        ("x-customer-phone", "+49 30 1234567"),
        ("x-tenant", "eu"),
    )
    letter_id = letters.one(headers=headers)
    for role in ("viewer", "support", "operator"):
        page = show(tower, letter_id, role)
        assert "jane@example.com" not in page and "Jane Doe" not in page
        assert "abcdefgh" not in page and "1234567" not in page
        assert "Some of it is masked" in page and ">eu" in page
    for role in ("viewer", "support"):
        assert "needs the role operator" in show(tower, letter_id, role)


def test_revealing_asks_why_notes_it_and_lasts_for_ten_minutes_for_one_person(tower, letters):
    letter_id = letters.one(headers=(("authorization", "Bearer abcdefgh"),))
    url = f"/dead-letters/{letter_id}"
    client = tower.client("operator")
    refused = post(client, f"{url}/reveal", form_at=url, reason=" ")
    assert refused.status_code == 422 and "say why" in text_of(refused)
    assert client.get(f"{url}/payload").status_code == 403

    post(client, f"{url}/reveal", form_at=url, reason="The customer called")

    page = text_of(client.get(url))
    assert "jane@example.com" in page and "Jane Doe" in page
    assert "abcdefgh" not in page
    assert "The customer called" in page
    assert client.get(f"{url}/payload").data == body_of(letters, letter_id)
    assert "Jane Doe" not in show(tower, letter_id, "admin")
    with reading(tower.db) as c:
        (entry,) = list_entries(c, subject=f"dead_letter/{letter_id}")
    assert (entry.actor, entry.action, entry.reason) == ("operator", "revealed", "The customer called")
    tower.clock.advance(minutes=11)
    assert "Jane Doe" not in text_of(client.get(url))


@pytest.mark.parametrize("role", ["viewer", "support"])
@pytest.mark.parametrize("deed", ["reveal", "edit"])
def test_who_may_not_is_refused(tower, letters, role, deed):
    letter_id = letters.one()
    assert (
        post(
            tower.client(role), f"/dead-letters/{letter_id}/{deed}", form_at="/account", reason="x"
        ).status_code
        == 403
    )


@pytest.mark.parametrize(
    ("body", "content_type", "shown"),
    [
        (b"<a><b>1</b><c/></a>", "text/xml", "&lt;a&gt;\n  &lt;b&gt;1&lt;/b&gt;\n  &lt;c/&gt;"),
        (b"order=1&note=a+b%26c", "application/x-www-form-urlencoded", "order=1\nnote=a b&amp;c"),
        (b"plain\nwords", "text/plain", "plain\nwords"),
        (b"", "", "(empty)"),
        (b"\xff\x00\x10", "", "cannot be masked"),
    ],
)
def test_payloads_are_laid_out_by_their_form(tower, letters, body, content_type, shown):
    assert shown in show(tower, letters.one(body=body, content_type=content_type))


def test_bytes_show_in_hexadecimal_once_revealed(tower, letters):
    letter_id = letters.one(body=b"\xff\x00\x10")
    client, url = tower.client("operator"), f"/dead-letters/{letter_id}"
    post(client, f"{url}/reveal", form_at=url, reason="what is it")
    assert "ff 00 10" in text_of(client.get(url))


def test_a_long_payload_comes_in_parts_that_lose_nothing(tower, letters):
    lines = [f"line {n}" for n in range(20_000)]
    letter_id = letters.one(body="\n".join(lines).encode(), content_type="text/plain")
    client, seen, part = tower.client("viewer"), "", 1
    while True:
        page = text_of(client.get(f"/dead-letters/{letter_id}?part={part}"))
        seen += page.partition("<code>")[2].partition("</code>")[0]
        if "Next part" not in page:
            break
        part += 1
    assert part > 2 and seen.splitlines() == lines
    assert client.get(f"/dead-letters/{letter_id}?part=x").status_code == 400


PLAIN = b'{"order":"1001","sku":"TBL-1"}'


def test_an_edit_is_kept_beside_the_original_and_shown_as_a_difference(tower, letters):
    letter_id = letters.one(body=PLAIN)
    url, client = f"/dead-letters/{letter_id}", tower.client("operator")
    edited = json.dumps({"order": "1001", "sku": "TBL-2"}, indent=2).replace("\n", "\r\n")

    response = post(
        client,
        f"{url}/edit",
        form_at=f"{url}/edit",
        edit="0",
        payload=edited,
        reason="the SKU was renamed",
        **{"header-0": "us", "header-new-0-name": "x-note", "header-new-0": "by hand"},
    )

    assert (response.status_code, response.location) == (303, f"{url}?against=original")
    assert body_of(letters, letter_id) == b'{"order":"1001","sku":"TBL-2"}', "as compact as it was"
    page = text_of(client.get(f"{url}?against=original"))
    assert "removed" in page and "TBL-1" in page and "added" in page and "TBL-2" in page
    assert "x-note" in page and "by hand" in page
    assert "the SKU was renamed" in page and ">Edited<" in page


def test_an_edit_that_is_no_json_any_more_stays_as_written_and_is_refused(tower, letters):
    url = f"/dead-letters/{letters.one(body=PLAIN)}"
    response = post(
        tower.client("operator"),
        f"{url}/edit",
        form_at=f"{url}/edit",
        edit="0",
        payload='{"order": 1',
        reason="x",
    )
    assert response.status_code == 422
    assert "it was JSON and no longer is" in text_of(response)
    assert "{&#34;order&#34;: 1" in text_of(response)


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"payload": PLAIN.decode(), "reason": "x"}, 422),  # nothing is changed
        ({"payload": '{"order":"1"}', "reason": ""}, 422),
        ({"payload": '{"order":"1"}', "reason": "x", "edit": "7"}, 409),
    ],
)
def test_an_edit_without_change_reason_or_ground_is_refused(tower, letters, fields, status):
    url = f"/dead-letters/{letters.one(body=PLAIN)}"
    fields = {"edit": "0", **fields}
    assert (
        post(tower.client("operator"), f"{url}/edit", form_at=f"{url}/edit", **fields).status_code == status
    )


def test_a_locked_header_stays_whatever_the_form_says(tower, letters):
    headers = (("Authorization", "Bearer abcdefgh"), ("traceparent", "00-1"), ("x-tenant", "eu"))
    letter_id = letters.one(body=PLAIN, headers=headers)
    url, client = f"/dead-letters/{letter_id}", tower.client("operator")
    form = text_of(client.get(f"{url}/edit"))
    assert "Locked" in form and "Sensitive" in form and "abcdefgh" not in form

    fields = {
        "edit": "0",
        "payload": PLAIN.decode(),
        "reason": "x",
        "header-0": "mine",
        "header-2-drop": "yes",
    }
    assert post(client, f"{url}/edit", form_at=f"{url}/edit", **fields).status_code == 303

    with reading(tower.db) as c:
        kept = get_body(c, bytes.fromhex(letter_id), 1).message.headers
    assert kept == headers[:2]


def test_what_is_masked_is_edited_only_once_revealed(tower, letters):
    letter_id = letters.one()
    url, client = f"/dead-letters/{letter_id}", tower.client("operator")
    assert "Reveal it first" in text_of(client.get(f"{url}/edit"))
    post(client, f"{url}/reveal", form_at=url, reason="to put it right")
    assert "jane@example.com" in text_of(client.get(f"{url}/edit"))


def test_two_letters_are_compared_line_by_line_with_their_masks_on(tower, letters):
    first = letters.one("1001")
    second = letters.one(
        "1002", body=b'{"order":"1002","total":1,"customer":{"name":"Joe","email":"joe@example.com"}}'
    )
    page = show(tower, second, query=f"?against={first}")
    assert "Changes from 1001 to this" in page
    assert "&#34;order&#34;: &#34;1001&#34;" in page and "129.90" in page
    assert "Jane" not in page and "Joe" not in page
    assert "There is no dead letter" in show(tower, second, query="?against=" + "0" * 32)


def test_a_closed_letter_says_who_closed_it_why_and_until_when_it_can_be_taken_back(tower, letters):
    letter_id = letters.one()
    url, client = f"/dead-letters/{letter_id}", tower.client("operator")
    fields = {"id": letter_id, "sure": "yes", "action": "discard", "value": "a test order", "next": url}
    assert post(client, "/dead-letters/actions", form_at=url, **fields).location == url
    page = text_of(client.get(url))
    assert "Discarded by operator" in page and "a test order" in page and ">30 Jun 12:00:00<" in page
    assert "take it back first" in page

    post(client, "/dead-letters/actions", form_at=url, id=letter_id, sure="yes", action="restore", next=url)
    assert letters.row(letter_id).state == "new"


def test_a_page_polls_only_while_a_replay_is_under_way(tower, letters):
    letter_id = letters.one()
    assert "data-poll" not in show(tower, letter_id)
    with_marks = {"HX-Request": "true"}
    fragment = text_of(tower.client("viewer").get(f"/dead-letters/{letter_id}", headers=with_marks))
    assert fragment.strip().startswith('<div id="dead-letter"')

    with transaction(tower.db) as c:
        mark(c, [bytes.fromhex(letter_id)], ("new",), {"state": "waiting"})
    page = show(tower, letter_id, "support")
    assert "data-poll" in page and "never more than one" in page
    seen = page.partition("?seen=")[2].partition('"')[0]
    unchanged = tower.client("viewer").get(f"/dead-letters/{letter_id}?seen={seen}", headers=with_marks)
    assert unchanged.status_code == 204


@pytest.mark.parametrize("letter_id", ["0" * 32, "x", "0" * 31])
def test_what_is_no_letter_is_not_found(tower, letter_id):
    assert tower.client("viewer").get(f"/dead-letters/{letter_id}").status_code == 404


def test_the_home_page_shows_the_groups_that_matter_most(tower, letters):
    letters.one()
    page = text_of(tower.client("viewer").get("/"))
    assert "All 1 letter in 1 group" in page and "SKU_UNMAPPED" in page
    part = text_of(tower.client("viewer").get("/?part=dead_letters", headers={"HX-Request": "true"}))
    assert part.strip().startswith('<section class="card" id="dead-letters"')
