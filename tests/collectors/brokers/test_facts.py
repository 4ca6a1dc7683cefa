"""From messages to facts: CloudEvents in each binding, mappings, OTLP, and what cannot be understood."""

import json

import pytest

from collectors.brokers.facts import FactTaker, event_reader, keep_samples, mapping_reader, otlp_reader
from collectors.http import Limits
from collectors.mapping.catalogue import load_built_in
from collectors.otlp.export import TRACES
from controltower.domain.errors import Overloaded, StoreUnavailable
from controltower.domain.facts import QueueSample
from controltower.domain.identifiers import Identifier
from controltower.domain.messages import Message, Received
from tests.collectors.estate import NOW_US, an_exporter
from tests.fakes import FakeIngest

LIMITS = Limits()
EVENT = {
    "specversion": "1.0", "id": "e-1", "source": "/shop", "type": "order.captured",
    "correlationid": "c-1001", "data": {"order": "50 % off"},
}  # fmt: skip
STRUCTURED = json.dumps(EVENT).encode()
BINARY = {name: str(EVENT[name]) for name in ("specversion", "id", "source", "type", "correlationid")}


def take(*messages: Message, read=None, ingest: FakeIngest | None = None) -> FakeIngest:
    ingest = ingest or FakeIngest()
    reader = read or event_reader(LIMITS, is_encoded=False)
    taker = FactTaker(reader, ingest, lambda: NOW_US, LIMITS)
    taker([Received(message, "in", str(number)) for number, message in enumerate(messages)])
    return ingest


def structured(**more: str) -> Message:
    return Message(STRUCTURED, content_type=more.get("content_type", "application/cloudevents+json"))


JSON_TYPES = ["application/cloudevents+json; charset=utf-8", "application/json", "", "text/plain"]


@pytest.mark.parametrize("content_type", JSON_TYPES)
def test_an_event_in_structured_mode_is_read(content_type: str):
    (event,) = take(structured(content_type=content_type)).events
    assert (event.id, event.type) == ("e-1", "order.captured")
    assert Identifier("correlation", "c-1001") in event.identifiers


@pytest.mark.parametrize("prefix", ["ce-", "ce_", "cloudEvents:", "cloudEvents_", "CE-"])
def test_an_event_in_binary_mode_is_the_same_event(prefix: str):
    headers = tuple((prefix + name, value) for name, value in BINARY.items())
    binary = Message(json.dumps(EVENT["data"]).encode(), headers, "application/json")
    assert take(binary).events[0].digest == take(structured()).events[0].digest


def test_only_the_binding_for_nats_encodes_values_of_headers():
    headers = tuple(("ce-" + name, value) for name, value in {**BINARY, "subject": "50%25 \"off\""}.items())
    message = Message(b"{}", headers, "application/json")
    plain = json.loads(take(message).events[0].payload)
    encoded = json.loads(take(message, read=event_reader(LIMITS, is_encoded=True)).events[0].payload)
    assert (plain["subject"], encoded["subject"]) == ('50%25 "off"', '50% "off"')


def test_a_batch_and_lines_are_many_events():
    other = STRUCTURED.replace(b"e-1", b"e-2")
    array = b"[" + STRUCTURED + b"," + other + b"]"
    batch = Message(array, content_type="application/cloudevents-batch+json")
    lines = Message(STRUCTURED + b"\n\n" + other + b"\n", content_type="application/x-ndjson")
    assert [event.id for event in take(batch).events] == ["e-1", "e-2"]
    assert [event.id for event in take(lines).events] == ["e-1", "e-2"]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"not JSON", "bad_json"),
        (b"{}", "missing_attribute"),
        (b"\xff", "bad_json"),
        (b" " * 2_000_000, "too_large"),
    ],
)
def test_what_is_no_event_is_kept_in_quarantine_and_costs_the_others_nothing(body: bytes, reason: str):
    ingest = take(Message(body), structured())
    assert [event.id for event in ingest.events] == ["e-1"]
    assert [(item.edge, item.reason) for item in ingest.quarantined] == [("events", reason)]


def test_what_is_quarantined_in_binary_mode_keeps_its_headers():
    (item,) = take(Message(b"{}", (("ce_id", "e-1"), ("ce_type", "t"), ("secret", "s")))).quarantined
    assert json.loads(item.headers) == {"ce-id": "e-1", "ce-type": "t"}


def test_a_mapping_reads_payload_and_headers():
    order = {"id": 4711, "name": "#1001", "created_at": "2026-11-21T10:00:00Z", "total_price": "129.90",
             "currency": "EUR"}  # fmt: skip
    headers = (("X-Shopify-Topic", "orders/create"), ("X-Shopify-Shop-Domain", "eu.example"))
    read = mapping_reader(load_built_in("shopify"), LIMITS)
    ingest = take(Message(json.dumps(order).encode(), headers, "application/json"), read=read)
    assert ingest.events[0].type == "order.captured"
    assert ingest.quarantined == []


def test_what_a_mapping_cannot_tell_is_kept_in_quarantine():
    read = mapping_reader(load_built_in("shopify"), LIMITS)
    (item,) = take(Message(b"not JSON"), read=read).quarantined
    assert (item.edge, item.payload) == ("hooks", b"not JSON")


def test_otlp_is_taken_in_protobuf_and_in_json():
    span = {"traceId": "5b8efff798038103d269b633813fc60c", "spanId": "eee19b7ec3c1b174", "name": "post"}
    document = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).encode()
    ingest = FakeIngest()
    read = otlp_reader(an_exporter(ingest), TRACES)
    take(Message(document), read=read, ingest=ingest)
    request = TRACES.request()
    request.ParseFromString(ingest.segments[0].part)
    take(Message(request.SerializeToString()), read=read, ingest=ingest)
    assert len({segment.trace_id for segment in ingest.segments}) == 1
    assert len(ingest.segments) == 2


def test_what_is_no_otlp_is_kept_in_quarantine():
    ingest = FakeIngest()
    take(Message(b"\xff\xff"), read=otlp_reader(an_exporter(ingest), TRACES), ingest=ingest)
    assert [item.edge for item in ingest.quarantined] == ["otlp-traces"]


def test_a_message_that_is_taken_twice_is_one_event():
    ingest = FakeIngest()
    take(structured(), ingest=ingest)
    take(structured(), ingest=ingest)
    assert len({event.digest for event in ingest.events}) == 1


def test_while_the_store_does_not_take_them_nothing_is_said_to_be_taken():
    ingest = FakeIngest()
    ingest.overloads = 1
    with pytest.raises(Overloaded):
        take(structured(), ingest=ingest)
    ingest.is_unavailable = True
    with pytest.raises(StoreUnavailable):
        take(structured(), ingest=ingest)
    with pytest.raises(StoreUnavailable):
        keep_samples(ingest, [QueueSample("orders", "in", "", 0, "ready", 1.0)])
