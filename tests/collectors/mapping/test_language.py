"""One language says what a decoded document becomes; a mistake in a file is named with its line and key."""

import json
import re
from typing import Any

import pytest

from collectors.mapping.errors import BadDocument, BadMapping
from collectors.mapping.language import parse_mapping
from collectors.mapping.payloads import map_payload

FILE = r"""
name = "shop"
title = "The shop"
source = "shop/{_headers.\"x-shop\"}"
system = "shop"
zone = "Europe/Berlin"
topic = "{_headers.\"x-topic\"}"
ignore = ["heartbeat"]

[tables.channel]
web = "online"
"*" = "other"

[data]
channel = "{lookup('channel', source)}"
[data.identifiers]
order = "{id}"

[[events]]
topics = ["created"]
when = "cancelled_at == `null`"
type = "order.captured"
id = "{id}:captured"
time = "{created_at}"
data = { total = { amount = "{total}", currency = "EUR" }, count = 3, note = "{note}" }

[[events]]
topics = ["created", "shipped"]
each = "parcels"
type = "shipment.{state}"
id = "{_doc.id}:{id}"
time = ["{packed_at}", "{shipped_at}"]
data = { lines = "{lines[].{id: id, sku: sku}}", identifiers = { package = "{id}" } }

[[events]]
topics = ["deleted"]
type = "order.deleted"
id = "{id}:deleted"
"""

ORDER: dict[str, Any] = {
    "id": 9007199254740993123,
    "source": "web",
    "created_at": "2026-05-01T09:30:00",
    "parcels": [
        {
            "id": "007",
            "state": "packed",
            "packed_at": "2026-05-01T10:00:00",
            "lines": [{"id": 1, "sku": "A"}],
        },
        {
            "id": "008",
            "state": "shipped",
            "packed_at": "2026-05-01T10:00:00",
            "shipped_at": "2026-05-02T08:00:00Z",
        },
    ],
}


def mapped(document, topic="created", text=FILE):
    payload = document if isinstance(document, bytes) else json.dumps(document).encode()
    mapping = parse_mapping(text, "shop.toml")
    return map_payload(mapping, payload, {"x-shop": "acme", "x-topic": topic}, received_us=7)


def told(document, topic="created", text=FILE):
    """The events as they are kept."""
    outcome = mapped(document, topic, text)
    outcome.say_first_fault()
    return [json.loads(event.payload) for event in outcome.events]


def test_rules_for_the_topic_tell_their_events():
    captured, packed, shipped = told(ORDER)
    assert (captured["type"], captured["id"], captured["source"]) == (
        "order.captured",
        "9007199254740993123:captured",
        "shop/acme",
    )
    assert captured["time"] == "2026-05-01T09:30:00+02:00"
    assert (packed["type"], shipped["type"]) == ("shipment.packed", "shipment.shipped")


def test_ids_keep_every_digit_and_amounts_their_zeros():
    (captured,) = told(b'{"id": 9007199254740993123, "created_at": "2026-05-01", "total": 129.90}')
    assert captured["data"]["identifiers"] == {"order": 9007199254740993123}
    assert captured["data"]["total"]["amount"] == "129.90"
    (event,) = mapped(b'{"id": 123456789012345678901234567890, "created_at": "2026-05-01"}').events
    assert event.identifiers[0].value == "123456789012345678901234567890"


def test_an_element_wins_in_its_own_event_while_the_shared_data_are_of_the_whole_document():
    _, packed, _ = told(ORDER)
    assert packed["id"] == "9007199254740993123:007"
    assert packed["data"]["identifiers"] == {"order": 9007199254740993123, "package": "007"}
    assert packed["data"]["lines"] == [{"id": 1, "sku": "A"}]


def test_the_latest_of_several_times_counts():
    assert told(ORDER)[2]["time"] == "2026-05-02T08:00:00+00:00"


def test_what_is_empty_is_left_out_and_what_is_zero_or_false_is_not():
    (captured,) = told({"id": 0, "created_at": "2026-05-01", "note": False})
    assert captured["id"] == "0:captured"
    assert captured["data"] == {
        "system": "shop",
        "identifiers": {"order": 0},
        "total": {"currency": "EUR"},
        "count": 3,
        "note": False,
    }


def test_what_told_an_event_is_kept_beside_what_it_says():
    captured, packed, _ = told(ORDER)
    assert captured["original"] == ORDER
    assert packed["original"] == ORDER["parcels"][0]
    assert "original" not in captured["data"]


def test_a_fact_told_by_two_documents_is_one_fact():
    first = mapped({**ORDER, "parcels": []}).events[0]
    again = mapped({**ORDER, "parcels": [], "unrelated": 1}).events[0]
    assert first.digest == again.digest
    assert first.payload != again.payload


def test_an_event_without_any_time_in_its_rule_happened_when_it_was_received():
    (event,) = mapped({"id": 1}, "deleted").events
    assert event.occurred_us == 7


def test_a_topic_that_no_rule_names_is_stored_as_unmapped_and_counted():
    outcome = mapped(ORDER, "refunded")
    (event,) = outcome.events
    assert (event.type, event.source) == ("unmapped", "shop/acme")
    assert json.loads(event.payload)["data"] == {"mapping": "shop", "topic": "refunded", "system": "shop"}
    assert json.loads(event.payload)["original"] == ORDER
    assert outcome.unmapped == {("shop/acme", "refunded"): 1}
    assert mapped(ORDER, "refunded").events[0].id == event.id


def test_a_known_topic_whose_conditions_do_not_hold_tells_nothing():
    outcome = mapped({"id": 1, "cancelled_at": "2026-05-01", "created_at": "2026-05-01"})
    assert (outcome.events, outcome.faults, outcome.silent) == ([], [], 1)


def test_an_ignored_topic_tells_nothing():
    assert mapped(ORDER, "heartbeat").silent == 1


@pytest.mark.parametrize(
    ("document", "reason", "complaint"),
    [
        ({"id": 1}, "no_event", "order.captured"),
        ({"id": 1, "created_at": "yesterday"}, "bad_time", "expected a time as ISO 8601, found 'yesterday'"),
        ({"created_at": "2026-05-01"}, "no_id", "order.captured"),
        ({"id": [1], "created_at": "2026-05-01"}, "not_a_text", "id: expected a text, found a list"),
        ({"id": 1, "created_at": "2526-05-01"}, "bad_time", "between 1970 and 2200"),
        ({"id": "x" * 2000, "created_at": "2026-05-01"}, "too_long", "id"),
    ],
)
def test_a_document_that_cannot_be_told_says_why(document, reason, complaint):
    (fault,) = mapped(document).faults
    assert fault.reason == reason
    assert complaint in fault.message


def test_a_fault_costs_only_its_document():
    text = FILE.replace("zone =", 'documents = "_doc"\nzone =')
    good, bad = {"id": 1, "created_at": "2026-05-01"}, {"id": 2, "created_at": "?"}
    outcome = mapped(json.dumps([good, bad, {**good, "id": 3}]).encode(), text=text)
    assert [event.id for event in outcome.events] == ["1:captured", "3:captured"]
    assert [fault.reason for fault in outcome.faults] == ["bad_time"]


def test_documents_may_be_made_of_what_the_payload_says():
    text = FILE.replace("zone =", 'documents = "[{id: meta.id, created_at: meta.at}]"\nzone =')
    (captured,) = told({"meta": {"id": 5, "at": "2026-05-01"}, "rest": True}, text=text)
    assert captured["id"] == "5:captured"
    assert captured["original"] == {"meta": {"id": 5, "at": "2026-05-01"}, "rest": True}


def test_a_payload_without_any_document_is_refused():
    text = FILE.replace("zone =", 'documents = "items"\nzone =')
    with pytest.raises(BadDocument, match="items finds nothing"):
        mapped({"id": 1}, text=text)


@pytest.mark.parametrize(
    ("form", "written", "time"),
    [
        ("unix", 1777629000, "2026-05-01T09:50:00+00:00"),
        ("unix_ms", 1777629000123, "2026-05-01T09:50:00.123000+00:00"),
        ("unix", "1777629000.5", "2026-05-01T09:50:00.500000+00:00"),
        ("dotnet", "/Date(1777629000000)/", "2026-05-01T09:50:00+00:00"),
        ("%d.%m.%Y %H:%M", "01.05.2026 11:50", "2026-05-01T11:50:00+02:00"),
        ("", "2026-05-01T09:50:00.123Z", "2026-05-01T09:50:00.123000+00:00"),
        ("", "2026-05-01T09:50:00+0000", "2026-05-01T09:50:00+00:00"),
    ],
)
def test_times_are_read_as_their_source_writes_them(form, written, time):
    text = FILE.replace("zone =", f'time_format = "{form}"\nzone =')
    assert told({"id": 1, "created_at": written}, text=text)[0]["time"] == time


@pytest.mark.parametrize(
    ("expression", "document", "value"),
    [
        ("lookup('channel', source)", {"source": "app"}, "other"),
        ("lookup('channel', missing)", {}, None),
        ("split(x, '-')", {"x": "a-b"}, ["a", "b"]),
        ("lower(x)", {"x": "AB"}, "ab"),
        ("upper(x)", {"x": "ab"}, "AB"),
        ("trim(x)", {"x": " a "}, "a"),
        ("after(x, '/')", {"x": "gid://shopify/Order/007"}, "007"),
        ("before(x, '.')", {"x": "#1001.1"}, "#1001"),
        ("digits(x)", {"x": "SO-007 8"}, "0078"),
        ("parse_time(x, 'unix')", {"x": 1777629000}, "2026-05-01T09:50:00+00:00"),
        ("text(x)", {"x": {"_text": "9", "unit": "EA"}}, "9"),
        ("list(x)", {"x": {"a": 1}}, [{"a": 1}]),
        ("unique([x, y, z])", {"x": "1", "y": 1, "z": None}, ["1"]),
        ("single(x)", {"x": ["1", "1"]}, "1"),
        ("single(x)", {"x": ["1", "2"]}, None),
        ("total(x)", {"x": ["0.10", "0.20", None]}, "0.30"),
        ("times(x, '-1')", {"x": "-10.10"}, "10.10"),
        ("minor(x, 'eur')", {"x": 12990}, "129.90"),
        ("minor(x, 'JPY')", {"x": 12990}, "12990"),
        ("minor(x, 'KWD')", {"x": 12990}, "12.990"),
        ("json(x).a", {"x": '{"a": 1.50}'}, "1.50"),
        ("base64(x)", {"x": "aGk="}, "hi"),
        ("first(x, y, 'z')", {"x": "", "y": None}, "z"),
        ("spread(x, 'b')", {"x": [{"a": 1, "b": [{"c": 2}, {"c": 3}]}]}, "spread"),
        ("!(a.b)", {"a": {"b": False}}, True),
    ],
)
def test_functions(expression, document, value):
    text = FILE.replace("{note}", "{" + expression + "}")
    (captured,) = told({"id": 1, "created_at": "2026-05-01", **document}, text=text)
    found = captured["data"].get("note")
    if value == "spread":
        assert [(item["a"], item["c"]) for item in found] == [(1, 2), (1, 3)]
    else:
        assert found == value


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("total(x)", "not_a_number"),
        ("json(x)", "bad_json"),
        ("base64(x)", "bad_base64"),
        ("parse_time(x, 'unix')", "bad_time"),
        ("length(missing)", "bad_expression"),
    ],
)
def test_a_function_that_cannot_take_a_value_names_the_expression(expression, reason):
    text = FILE.replace("{note}", "{" + expression + "}").replace("total(x)", "total([x])")
    (fault,) = mapped({"id": 1, "created_at": "2026-05-01", "x": "!"}, text=text).faults
    assert (fault.reason, expression.partition("(")[0] in fault.message) == (reason, True)


def test_braces_are_written_twice_and_may_stand_in_quotes():
    text = FILE.replace('note = "{note}"', "note = \"{{{join('}', ['a', id])}}}\"")
    (captured,) = told({"id": "1", "created_at": "2026-05-01"}, text=text)
    assert captured["data"]["note"] == "{a}1}"


@pytest.mark.parametrize(
    ("before", "after", "line", "complaint"),
    [
        ('name = "shop"', 'name = "Shop!"', 2, "name: expected up to 64 lower-case letters"),
        ('title = "The shop"', "", 1, "missing the key `title`"),
        ('title = "The shop"', "title = 3", 3, "title: expected `str`, got `int`"),
        ('system = "shop"', 'sistem = "shop"', 5, "sistem: there is no such key here"),
        ('zone = "Europe/Berlin"', 'zone = "Mars/Base"', 6, "zone: no time zone is named 'Mars/Base'"),
        ('system = "shop"', 'format = "yaml"', 5, "format: expected one of json, form"),
        ('order = "{id}"', "order = 1.5", 17, "data.identifiers.order: expected a text"),
        ("cancelled_at == `null`", "a..b", 21, "events[0].when: expected a JMESPath expression"),
        ("{id}:captured", "{id", 23, "events[0].id: '{id': expected '}'"),
        ("{id}:captured", "id}", 23, "events[0].id"),
        ('"{note}"', '"{shout(note)}"', 25, "events[0].data.note: there is no function shout()"),
        ('"{note}"', '"{split(note)}"', 25, "split() takes 2 arguments, found 1"),
        ("lookup('channel'", "lookup('chanel'", 15, "data.channel: lookup(): there is no table 'chanel'"),
        ('"{note}"', '"{!a.b}"', 25, "write !(a.b)"),
        ('each = "parcels"', "each = 1", 29, "events[1].each: expected `str`"),
        ('type = "order.deleted"', 'type = ""', 37, "events[2].type: expected a text that is not empty"),
        ('time = "{created_at}"', "time = []", 24, "events[0].time: expected a time"),
        ('system = "shop"', '[verify]\nscheme = "md5"', 6, "verify.scheme: expected one of shopify"),
        ('system = "shop"', '[verify]\nscheme = "hmac"', 5, "verify: missing the key `header`"),
        ("[[events]]", "[[events]", 19, "not valid TOML"),
    ],
)
def test_a_mistake_is_named_with_file_line_and_key(before, after, line, complaint):
    assert before in FILE
    text = FILE.replace(before, after, 1)
    if "[verify]" in after:  # the keys below belong to another table now
        text = text.replace('zone = "Europe/Berlin"\n', "").replace(
            'topic = "{_headers.\\"x-topic\\"}"\n', ""
        )
        text = re.sub(r"(ignore|topics) = .*\n", "", text)
    with pytest.raises(BadMapping) as caught:
        parse_mapping(text, "shop.toml")
    message = str(caught.value)
    assert complaint in message
    assert message.startswith("shop.toml: ")
    assert f"line {line}" in message


def test_topics_need_a_topic():
    with pytest.raises(BadMapping, match=r"line \d+: events\[0\].topics: the mapping has no topic"):
        parse_mapping(re.sub(r"\ntopic = .*", "", FILE), "shop.toml")


def test_which_headers_a_mapping_reads_is_known():
    assert parse_mapping(FILE, "shop.toml").headers == {"x-shop", "x-topic"}
