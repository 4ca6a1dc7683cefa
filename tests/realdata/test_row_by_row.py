"""Every row of the order logs is told as it is written: `controltower reconcile` compares file and tower.

Where the other tests compare totals, two faults could cancel each other; here none can.
"""

import csv
import json
import sqlite3
from contextlib import closing
from datetime import datetime

import pytest

from tests.realdata.asking import reconcile

pytestmark = [pytest.mark.realdata, pytest.mark.timeout(240)]
SCMS = "orders_scms/SCMS_Delivery_History_Dataset.csv"
NORTHWIND = "orders_northwind/northwind.sqlite"
OLIST = "orders_olist/sampleC_4000/olist_orders_dataset.csv"
SAO_PAULO = "America/Sao_Paulo"
MONTH_NAMES, NUMBERS = "%d-%b-%y", "%m/%d/%y"
# log, column of its time, type of the event that tells it, how it is written
TIMES = {
    "olist-captured": ("olist", "order_purchase_timestamp", "order.captured", ""),
    "olist-accepted": ("olist", "order_approved_at", "order.accepted", ""),
    "olist-shipped": ("olist", "order_delivered_carrier_date", "order.shipped", ""),
    "olist-delivered": ("olist", "order_delivered_customer_date", "order.delivered", ""),
    "scms-quoted": ("scms", "PQ First Sent to Client Date", "quote.sent", NUMBERS),
    "scms-released": ("scms", "PO Sent to Vendor Date", "order.released", NUMBERS),
    "scms-delivered": ("scms", "Delivered to Client Date", "shipment.delivered", MONTH_NAMES),
    "scms-recorded": ("scms", "Delivery Recorded Date", "delivery.recorded", MONTH_NAMES),
    "northwind-captured": ("northwind", "OrderDate", "order.captured", ""),
    "northwind-shipped": ("northwind", "ShippedDate", "order.shipped", ""),
}
KEYS = {  # of a row and of its events
    "olist": ("order_id", "order"),
    "scms": ("ID", "scms.line"),
    "northwind": ("OrderID", "northwind.order"),
}
ZONES = {"olist": SAO_PAULO, "scms": "UTC", "northwind": "UTC"}


@pytest.fixture(scope="module")
def files(tower, real_data, tmp_path_factory):
    """The logs as CSV files, once the tower has all of them."""
    tables = tmp_path_factory.mktemp("tables")
    tower.command("import", "--mapping", "olist_orders", str(real_data / OLIST))
    tower.command("import", "--mapping", "scms_deliveries", str(real_data / SCMS))
    table = ("--table", "Orders")
    tower.command("import", "--mapping", "northwind_orders", *table, str(real_data / NORTHWIND))
    orders = tables / "northwind.csv"
    write_table(real_data / NORTHWIND, "Orders", orders)
    return {"olist": real_data / OLIST, "scms": real_data / SCMS, "northwind": orders}


def write_table(database, table, path):
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as c, path.open("w") as out:
        found = c.execute(f"SELECT * FROM {table}")
        writer = csv.writer(out)
        writer.writerow([column[0] for column in found.description])
        writer.writerows(found)


def rows_of(path):
    with path.open(newline="", encoding="utf-8-sig", errors="replace") as lines:
        return list(csv.DictReader(lines))


def moment(text, written):
    """The time that a cell says; None for an empty cell or words."""
    try:
        found = datetime.strptime(text, written) if written else datetime.fromisoformat(text)  # noqa: DTZ007
    except ValueError:
        return None
    return found


def row_side(log, column, written=""):
    key, _ = KEYS[log]
    time_format = f'time_format = "{written}"' if written else ""
    return f"""
title = "Rows"
key = ["{key}"]
values = {{ value = "{column}" }}
zone = "{ZONES[log]}"
{time_format}
"""


def event_side(log, kind, value="time"):
    _, identifier = KEYS[log]
    return f"""
title = "Tower"
key = ["identifiers.{identifier}"]
values = {{ value = "{value}" }}
events = {{ types = ["{kind}"], source = "{log}" }}
"""


def declare(left, right, check):
    return f"""
name = "row-by-row"
title = "Row by row"
key = ["key"]
[left]{left}[right]{right}
[[checks]]
title = "Value"
left = "value"
right = "value"
kind = "{check}"
"""


@pytest.mark.parametrize("name", TIMES)
@pytest.mark.parametrize("given", ["left", "right"])
def test_no_time_of_a_row_is_before_or_after_the_one_that_the_tower_has(tower, files, tmp_path, name, given):
    """A check of times finds what is later on the right, so each is made both ways round."""
    log, column, kind, written = TIMES[name]
    row, told = row_side(log, column, written), event_side(log, kind)
    declared = declare(row, told, "time") if given == "left" else declare(told, row, "time")
    rows = rows_of(files[log])
    without = {one[KEYS[log][0]] for one in rows if moment(one[column], written) is None}

    found, findings = reconcile(tower, tmp_path, declared, **{given: files[log]})

    assert found["matched"] == len(rows) - len(without)
    other = "right" if given == "left" else "left"
    assert found["counts"] == ({f"missing_{other}": len(without)} if without else {})
    assert {one["key"] for one in findings} == without


def test_every_order_has_the_status_of_its_row(tower, files, tmp_path):
    told = event_side("olist", "order.status_reported", "data.status")
    declared = declare(row_side("olist", "order_status"), told, "text")

    found, findings = reconcile(tower, tmp_path, declared, left=files["olist"])

    assert (found["matched"], findings) == (4_000, [])


@pytest.mark.parametrize(
    ("log", "promised", "delivered", "kind", "written", "total"),
    [
        (
            *("olist", "order_estimated_delivery_date", "order_delivered_customer_date"),
            *("order.delivered", "", "late_timestamp_rule(delivered_ts>estimated_ts)"),
        ),
        (
            *("scms", "Scheduled Delivery Date", "Delivered to Client Date"),
            *("shipment.delivered", MONTH_NAMES, "rows_late(delivered>scheduled)"),
        ),
        ("northwind", "RequiredDate", "ShippedDate", "order.shipped", "", "shipped_after_required"),
    ],
    ids=["olist", "scms", "northwind"],
)
def test_the_rows_that_are_late_are_those_that_the_tower_names(
    tower, files, tmp_path, order_facts, log, promised, delivered, kind, written, total
):
    declared = declare(row_side(log, promised, written), event_side(log, kind), "time")
    late = {
        row[KEYS[log][0]]
        for row in rows_of(files[log])
        if row[delivered] and moment(row[delivered], written) > moment(row[promised], written)
    }

    _, findings = reconcile(tower, tmp_path, declared, left=files[log])

    assert {one["key"] for one in findings if one["finding"] == "late"} == late
    truth = order_facts["olist_sampleC_4000" if log == "olist" else log]
    assert len(late) == truth[total]


LOGGED = """
name = "event-by-event"
title = "Event by event"
key = ["id"]
[{file}]
title = "Log"
key = ["id"]
values = {{ activity = "activity", at = "at" }}
[{tower}]
title = "Tower"
key = ["id"]
values = {{ activity = "type", at = "time" }}
events = {{ source = "ocel/{name}" }}
[[checks]]
title = "Activity"
left = "activity"
right = "activity"
kind = "text"
[[checks]]
title = "Time"
left = "at"
right = "at"
kind = "time"
"""


@pytest.fixture(scope="module")
def logged(tower, real_data, tmp_path_factory):
    """The events of each log as a CSV file, once the tower has them."""
    folder = tmp_path_factory.mktemp("events")
    found = {}
    for name, file in (("order_process", "order_process.jsonocel"), ("p2p", "p2p-normal.jsonocel")):
        path = real_data / "orders_ocel" / "ocpa" / file
        tower.command("import", str(path), "--source", name)
        found[name] = folder / f"{name}.csv"
        with found[name].open("w") as out:
            writer = csv.writer(out)
            writer.writerow(["id", "activity", "at"])
            for event_id, event in json.loads(path.read_text())["ocel:events"].items():
                writer.writerow([event_id, event["ocel:activity"], event["ocel:timestamp"]])
    return found


@pytest.mark.parametrize("given", ["left", "right"])
@pytest.mark.parametrize(
    ("name", "log"), [("order_process", "ocpa_order_process.jsonocel"), ("p2p", "ocpa_p2p-normal.jsonocel")]
)
def test_every_event_of_a_log_has_its_activity_and_its_time(
    tower, logged, tmp_path, order_facts, name, log, given
):
    declared = LOGGED.format(name=name, file=given, tower="right" if given == "left" else "left")

    found, findings = reconcile(tower, tmp_path, declared, **{given: logged[name]})

    assert (found["matched"], findings) == (order_facts[log]["events"], [])
