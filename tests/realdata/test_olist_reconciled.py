"""Extracts of the real orders compared with `controltower reconcile`, as they were compared without it."""

import csv
import json
import subprocess

import pytest

from tests.running import COMMAND

pytestmark = pytest.mark.realdata
FOLDER = "orders_olist/sampleC_4000"
ITEMS = """
[left]
title = "Items"
key = ["order_id"]
values = { total = ["price", "freight_value"], limit = "shipping_limit_date" }
"""
TOTALS = f"""
name = "olist-totals"
title = "Items and payments"
link = "order"
{ITEMS}
[right]
title = "Payments"
key = ["order_id"]
values = {{ total = "payment_value" }}
[[checks]]
title = "Total"
left = "total"
right = "total"
tolerance = "0.05"
"""
LIMITS = f"""
name = "olist-limits"
title = "Shipping limits"
link = "order"
{ITEMS}
[right]
title = "Orders"
key = ["order_id"]
values = {{ shipped = "order_delivered_carrier_date" }}
[[checks]]
title = "Handed over in time"
kind = "time"
left = "limit"
right = "shipped"
combine = "max"
empty = "ignore"
"""


@pytest.fixture
def reconciled(tower, real_data, tmp_path):
    """What comparing the items with another file gives, and the findings as CSV."""

    def run(declaration, right):
        file, findings = tmp_path / "declared.toml", tmp_path / "findings.csv"
        file.write_text(declaration)
        extracts = [real_data / FOLDER / f"olist_{name}_dataset.csv" for name in ("order_items", right)]
        sides = ["--left", str(extracts[0]), "--right", str(extracts[1])]
        done = subprocess.run(
            [COMMAND, "reconcile", str(file), *sides, "--csv", str(findings), "--json"],
            env=dict(tower.environment),
            capture_output=True,
            text=True,
        )
        assert done.returncode == 3, done.stderr
        return json.loads(done.stdout), list(csv.DictReader(findings.read_text().splitlines()))

    return run


def test_items_and_payments_differ_as_often_as_was_computed(reconciled, order_facts):
    truth = order_facts["olist_sampleC_4000"]
    found, findings = reconciled(TOTALS, "order_payments")
    items, payments = truth["items"], truth["payments"]
    assert (found["left_rows"], found["left_keys"]) == (items["rows"], items["orders_with_items"])
    assert (found["right_rows"], found["right_keys"]) == (payments["rows"], payments["orders_with_payment"])
    assert found["counts"] == {
        "missing_left": items["orders_without_items"],
        "different": truth["orders_where_payment_total_differs_from_items_total_by_over_0.05"],
    }
    assert len(findings) == found["kept"] == sum(found["counts"].values())


def test_orders_are_handed_over_after_the_limit_as_often_as_was_computed(reconciled, order_facts, tower):
    items = order_facts["olist_sampleC_4000"]["items"]
    found, _ = reconciled(LIMITS, "orders")
    assert found["counts"] == {
        "missing_left": items["orders_without_items"],
        "late": items["orders_handed_to_carrier_after_last_shipping_limit"],
    }
    support = tower.create_token("support")
    run = tower.get(f"/api/v1/reconciliations/runs/{found['id']}", support)
    assert (run["state"], run["counts"]) == ("done", found["counts"])


def test_payments_are_of_the_kinds_that_were_counted(reconciled, order_facts):
    payments = order_facts["olist_sampleC_4000"]["payments"]
    for kind, rows in payments["types"].items():
        only = TOTALS.replace(
            '"payment_value" }', f'"payment_value" }}\nwhere = {{ payment_type = ["{kind}"] }}'
        )
        found, _ = reconciled(only, "order_payments")
        assert found["right_rows"] == rows


@pytest.mark.parametrize(
    ("file", "column", "section", "name"),
    [
        ("order_items", "order_item_id", "items", "orders_with_more_than_1_item"),
        ("order_payments", "payment_sequential", "payments", "orders_with_more_than_1_payment_row"),
    ],
)
def test_orders_have_several_rows_as_often_as_was_counted(
    tower, real_data, order_facts, tmp_path, file, column, section, name
):
    """An order has one row in its own extract: where the counts differ there is more than one."""
    declared = tmp_path / "counts.toml"
    declared.write_text(
        f"""
        name = "olist-counts"
        title = "Rows of orders"
        left = {{ title = "Orders", key = ["order_id"], values = {{ rows = "order_id" }} }}
        right = {{ title = "Rows", key = ["order_id"], values = {{ rows = "{column}" }} }}
        checks = [{{ title = "Rows", kind = "text", combine = "count", left = "rows", right = "rows" }}]
        """
    )
    sides = [str(real_data / FOLDER / f"olist_{one}_dataset.csv") for one in ("orders", file)]
    done = subprocess.run(
        [COMMAND, "reconcile", str(declared), "--left", sides[0], "--right", sides[1], "--json"],
        env=dict(tower.environment),
        capture_output=True,
        text=True,
    )
    assert json.loads(done.stdout)["counts"]["different"] == order_facts["olist_sampleC_4000"][section][name]
