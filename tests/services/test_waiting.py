"""Journeys that wait in a queue, by their spans."""

from datetime import datetime, timedelta

from opentelemetry.proto.trace.v1.trace_pb2 import Span, TracesData

from controltower.domain.facts import SpanSegment
from controltower.services.waiting import MOST_LISTED, Waiting, find_waiting, read_handlings
from controltower.store.engine import Database
from tests.builders import NOW, a_segment, an_event, us
from tests.store.facts import store

QUEUE = "erp.post"
TRACE = b"t" * 16
MINUTE = timedelta(minutes=1)


def a_span(
    trace: bytes,
    order: str,
    *,
    span: bytes = b"producer",
    kind: int = Span.SpanKind.SPAN_KIND_PRODUCER,
    at: datetime = NOW - 5 * MINUTE,
    parent: bytes = b"",
    **attributes: str,
) -> SpanSegment:
    """A segment of one span that carries an order and is real OTLP."""
    message = TracesData()
    group = message.resource_spans.add()
    group.resource.attributes.add(key="service.name").value.string_value = "oms"
    one = group.scope_spans.add().spans.add(trace_id=trace, span_id=span, parent_span_id=parent, kind=kind)
    one.start_time_unix_nano = us(at) * 1000
    for key, value in attributes.items():
        one.attributes.add(key=key.replace("__", ".")).value.string_value = value
    plain = a_segment(trace, [("order", order)])
    return plain._replace(part=message.SerializeToString(), digest=(span + trace)[:16])


def put(trace: bytes = TRACE, order: str = "A", **more: object) -> SpanSegment:
    return a_span(trace, order, messaging__destination__name=QUEUE, **more)  # type: ignore[arg-type]


def took(trace: bytes, order: str = "A", **more: object) -> SpanSegment:
    kind = Span.SpanKind.SPAN_KIND_CONSUMER
    return a_span(trace, order, span=b"consumer", kind=kind, at=NOW - MINUTE, **more)  # type: ignore[arg-type]


def found(db: Database, queue: str = QUEUE) -> Waiting:
    return find_waiting(db, queue, NOW + MINUTE)


def test_a_journey_whose_message_nobody_took_waits_since_then(db: Database):
    store(db, an_event("order.captured", ("order", "A")), put())

    (one,) = found(db).journeys

    assert (one.row.title, one.service, one.trace_id) == ("A", "oms", TRACE)
    assert one.since_at == NOW - 5 * MINUTE
    assert found(db).is_whole
    assert found(db, "another").journeys == ()


def test_one_whose_message_was_taken_does_not(db: Database):
    store(db, an_event("order.captured", ("order", "A")), put(), took(TRACE, parent=b"producer"))

    assert found(db).journeys == ()


def test_a_consumer_in_another_trace_of_the_journey_is_seen(db: Database):
    store(db, an_event("order.captured", ("order", "A")), put())
    store(db, took(b"u" * 16, messaging__destination__name=QUEUE), at=NOW - 3 * timedelta(hours=1))

    assert found(db).journeys == ()


def test_a_journey_that_is_over_or_failed_waits_for_nothing(db: Database):
    failed = an_event("order.posted.failed", ("order", "A"), outcome="failed")
    store(db, an_event("order.captured", ("order", "A")), failed, put())

    assert found(db).journeys == ()


def test_older_attributes_and_routing_keys_name_the_queue_too(db: Database):
    names = {"messaging__destination": QUEUE}, {"messaging__rabbitmq__destination__routing_key": QUEUE}
    for number, name in enumerate(names):
        trace, order = bytes([number + 1]) * 16, f"A{number}"
        store(db, an_event("order.captured", ("order", order)), a_span(trace, order, **name))  # type: ignore[arg-type]

    assert {one.row.title for one in found(db).journeys} == {"A0", "A1"}


def test_those_that_wait_longest_come_first_and_more_are_told_of(db: Database):
    for number in range(MOST_LISTED + 3):
        trace, order, at = bytes([number + 1]) * 16, f"A{number}", NOW - (number + 2) * MINUTE
        store(db, an_event("order.captured", ("order", order)), put(trace, order, at=at))

    waiting = found(db)

    assert [one.row.title for one in waiting.journeys][:2] == ["A27", "A26"]
    assert (len(waiting.journeys), waiting.more) == (MOST_LISTED, True)


def test_bytes_that_are_no_spans_do_no_harm():
    assert list(read_handlings([b"\xff\xff"])) == []
