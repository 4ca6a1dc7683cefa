"""POST /api/v1/events: every form of CloudEvents, and what its sender is told."""

import gzip
import json
from datetime import UTC, datetime

import pytest

from collectors.events.quarantining import decode_held
from collectors.http import Limits
from controltower.domain.errors import BadPayload
from tests.collectors.asgi import post
from tests.collectors.estate import BATCH, EVENTS, LINES, STRUCTURED, an_app, an_event, as_json
from tests.fakes import FakeIngest

GOOD = as_json(an_event())
NO_ID = as_json(an_event(id=None))
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def send(body, content_type=STRUCTURED, *, ingest=None, limits=None, **headers):
    return post(an_app(ingest or FakeIngest(), limits), EVENTS, body, content_type, **headers)


def counts(reply):
    return reply.status, reply.json["stored"], reply.json["duplicate"], reply.json["quarantined"]


BINARY = {"ce_specversion": "1.0", "ce_id": "b-1", "ce_source": "/erp", "ce_type": "order.posted"}


@pytest.mark.parametrize(
    ("content_type", "body", "expected"),
    [
        (STRUCTURED, GOOD, (200, 1, 0, 0)),
        ("application/cloudevents+json; charset=UTF-8", GOOD, (200, 1, 0, 0)),
        ("Application/CloudEvents+JSON;charset=\"utf-8\"", GOOD, (200, 1, 0, 0)),
        (BATCH, b"[" + GOOD + b"]", (200, 1, 0, 0)),
        (BATCH, b"[]", (200, 0, 0, 0)),
        (BATCH, b"[" + GOOD + b"," + GOOD + b"]", (200, 1, 1, 0)),
        (BATCH, b"[" + GOOD + b"," + NO_ID + b"]", (200, 1, 0, 1)),
        (BATCH, b"[" + NO_ID + b"]", (400, 0, 0, 1)),
        (BATCH, b"[{]", (400, 0, 0, 1)),
        (BATCH, GOOD, (400, 0, 0, 1)),
        ("application/json", GOOD, (200, 1, 0, 0)),
        ("application/json", b" [" + GOOD + b"]", (200, 1, 0, 0)),
        ("application/json", b'{"order": 1}', (400, 0, 0, 1)),
        ("application/json", b"{", (400, 0, 0, 1)),
        (STRUCTURED, NO_ID, (400, 0, 0, 1)),
        (STRUCTURED, as_json(an_event(specversion="0.3")), (400, 0, 0, 1)),
        (LINES, GOOD + b"\n", (200, 1, 0, 0)),
        ("application/jsonl", GOOD + b"\n" + GOOD, (200, 1, 1, 0)),
        ("application/cloudevents+x-ndjson", b"", (200, 0, 0, 0)),
        (LINES, b"nonsense\n", (400, 0, 0, 1)),
    ],
)  # fmt: skip
def test_a_body_is_answered_with_what_became_of_it(content_type, body, expected):
    assert counts(send(body, content_type)) == expected


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("text/plain", GOOD, 415),
        ("application/x-www-form-urlencoded", GOOD, 415),
        ("multipart/form-data; boundary=x", GOOD, 415),
        ("application/cloudevents+xml", b"<event/>", 415),
        ("application/json; charset=iso-8859-1", GOOD, 415),
        ("", GOOD, 415),
        (STRUCTURED, b"", 400),
        (STRUCTURED, b" " * 2000 + GOOD, 413),
    ],
)
def test_a_request_that_is_refused_keeps_nothing(content_type, body, status):
    ingest = FakeIngest()

    reply = send(body, content_type, ingest=ingest, limits=Limits(event=2000))

    assert reply.status == status
    assert set(reply.json) == {"reason", "message"}
    assert not ingest.batches


def test_binary_mode_keeps_attributes_and_data():
    ingest = FakeIngest()

    reply = send(b'{"identifiers":{"order":1.50}}', "application/json", ingest=ingest, **BINARY)

    assert counts(reply) == (200, 1, 0, 0)
    kept = json.loads(ingest.events[0].payload)
    assert (kept["id"], kept["datacontenttype"]) == ("b-1", "application/json")
    assert b'"data":{"identifiers":{"order":1.50}}' in ingest.events[0].payload


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("text/plain", b"hello", 200),
        ("", b'{"a":1}', 200),
        ("", b"", 200),
        ("application/octet-stream", b"\xff\x00", 200),
        ("text/plain", b"\xff", 400),
        ("application/json", b"not json", 400),
    ],
)
def test_binary_mode_takes_data_of_any_type_that_are_what_they_say(content_type, body, status):
    assert send(body, content_type, **BINARY).status == status


def test_an_event_that_comes_again_in_another_form_is_a_duplicate():
    ingest = FakeIngest()
    event = {name.removeprefix("ce_"): value for name, value in BINARY.items()}

    send(b'{"a": 1}', "application/json", ingest=ingest, **BINARY)
    again = send(as_json([event | {"data": {"a": 1}}]), BATCH, ingest=ingest)

    assert counts(again) == (200, 0, 1, 0)
    assert again.json["items"] == [{"index": 0, "status": "duplicate"}]


def test_the_items_of_a_reply_say_which_and_why():
    body = as_json([an_event(), an_event(id=None), an_event(), an_event(time="noon")])

    items = send(body, BATCH).json["items"]

    assert [(item["index"], item["status"], item.get("reason")) for item in items] == [
        (1, "quarantined", "missing_attribute"),
        (2, "duplicate", None),
        (3, "quarantined", "bad_time"),
    ]
    assert items[0]["message"] == "id: is required"


def test_an_item_of_a_batch_keeps_its_own_bytes():
    ingest = FakeIngest()
    good, bad = b'{ "specversion":"1.0","id":"1","source":"s","type":"t", "n":1.0 }', b'{ "id" : 7 }'

    send(b"[ " + good + b" , " + bad + b" ]", BATCH, ingest=ingest)

    assert ingest.events[0].payload == good
    assert ingest.quarantined[0].payload == bad


def test_what_cannot_be_parsed_is_kept_whole_with_its_reason():
    ingest = FakeIngest()

    reply = send(b'[{"id": "1"}, oops]', BATCH, ingest=ingest)

    held = ingest.quarantined[0]
    assert (held.edge, held.reason, held.payload) == ("events", "bad_json", b'[{"id": "1"}, oops]')
    assert "index" not in reply.json["items"][0]


def test_a_batch_with_an_item_past_the_limit_keeps_the_others():
    ingest = FakeIngest()
    body = as_json([an_event(), an_event(id="big", data="x" * 5000)])

    reply = send(body, BATCH, ingest=ingest, limits=Limits(event=2000))

    assert counts(reply) == (200, 1, 0, 1)
    assert (reply.json["items"][0]["reason"], len(ingest.quarantined[0].payload)) == ("too_large", 2000)


def test_a_large_batch_is_read_off_the_event_loop_with_the_same_result():
    body = as_json([an_event(id=str(i)) for i in range(50)])

    assert counts(send(body, BATCH, limits=Limits(in_thread=100))) == (200, 50, 0, 0)


def test_a_store_that_is_away_is_a_503_and_overload_a_429():
    away, busy = FakeIngest(), FakeIngest()
    away.is_unavailable = True
    busy.overloads = -1

    refused = send(GOOD, ingest=busy)

    assert send(GOOD, ingest=away).status == 503
    assert (refused.status, refused.headers["retry-after"]) == (429, "2")


def test_a_stream_of_any_length_is_committed_in_parts():
    ingest = FakeIngest()
    chunks = (as_json(an_event(id=str(i))) + b"\n" for i in range(1050))

    reply = send(chunks, LINES, ingest=ingest, limits=Limits(body=1000))

    assert counts(reply) == (200, 1050, 0, 0)
    assert [len(batch.events) for batch in ingest.batches] == [500, 500, 50]


def test_a_compressed_stream_is_read_as_it_comes():
    body = gzip.compress(b"\n".join(as_json(an_event(id=str(i))) for i in range(700)))
    chunks = [body[i : i + 100] for i in range(0, len(body), 100)]

    assert counts(send(chunks, LINES, content_encoding="gzip")) == (200, 700, 0, 0)


def test_lines_may_end_in_any_way_and_be_empty():
    body = b"\xef\xbb\xbf" + GOOD + b"\r\n\r\n\n  \n" + as_json(an_event(id="2"))

    assert counts(send(body, LINES)) == (200, 2, 0, 0)


def test_chunks_may_cut_a_stream_anywhere():
    body = GOOD + b"\n" + NO_ID + b"\n" + as_json(an_event(id="2"))
    expected = send(body, LINES).json

    for size in (1, 7, 64):
        chunks = [body[i : i + size] for i in range(0, len(body), size)]
        assert send(chunks, LINES).json == expected


def test_a_line_past_the_limit_is_cut_and_the_stream_goes_on():
    ingest = FakeIngest()
    long_line = as_json(an_event(data="x" * 9000))
    body = b"\n".join([GOOD, long_line, as_json(an_event(id="2"))])
    chunks = [body[i : i + 300] for i in range(0, len(body), 300)]

    reply = send(chunks, LINES, ingest=ingest, limits=Limits(event=2000))

    assert counts(reply) == (200, 2, 0, 1)
    assert reply.json["items"][0]["index"] == 1
    assert ingest.quarantined[0].payload == long_line[:2000]


def test_a_reply_to_a_stream_lists_a_thousand_items_at_most():
    reply = send(b"x\n" * 2500 + GOOD, LINES)

    assert counts(reply) == (200, 1, 0, 2500)
    assert (len(reply.json["items"]), reply.json["items_truncated"]) == (1000, True)


def test_a_stream_waits_when_the_way_in_is_full():
    ingest = FakeIngest()
    ingest.overloads = 3

    assert counts(send(GOOD, LINES, ingest=ingest)) == (200, 1, 0, 0)


def test_a_stream_that_the_store_cannot_take_is_a_503():
    ingest = FakeIngest()
    ingest.is_unavailable = True

    assert send((GOOD + b"\n" for _ in range(3000)), LINES, ingest=ingest).status == 503


def test_quarantined_bytes_can_be_submitted_again():
    ingest = FakeIngest()
    send(b"broken", "application/json", ingest=ingest, **BINARY)
    held = ingest.quarantined[0]
    headers = json.loads(held.headers)

    with pytest.raises(BadPayload, match="declared as application/json"):
        decode_held(held.payload, held.content_type, headers, NOW)
    put_right = decode_held(b'{"a": 1}', held.content_type, headers, NOW)

    assert [(event.id, event.occurred_us) for event in put_right.events] == [("b-1", 1_767_225_600_000_000)]
