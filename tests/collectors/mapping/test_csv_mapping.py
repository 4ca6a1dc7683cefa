"""A mapping says in one file what the rows of a CSV mean; a mistake in it is named with its place."""

import pytest

from collectors.mapping.csv_mapping import (
    BadRow,
    find_built_in,
    list_built_in,
    load_csv_mapping,
    parse_csv_mapping,
)
from collectors.mapping.templates import BadMapping

ORDERS = """
name = "orders"
title = "Orders"
source = "legacy"
zone = "America/Sao_Paulo"
required = ["no"]

[data]
channel = "web"
identifiers = { order = "{no}", customer = "{buyer}" }

[[events]]
type = "order.captured"
id = "{no}:captured"
time = "bought"
data = { total = { amount = "{price}", currency = "BRL" }, identifiers = { sku = "{sku}" } }

[[events]]
type = "order.delivered"
id = "{no}:delivered"
time = ["delivered", "signed"]
when = ["signed_by"]
where = { state = ["done", "closed"] }
"""

ROW = {
    "no": "17",
    "buyer": "b-4",
    "price": "129.90",
    "sku": "LMP",
    "bought": "2018-07-29 13:54:51",
    "delivered": "2018-08-01 10:00:00",
    "signed": "2018-08-02 09:30:00",
    "signed_by": "Ines",
    "state": "done",
}


def events(text=ORDERS, **cells):
    return parse_csv_mapping(text, "orders.toml").events_of({**ROW, **cells})


def test_a_row_tells_its_events_with_the_zone_of_the_mapping():
    captured, delivered = events()
    assert captured == {
        "specversion": "1.0",
        "source": "legacy",
        "id": "17:captured",
        "type": "order.captured",
        "time": "2018-07-29T13:54:51-03:00",
        "data": {
            "channel": "web",
            "identifiers": {"order": "17", "customer": "b-4", "sku": "LMP"},
            "total": {"amount": "129.90", "currency": "BRL"},
        },
    }
    assert delivered["data"] == {"channel": "web", "identifiers": {"order": "17", "customer": "b-4"}}


def test_an_event_with_several_times_happened_at_the_latest_that_the_row_has():
    assert events()[1]["time"] == "2018-08-02T09:30:00-03:00"
    assert events(signed="")[1]["time"] == "2018-08-01T10:00:00-03:00"


@pytest.mark.parametrize(
    "cells", [{"signed_by": ""}, {"state": "open"}, {"state": ""}, {"delivered": "", "signed": ""}]
)
def test_an_event_whose_conditions_do_not_hold_is_not_told(cells):
    assert [event["type"] for event in events(**cells)] == ["order.captured"]


def test_what_is_empty_is_not_said():
    captured = events(buyer="", price="")[0]
    assert captured["data"]["identifiers"] == {"order": "17", "sku": "LMP"}
    assert captured["data"]["total"] == {"currency": "BRL"}


def test_a_time_with_a_zone_keeps_it():
    assert events(bought="2018-07-29T13:54:51Z")[0]["time"] == "2018-07-29T13:54:51+00:00"


def test_a_declared_time_format_is_used():
    text = ORDERS.replace('required = ["no"]', 'required = ["no"]\ntime_format = "%d-%b-%y"')
    cells = {"bought": "29-Jul-18", "delivered": "1-Aug-18", "signed": ""}
    assert events(text, **cells)[0]["time"] == "2018-07-29T00:00:00-03:00"


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"no": ""}, "empty_cell"),
        ({"bought": "29/07/2018"}, "bad_time"),
        ({"bought": "", "signed_by": ""}, "no_event"),
    ],
)
def test_a_row_that_cannot_be_told_says_why(cells, reason):
    with pytest.raises(BadRow) as caught:
        events(**cells)
    assert caught.value.reason == reason


def test_a_time_without_zone_needs_one_in_the_mapping():
    with pytest.raises(BadRow, match="has no zone"):
        events(ORDERS.replace('zone = "America/Sao_Paulo"', ""))


@pytest.mark.parametrize(
    ("before", "after", "complaint"),
    [
        ('name = "orders"', "", "name"),
        ('zone = "America/Sao_Paulo"', 'zone = "Mars/Olympus"', "no time zone is named 'Mars/Olympus'"),
        ('id = "{no}:captured"', 'id = "{no:captured"', r"events\[0\].id"),
        ('id = "{no}:captured"', 'id = "{no!r}"', "expected a JMESPath expression"),
        ('type = "order.captured"', 'typ = "order.captured"', "typ"),
        ('time = ["delivered", "signed"]', "time = []", r"events\[1\].time"),
        ('channel = "web"', "channel = 3.5", "data.channel"),
        ('required = ["no"]', 'delimiter = "tab"', "delimiter"),
        ('title = "Orders"', "title = ", "not valid TOML"),
    ],
)
def test_a_mistake_in_a_mapping_is_named_with_its_place(before, after, complaint):
    assert before in ORDERS
    with pytest.raises(BadMapping, match=complaint):
        parse_csv_mapping(ORDERS.replace(before, after), "orders.toml")


def test_a_mapping_without_events_is_refused():
    with pytest.raises(BadMapping, match="at least one event"):
        parse_csv_mapping('name = "n"\ntitle = "t"\nsource = "s"\nevents = []', "n.toml")


def test_every_built_in_mapping_can_be_read():
    assert "olist_orders" in list_built_in()
    for name in list_built_in():
        found = find_built_in(name)
        assert found is not None
        assert found.name == name


def test_a_mapping_is_found_by_name_or_path(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text(ORDERS)
    assert load_csv_mapping(str(file)).name == "orders"
    assert load_csv_mapping("olist_orders").name == "olist_orders"
    with pytest.raises(BadMapping, match="olist_orders"):
        load_csv_mapping("nothing_of_that_name")
