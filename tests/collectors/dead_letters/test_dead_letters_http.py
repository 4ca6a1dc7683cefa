"""POST /api/v1/dead-letters: what is taken, and what its sender is told."""

import json
from datetime import UTC, datetime

import pytest

from collectors.dead_letters import http
from collectors.dead_letters.http import dead_letter_routes
from collectors.dead_letters.taking import AT_ONCE, EDGE, held_decoder
from collectors.http import IngestApp, Limits
from collectors.refusals import Unauthorized
from controltower.domain.dead_letters import id_of
from controltower.domain.errors import BadPayload
from tests.collectors.asgi import post, request
from tests.collectors.dead_letters.letters import NOW_US, FakeTaker, a_document, encoded
from tests.collectors.estate import LINES, open_to_all
from tests.fakes import FakeIngest

PATH = "/api/v1/dead-letters"
JSON = "application/json"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
GOOD = encoded(a_document())
OTHER = encoded(a_document(message_id="m-1002"))
BAD = encoded(a_document(failed_at="yesterday"))


def an_app(taker=None, ingest=None, **options):
    routes = dead_letter_routes(taker or FakeTaker(), ingest or FakeIngest(), {}, lambda: NOW_US, Limits())
    return IngestApp(routes, **{"authorize": open_to_all, "limits": Limits(), **options})


def send(body, content_type=JSON, taker=None, ingest=None):
    return post(an_app(taker, ingest), PATH, body, content_type)


def counts(reply):
    return reply.status, *(reply.json[name] for name in ("new", "died_again", "known", "quarantined"))


@pytest.mark.parametrize(
    ("content_type", "body", "expected"),
    [
        (JSON, GOOD, (200, 1, 0, 0, 0)),
        ("application/json; charset=utf-8", b" " + GOOD, (200, 1, 0, 0, 0)),
        (JSON, b"[" + GOOD + b"," + OTHER + b"]", (200, 2, 0, 0, 0)),
        (JSON, b"[]", (200, 0, 0, 0, 0)),
        (JSON, b"[" + GOOD + b"," + GOOD + b"]", (200, 1, 0, 1, 0)),
        (LINES, GOOD + b"\n\n" + OTHER + b"\r\n", (200, 2, 0, 0, 0)),
        (JSON, b"[" + GOOD + b"," + BAD + b"]", (200, 1, 0, 0, 1)),
        (JSON, BAD, (400, 0, 0, 0, 1)),
        (JSON, b"[{]", (400, 0, 0, 0, 1)),
        (LINES, b"nonsense\n" + GOOD, (200, 1, 0, 0, 1)),
    ],
)
def test_a_body_is_answered_with_what_became_of_it(content_type, body, expected):
    assert counts(send(body, content_type)) == expected


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [("text/plain", GOOD, 415), ("", GOOD, 415), ("application/json; charset=latin-1", GOOD, 415),
     (JSON, b"", 400), (JSON, b" \n", 400)],
)  # fmt: skip
def test_a_request_that_is_refused_keeps_nothing(content_type, body, status):
    taker, ingest = FakeTaker(), FakeIngest()

    reply = send(body, content_type, taker, ingest)

    assert reply.status == status
    assert set(reply.json) == {"reason", "message"}
    assert not taker.letters and not ingest.batches


def test_the_receipt_names_each_letter():
    taker = FakeTaker()
    died_later = encoded(a_document(deaths=None, failed_at="2026-01-01T00:00:00Z"))

    reply = send(b"[" + b",".join([GOOD, BAD, OTHER, died_later, GOOD]) + b"]", taker=taker)

    first, second, *_ = [id_of(letter).hex() for letter in taker.letters]
    assert reply.json["items"] == [
        {"index": 0, "status": "new", "id": first},
        {
            "index": 1,
            "status": "quarantined",
            "reason": "bad_time",
            "field": "failed_at",
            "message": "failed_at: expected RFC 3339 with a zone, such as 2026-03-01T08:15:00Z, "
            "found 'yesterday'",
        },
        {"index": 2, "status": "new", "id": second},
        {"index": 3, "status": "died_again", "id": first},
        {"index": 4, "status": "known", "id": first},
    ]


def test_the_same_request_again_changes_nothing():
    taker = FakeTaker()
    app = an_app(taker)
    first, again = post(app, PATH, GOOD, JSON), post(app, PATH, GOOD, JSON)

    assert counts(first) == (200, 1, 0, 0, 0)
    assert counts(again) == (200, 0, 0, 1, 0)
    assert first.json["items"][0]["id"] == again.json["items"][0]["id"]


def test_many_letters_are_written_in_parts():
    taker = FakeTaker()
    lines = b"\n".join(encoded(a_document(message_id=f"m-{n}")) for n in range(AT_ONCE + 1))

    assert counts(send(lines, LINES, taker)) == (200, AT_ONCE + 1, 0, 0, 0)
    assert taker.calls == 2


def test_nobody_is_told_yes_while_the_store_is_away():
    taker = FakeTaker()
    taker.is_down = True

    reply = send(b"[" + GOOD + b"," + BAD + b"]", taker=taker)

    assert (reply.status, reply.headers["retry-after"]) == (503, "5")


def test_nor_while_what_is_at_fault_cannot_be_kept():
    ingest = FakeIngest()
    ingest.is_unavailable = True

    assert send(BAD, ingest=ingest).status == 503


def test_too_many_requests_at_once_are_told_to_come_again(monkeypatch):
    monkeypatch.setattr(http, "MOST_WAITING", 0)
    taker = FakeTaker()

    reply = send(GOOD, taker=taker)

    assert (reply.status, reply.headers["retry-after"]) == (429, "1")
    assert not taker.letters


def test_whoever_may_not_post_facts_may_not_post_letters():
    def refuse(headers):
        raise Unauthorized("send an ingest token")

    taker = FakeTaker()
    assert post(an_app(taker, authorize=refuse), PATH, GOOD, JSON).status == 401
    assert not taker.letters


def test_lists_of_letters_at_the_same_address_are_the_fallbacks():
    async def screens(scope, receive, send):
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    assert request(an_app(fallback=screens), "GET", PATH).status == 204
    assert request(an_app(), "GET", PATH).status == 405


def test_what_is_at_fault_is_kept_and_can_be_put_right():
    taker, ingest = FakeTaker(), FakeIngest()
    send(b"[" + BAD + b"]", taker=taker, ingest=ingest)
    (held,) = ingest.quarantined
    decode = held_decoder(taker, {})

    with pytest.raises(BadPayload, match="failed_at"):
        decode(held.payload, held.content_type, {}, NOW)
    corrected = json.dumps({**json.loads(held.payload), "failed_at": "2025-12-31T23:00:00Z"}).encode()
    receipt = decode(corrected, held.content_type, {}, NOW).store()

    assert (held.edge, held.reason) == (EDGE, "bad_time")
    assert (receipt.events_stored, receipt.events_duplicate) == (1, 0)
    assert len(taker.letters) == 1


def test_a_request_without_documents_is_kept_whole():
    taker, ingest = FakeTaker(), FakeIngest()
    send(b"[" + GOOD + b",{]", taker=taker, ingest=ingest)
    (held,) = ingest.quarantined

    receipt = held_decoder(taker, {})(held.payload.replace(b",{]", b"]"), held.content_type, {}, NOW).store()

    assert (held.payload[:1], held.content_type) == (b"[", JSON)
    assert receipt.events_stored == 1
