"""What a message is, whoever wrote it: a CloudEvent, plain JSON, a framework's work, or nothing known."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.dead_letters.reading import NOTHING, Said, read_letter
from collectors.mapping.catalogue import load_built_in
from controltower.domain.identifiers import Identifier
from controltower.domain.messages import Death, Message, Received
from tests.collectors.dead_letters.letters import NOW_US

ORDER = Identifier("order", "1001")
EVENT = {
    "specversion": "1.0",
    "id": "e-1",
    "source": "/shop",
    "type": "com.acme.order.posted",
    "time": "2025-12-31T22:00:00Z",
    "correlationid": "c-1001",
    "data": {"identifiers": {"order": "1001"}, "total": {"amount": 12.50, "currency": "EUR"}},
}
SHOPIFY = load_built_in("shopify")


def letter_of(body=b"", said=NOTHING, mapping=None, *, headers=(), content_type="", **received):
    message = Message(body, tuple(headers), content_type, "m-1")
    return read_letter("bus", Received(message, "q.dead", "p-1", **received), said, mapping, now_us=NOW_US)


@pytest.mark.parametrize("content_type", ["application/cloudevents+json", "application/json", ""])
def test_a_cloudevent_says_what_it_is(content_type):
    letter = letter_of(json.dumps(EVENT).encode(), content_type=content_type)

    assert letter.type == "com.acme.order.posted"
    assert letter.identifiers == (Identifier("correlation", "c-1001"), ORDER)
    assert (letter.amount, letter.currency) == ("12.5", "EUR")
    assert letter.occurred_us == NOW_US - 2 * 3_600_000_000


@pytest.mark.parametrize("prefix", ["ce-", "ce_", "cloudEvents:", "cloudEvents_"])
def test_so_does_one_in_binary_mode(prefix):
    attributes = {name: str(value) for name, value in EVENT.items() if name != "data"}
    headers = [(prefix + name, value) for name, value in attributes.items()]

    letter = letter_of(json.dumps(EVENT["data"]).encode(), headers=headers)

    assert letter.type == "com.acme.order.posted"
    assert ORDER in letter.identifiers


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("type", "order.posted", "order.posted"),
        ("X-Event-Type", "order.posted", "order.posted"),
        ("ce_type", "order.posted", "order.posted"),
        ("NServiceBus.EnclosedMessageTypes", "Shop.PlaceOrder, Shop, Version=1.0.0.0;Shop.ICommand, Shop",
         "Shop.PlaceOrder"),
        ("MT-Fault-MessageType", "urn:message:Shop:PlaceOrder", "Shop.PlaceOrder"),
        ("task", "shop.tasks.post_order", "shop.tasks.post_order"),
        ("x-shopify-topic", "orders/create", "orders/create"),
        ("amqp-type", "order.posted", "order.posted"),
    ],
)  # fmt: skip
def test_headers_say_what_plain_json_is(name, value, expected):
    letter = letter_of(b'{"identifiers": {"order": "1001"}}', headers=[(name, value)])

    assert letter.type == expected
    assert letter.identifiers == (ORDER,)


@pytest.mark.parametrize(
    "name",
    ["correlationid", "Correlation-Id", "X-Correlation-ID", "NServiceBus.CorrelationId",
     "amqp-correlation-id", "ce_correlationid"],
)  # fmt: skip
def test_the_correlation_id_is_found_under_its_usual_names(name):
    letter = letter_of(headers=[(name, "c-1001")])

    assert (letter.correlation, letter.identifiers) == ("c-1001", (Identifier("correlation", "c-1001"),))


def test_a_trace_is_found():
    trace = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
    assert letter_of(headers=[("TraceParent", trace)]).trace_id.hex() == "a" * 32


def test_a_framework_says_what_went_wrong():
    letter = letter_of(
        headers=[
            ("NServiceBus.ExceptionInfo.ExceptionType", "Shop.SkuMissing"),
            ("NServiceBus.ExceptionInfo.Message", "No ERP item"),
            ("NServiceBus.ExceptionInfo.StackTrace", "   at Shop.Posting.Post(Order o) in C:\\p.cs:line 7"),
            ("NServiceBus.FailedQ", "erp.post@host"),
            ("NServiceBus.TimeOfFailure", "2025-12-31 22:00:00:000000 Z"),
        ],
        said=Said(origin_connection="bus"),
    )

    assert (letter.error_class, letter.error_message) == ("Shop.SkuMissing", "No ERP item")
    assert letter.error_frame == "Shop.Posting.Post"
    assert (letter.origin_connection, letter.origin_place) == ("bus", "erp.post")
    assert letter.failed_us == NOW_US - 2 * 3_600_000_000


def test_the_words_of_its_broker_count_before_those_of_its_headers():
    letter = letter_of(
        headers=[("x-error-class", "Old"), ("x-error-message", "old")],
        error_class="New",
        error_message="new",
        origin="orders",
        said=Said(origin_connection="bus"),
    )

    assert (letter.error_class, letter.error_message, letter.origin_place) == ("New", "new", "orders")


def test_where_nobody_says_more_its_broker_says_why_it_was_given_up():
    letter = letter_of(deaths=(Death("orders", "delivery_limit", 5, NOW_US - 7),))

    assert (letter.error_code, letter.error_message) == ("delivery_limit", "delivery_limit in orders")
    assert letter.failed_us == NOW_US - 7


def test_what_is_said_beside_a_message_counts_first():
    said = Said(type="order.posted", system="erp", origin_connection="erp", origin_place="in")

    letter = letter_of(json.dumps(EVENT).encode(), said, origin="elsewhere")

    assert (letter.type, letter.system) == ("order.posted", "erp")
    assert (letter.origin_connection, letter.origin_place) == ("erp", "in")
    assert ORDER in letter.identifiers


def test_a_message_without_an_origin_names_no_connection_to_send_it_back_by():
    assert letter_of(said=Said(origin_connection="bus")).origin_connection == ""


def test_a_mapping_that_understands_nothing_leaves_what_can_be_read_without_it():
    assert letter_of(b'{"identifiers": {"order": "1001"}}', mapping=SHOPIFY).identifiers == (ORDER,)


def test_a_message_of_which_nothing_is_known_is_a_letter():
    letter = letter_of(bytes(range(256)))

    assert letter.message.body == bytes(range(256))
    assert (letter.type, letter.system, letter.identifiers, letter.error_message) == ("", "", (), "")
    assert letter.failed_us == NOW_US


anything = st.one_of(
    st.binary(max_size=300),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda inner: st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["specversion", "type", "id", "source", "time", "data", "identifiers", "total",
                             "error", "customer", "error_class", "jid", "queue", "failed_at"]) | st.text(),
            inner, max_size=6),
        max_leaves=20,
    ).map(lambda value: json.dumps(value).encode()),
)  # fmt: skip
names = st.text(max_size=20) | st.sampled_from(
    ["ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time", "ce_data", "ce-data_base64", "traceparent",
     "x-event-type", "correlationid", "x-error-message", "x-error-stacktrace", "NServiceBus.TimeOfFailure",
     "x-shopify-topic", "x-replay-of", "type"]
)  # fmt: skip
texts = st.text(max_size=60) | st.sampled_from(["1.0", "2026-01-01T00:00:00Z", "1e308", "-1", "\0", "nan"])
received = st.builds(
    Received,
    message=st.builds(
        Message,
        body=anything,
        headers=st.lists(st.tuples(names, texts), max_size=8).map(tuple),
        content_type=st.sampled_from(["", "application/json", "application/cloudevents+json", "text/xml"])
        | st.text(max_size=20),
        message_id=texts,
        key=texts,
    ),
    place=texts,
    position=texts,
    origin=texts,
    deaths=st.lists(st.builds(Death, texts, texts, st.integers(), st.integers()), max_size=3).map(tuple),
    sent_us=st.integers(),
    error_class=texts,
    error_message=texts,
    error_place=texts,
)


@given(one=received, is_mapped=st.booleans())
def test_whatever_comes_is_read_and_read_the_same_again(one, is_mapped):
    mapping = SHOPIFY if is_mapped else None

    letter = read_letter("bus", one, NOTHING, mapping, now_us=NOW_US)

    assert letter == read_letter("bus", one, NOTHING, mapping, now_us=NOW_US)
    assert (letter.message.body, letter.message.headers) == (one.message.body, one.message.headers)
    assert 0 < letter.failed_us < 2**63 and 0 < letter.occurred_us < 2**63
    plain = [value for value in letter if isinstance(value, str)]
    assert not any("\0" in value or len(value) > 2048 for value in plain)
    assert len(letter.identifiers) <= 256
