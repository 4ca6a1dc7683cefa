"""Items and payments of 4,000 real orders, imported through mappings of this test beside the orders.

Of the ground truth `olist_sampleC_4000`: what it says of rows, items, sellers, payments and duplicates. That
items and payments of an order add up to the same, and which orders were handed over too late, is in
test_olist_reconciled.py.
"""

import csv
from collections import defaultdict
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from tests.realdata.asking import report

pytestmark = [pytest.mark.realdata, pytest.mark.timeout(240)]
FOLDER = "orders_olist/sampleC_4000"
SAO_PAULO = ZoneInfo("America/Sao_Paulo")
ITEMS = """
name = "items"
title = "Items of Olist orders"
source = "olist/items"
format = "csv"
zone = "America/Sao_Paulo"

[data]
amount = "{price}"
currency = "BRL"

[data.identifiers]
order = "{order_id}"
line = "{order_id}-{order_item_id}"
seller = "{seller_id}"

[[events]]
type = "line.due"
id = "{order_id}-{order_item_id}"
time = "{shipping_limit_date}"
"""
PAYMENTS = """
name = "payments"
title = "Payments of Olist orders"
source = "olist/payments"
format = "csv"

[data]
amount = "{payment_value}"
currency = "BRL"
means = "{payment_type}"

[data.identifiers]
order = "{order_id}"
"olist.payment" = "{order_id}-{payment_sequential}"

[[events]]
type = "payment.reported"
id = "{order_id}-{payment_sequential}"
time = "{'2018-10-17T00:00:00Z'}"  # its rows carry none: when the extract was made
"""


@pytest.fixture(scope="module")
def truth(order_facts):
    return order_facts["olist_sampleC_4000"]


@pytest.fixture(scope="module")
def imported(tower, real_data, tmp_path_factory):
    """What each import said."""
    folder = tmp_path_factory.mktemp("mappings")
    said = {}
    for file, text in (("orders", ""), ("order_items", ITEMS), ("order_payments", PAYMENTS)):
        (folder / f"{file}.toml").write_text(text)
        mapping = str(folder / f"{file}.toml") if text else "olist_orders"
        path = real_data / FOLDER / f"olist_{file}_dataset.csv"
        said[file] = tower.command("import", "--mapping", mapping, str(path))
    return said


@pytest.fixture
def orders_by(imported, tower, token):
    """How many orders name no, one, two ... identifiers of a kind, as the API tells it."""

    def get(kind, **parameters):
        found = tower.get("/api/v1/reports/identifiers", token, kind=kind, **parameters)
        return {int(size): orders for size, orders in found["counts"].items()}

    return get


def several(sizes):
    return sum(orders for size, orders in sizes.items() if size > 1)


def rows_of(real_data, file):
    with (real_data / FOLDER / f"olist_{file}_dataset.csv").open(newline="") as lines:
        return list(csv.DictReader(lines))


def test_no_row_of_the_log_is_there_twice(imported, tower, truth):
    assert imported["orders"].startswith(f"{truth['rows_read']} rows: ")
    assert f" {truth['identical_duplicate_rows']} known already, 0 rows in quarantine" in imported["orders"]
    conflicts = report(tower, "events", "--source", "olist")["conflicts"]
    assert conflicts == truth["same_order_conflicting_rows"]


def test_the_log_goes_from_the_first_purchase_to_the_last(imported, tower, truth):
    found = report(tower, "events", "--source", "olist", "--type", "order.captured")
    ends = [datetime.fromisoformat(found[end]).astimezone(SAO_PAULO) for end in ("first_at", "last_at")]
    shown = [f"{moment:%Y-%m-%d %H:%M:%S}" for moment in ends]
    assert shown == [truth["first_purchase"], truth["last_purchase"]]
    assert found["events"] == truth["orders"]


def test_items_are_told_of_as_many_orders_as_were_counted(imported, orders_by, truth):
    items = truth["items"]
    assert imported["order_items"].startswith(f"{items['rows']} rows: {items['rows']} events stored, 0 known")
    sizes = orders_by("line")
    # An item of an order that is not in the log would have made a journey of its own.
    assert sum(sizes.values()) == truth["orders"] + items["item_rows_for_unknown_orders"]
    assert sizes[0] == items["orders_without_items"]
    assert sum(orders for size, orders in sizes.items() if size) == items["orders_with_items"]
    assert several(sizes) == items["orders_with_more_than_1_item"]


def test_orders_have_several_sellers_as_often_as_was_counted(orders_by, truth):
    sizes = orders_by("seller")
    assert several(sizes) == truth["items"]["orders_with_more_than_1_seller"]
    assert sizes[0] == truth["items"]["orders_without_items"]


def test_payments_are_of_as_many_orders_and_kinds_as_were_counted(imported, orders_by, tower, truth):
    payments = truth["payments"]
    sizes = orders_by("payment", source="olist/payments", by="order")
    assert sum(size * orders for size, orders in sizes.items()) == payments["rows"]
    assert sum(sizes.values()) == payments["orders_with_payment"]
    assert truth["orders"] - sum(sizes.values()) == payments["orders_without_payment"]
    assert several(sizes) == payments["orders_with_more_than_1_payment_row"]
    assert report(tower, "values", "means", "--source", "olist/payments") == payments["types"]


def test_payments_of_zero_are_counted(imported, tower, truth):
    support = tower.create_token("support")
    found = tower.get("/api/v1/reports/amounts", support, source="olist/payments")
    assert (found["unreadable"], found["missing"]) == (0, 0)
    (amounts,) = found["amounts"]
    assert (amounts["currency"], amounts["n"]) == ("BRL", truth["payments"]["rows"])
    assert amounts["zero"] == truth["payments"]["zero_value_rows"]


def test_every_order_has_the_sellers_and_items_of_its_rows(orders_by, real_data):
    """Row by row: the sizes of the groups, not only how many are larger than one."""
    told = {"seller_id": "seller", "order_item_id": "line"}
    for column, kind in told.items():
        expected: dict[str, set[str]] = defaultdict(set)
        for row in rows_of(real_data, "order_items"):
            expected[row["order_id"]].add(row[column])
        sizes: dict[int, int] = defaultdict(int)
        for values in expected.values():
            sizes[len(values)] += 1
        assert orders_by(kind, source="olist/items", by="order") == sizes


def test_an_order_of_several_sellers_is_found_by_each_of_them(imported, tower, token, real_data):
    (order, *_) = tower.get("/api/v1/reports/identifiers", token, kind="seller", by="order")["examples"]
    sellers = {row["seller_id"] for row in rows_of(real_data, "order_items") if row["order_id"] == order}
    assert len(sellers) > 1
    for seller in sellers:
        hits = tower.get("/api/v1/search", token, q=seller)["hits"]
        assert order in {hit["journey"]["title"] for hit in hits if hit["kind"] == "journey"}
