"""The quarantine screen: list, look, put right and submit again, discard."""

from __future__ import annotations

import json

import pytest

from controltower.domain.errors import Overloaded
from controltower.services.ingest import FactBatch
from controltower.store.engine import reading
from controltower.store.journeys import JourneyFilter, list_journeys
from controltower.web import quarantine
from tests.web.tower import Tower, post, text_of

BROKEN = b'{"specversion": "1.0", "source": "/shop", "type": "order.captured", "subject": "order/1001"}'
MENDED = json.dumps(
    {
        "specversion": "1.0",
        "id": "e1",
        "source": "/shop",
        "type": "order.captured",
        "time": "2026-05-31T10:00:00Z",
        "data": {"identifiers": {"order": "1001"}},
    },
    indent=2,
)


def journeys_in(tower: Tower) -> list[str]:
    with reading(tower.db) as c:
        return [row.title for row in list_journeys(c, JourneyFilter())]


def test_the_list_shows_what_is_wrong(tower: Tower):
    tower.hold(BROKEN, message="id: <b>missing</b>")

    page = text_of(tower.client("viewer").get("/quarantine"))

    assert "id: &lt;b&gt;missing&lt;/b&gt;" in page
    assert "missing attribute" in page


def test_the_list_says_that_nothing_is_held(tower: Tower):
    assert "Everything that came in was understood" in text_of(tower.client("viewer").get("/quarantine"))


def test_the_list_pages_by_key(tower: Tower, monkeypatch):
    monkeypatch.setattr(quarantine, "PAGE_SIZE", 2)
    for number in range(5):
        tower.hold(b"x" * (number + 1), message=f"fault {number}")
        tower.clock.advance(seconds=1)
    client, url, seen = tower.client("viewer"), "/quarantine", []
    while url:
        page = text_of(client.get(url))
        seen += [number for number in range(4, -1, -1) if f"fault {number}" in page]
        url = page.partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")

    assert seen == [4, 3, 2, 1, 0]


@pytest.mark.parametrize("query", ["state=lost", "before=nonsense"])
def test_an_address_that_we_did_not_write_is_refused(tower: Tower, query):
    assert tower.client("viewer").get(f"/quarantine?{query}").status_code == 400


def test_htmx_gets_only_the_list(tower: Tower):
    response = tower.client("viewer").get("/quarantine", headers={"HX-Request": "true"})

    assert text_of(response).strip().startswith('<section id="quarantine-items"')
    assert "HX-Request" in response.headers["Vary"]


def test_json_is_laid_out_and_escaped(tower: Tower):
    held = tower.hold(b'{"note":"</textarea><script>alert(1)</script>","total":129.90}')

    page = text_of(tower.client("support").get(f"/quarantine/{held}"))

    assert "&#34;total&#34;: 129.90" in page
    assert "<script>alert" not in page


def test_bytes_are_shown_in_hexadecimal_and_not_offered_for_editing(tower: Tower):
    held = tower.hold(b"\x00\xff\x10binary")

    page = text_of(tower.client("support").get(f"/quarantine/{held}"))

    assert "00 ff 10" in page
    assert "<textarea" not in page


def test_viewers_see_masked_addresses_and_cannot_take_the_bytes(tower: Tower):
    held = tower.hold(b'{"email": "jane@example.com"}')
    client = tower.client("viewer")

    assert "jane@example.com" not in text_of(client.get(f"/quarantine/{held}"))
    assert client.get(f"/quarantine/{held}/payload").status_code == 403


def test_the_bytes_come_as_a_download(tower: Tower):
    held = tower.hold(b"<script>alert(1)</script>")

    response = tower.client("support").get(f"/quarantine/{held}/payload")

    assert response.data == b"<script>alert(1)</script>"
    assert response.mimetype == "application/octet-stream"
    assert response.headers["Content-Disposition"].startswith("attachment")


def test_a_corrected_payload_becomes_a_journey_and_the_item_tells_who_did_it(tower: Tower):
    held = tower.hold(BROKEN)
    client, url = tower.client("support"), f"/quarantine/{held}"

    response = post(client, f"{url}/resubmit", form_at=url, payload=MENDED.replace("\n", "\r\n"))

    assert (response.status_code, response.location) == (303, url)
    page = text_of(client.get(url))
    assert "Submitted: 1 event stored." in page and "By support" in page
    assert journeys_in(tower) == ["1001"]


def test_a_payload_that_is_still_wrong_stays_as_edited_with_the_new_reason(tower: Tower):
    held = tower.hold(BROKEN)
    url = f"/quarantine/{held}"

    response = post(tower.client("support"), f"{url}/resubmit", form_at=url, payload='{"specversion": "1.0"}')

    assert response.status_code == 422
    assert "Still not understood" in text_of(response)
    assert "{&#34;specversion&#34;: &#34;1.0&#34;}" in text_of(response)
    assert journeys_in(tower) == []


def test_an_item_is_settled_once(tower: Tower):
    held = tower.hold(BROKEN)
    url = f"/quarantine/{held}"
    post(tower.client("support"), f"{url}/resubmit", form_at=url, payload=MENDED)

    again = post(tower.client("operator"), f"{url}/discard", form_at="/account", why="too late")

    assert again.status_code == 409
    assert "resubmitted already, by support" in text_of(again)


def test_submitting_known_facts_again_changes_nothing_but_the_item(tower: Tower):
    first, second = tower.hold(BROKEN), tower.hold(BROKEN + b" ")
    client = tower.client("support")
    for held in (first, second):
        post(client, f"/quarantine/{held}/resubmit", form_at=f"/quarantine/{held}", payload=MENDED)

    assert "1 known already" in text_of(client.get(f"/quarantine/{second}"))
    assert journeys_in(tower) == ["1001"]


def test_an_overloaded_tower_keeps_the_item_held(tower: Tower, monkeypatch):
    held = tower.hold(BROKEN)
    url = f"/quarantine/{held}"

    def refuse(batch: FactBatch) -> None:
        raise Overloaded("more waits than memory allows", retry_after=2)

    monkeypatch.setattr(tower.ingest, "submit", refuse)
    response = post(tower.client("support"), f"{url}/resubmit", form_at=url, payload=MENDED)

    assert (response.status_code, response.headers["Retry-After"]) == (429, "2")
    assert "Put it right" in text_of(tower.client("support").get(url))


def test_what_no_decoder_knows_is_left_to_its_sender(tower: Tower):
    held = tower.hold(b"abc", edge="carrier-pigeon")
    client = tower.client("support")

    assert "have its sender send it again" in text_of(client.get(f"/quarantine/{held}"))
    refused = post(client, f"/quarantine/{held}/resubmit", form_at="/account", payload="abc")
    assert refused.status_code == 422


def test_discarding_needs_a_reason_and_keeps_the_bytes(tower: Tower):
    held = tower.hold(BROKEN)
    client, url = tower.client("operator"), f"/quarantine/{held}"

    refused = post(client, f"{url}/discard", form_at=url, why="  ")
    assert refused.status_code == 422 and "Say why" in text_of(refused)

    post(client, f"{url}/discard", form_at=url, why="a test of the vendor")
    assert "By operator" in text_of(client.get(url)) and "a test of the vendor" in text_of(client.get(url))
    assert client.get(f"{url}/payload").data == BROKEN


@pytest.mark.parametrize("item_id", ["0" * 32, "nonsense", "ab"])
def test_an_item_that_is_not_there_is_not_found(tower: Tower, item_id):
    assert tower.client("viewer").get(f"/quarantine/{item_id}").status_code == 404
