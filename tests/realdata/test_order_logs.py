"""`controltower import` and `controltower report` give the figures that were computed without the tower.

Items, payments and duplicates of Olist are in test_olist_parts.py, its totals also in test_olist.py and
test_olist_reconciled.py; every row of the logs of rows in test_row_by_row.py. Not reproduced, on purpose:
`timestamp_format_example` of the logistics log says how its file writes a time, which the tower tells in
RFC 3339 like all others (first and last agree); an event type that is declared and has no events
(`declared_event_types_without_events`, of which there is none) leaves nothing to keep.
"""

import re
from datetime import UTC, datetime
from typing import Any

import pytest

from controltower.services.reports.figures import shape_of
from tests.realdata.asking import report as ask

pytestmark = [pytest.mark.realdata, pytest.mark.timeout(240)]  # six imports before the first test
SCMS = "orders_scms/SCMS_Delivery_History_Dataset.csv"
NORTHWIND = "orders_northwind/northwind.sqlite"
OLIST = "orders_olist/sampleC_4000/olist_orders_dataset.csv"
SAO_PAULO = "America/Sao_Paulo"
OLIST_WORDS = {
    "order.captured": "purchase",
    "order.accepted": "approved",
    "order.shipped": "carrier",
    "order.delivered": "delivered",
}


@pytest.fixture(scope="module")
def imported(tower, real_data):
    """What each import said, by log; the tower runs beside them."""
    logs = {
        "scms": (SCMS, "--mapping", "scms_deliveries"),
        "northwind": (NORTHWIND, "--mapping", "northwind_orders", "--table", "Orders"),
        "olist": (OLIST, "--mapping", "olist_orders"),
        "logistics": ("orders_ocel/ocpa/logistics.sqlite",),
        "order_process": ("orders_ocel/ocpa/order_process.jsonocel",),
        "p2p": ("orders_ocel/ocpa/p2p-normal.jsonocel", "--source", "p2p"),
    }
    return {
        name: tower.command("import", str(real_data / file), *options)
        for name, (file, *options) in logs.items()
    }


@pytest.fixture
def report(imported, tower):
    """A report of the command."""

    def run(*arguments: str) -> Any:
        return ask(tower, *arguments)

    return run


@pytest.fixture
def asked(imported, tower, token):
    """The same from the API."""

    def get(name: str, **parameters: str) -> Any:
        return tower.get(f"/api/v1/reports/{name}", token, **parameters)

    return get


def hours(durations):
    return {name: durations[name] for name in ("n", "median_h", "p90_h", "p99_h", "max_h")}


def moment_of(text):
    """In UTC where no zone is said, as the import takes it."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def sequences(variants):
    return {" > ".join(one["sequence"]): one["count"] for one in variants["variants"]}


def top_of(truth):
    return {one["sequence"]: one["count"] for one in truth["top"]}


# Olist


def test_olist_is_late_by_the_clock_and_by_the_day_as_often_as_was_computed(report, order_facts):
    truth = order_facts["olist_sampleC_4000"]
    common = ("--source", "olist", "--zone", SAO_PAULO, "--as-of", "2018-10-17")
    by_clock = report("late", *common)
    by_day = report("late", *common, "--rule", "calendar")
    assert by_clock["late"] == truth["late_timestamp_rule(delivered_ts>estimated_ts)"] == 335
    assert by_day["late"] == truth["late_calendar_rule(delivered_date>estimated_date)"] == 279
    delivered = [sum(found[kind] for kind in ("late", "on_time", "early")) for found in (by_clock, by_day)]
    assert delivered == [truth["delivered_with_date"]] * 2


def test_olist_orders_are_overdue_as_often_as_was_computed(report, order_facts):
    """Nobody waits for an order that is cancelled, nor for one that the shop says it has nothing for."""
    truth = order_facts["olist_sampleC_4000"]
    judged = ("--source", "olist", "--zone", SAO_PAULO, "--as-of", "2018-10-17")
    waiting = report("late", *judged, "--given-up", "unavailable")["undelivered"]
    assert sum(waiting.values()) == truth["status_not_delivered_but_estimate_passed_as_of_2018-10-17"]
    of_all = report("late", *judged)["undelivered"]
    assert of_all == {**waiting, "unavailable": truth["status"]["unavailable"]}


@pytest.mark.parametrize(
    ("start", "end", "name", "negative", "over"),
    [
        ("captured", "accepted", "purchase_to_approved", "approved_before_purchase", None),
        ("accepted", "shipped", "approved_to_carrier", "carrier_before_approved", 48),
        ("shipped", "delivered", "carrier_to_delivered", "delivered_before_carrier", 240),
        ("captured", "delivered", "purchase_to_delivered", None, None),
    ],
)
def test_olist_took_as_long_as_was_computed(report, order_facts, start, end, name, negative, over):
    truth = order_facts["olist_sampleC_4000"]
    found = report(
        "durations",
        *("--from", f"order.{start}", "--to", f"order.{end}", "--source", "olist"),
        *("--wall-clock", SAO_PAULO, "--over", str(over or 0)),
    )
    assert hours(found) == truth[name]
    assert negative is None or found["negative"] == truth[negative]
    assert over is None or found["over"] == truth[f"{name}_over_{over}h"]


def test_olist_went_the_ways_that_were_computed(asked, order_facts):
    truth = order_facts["olist_sampleC_4000"]
    found = asked("variants", source="olist", types=",".join(OLIST_WORDS))
    said = {
        " > ".join(OLIST_WORDS[kind] for kind in one["sequence"]): one["count"] for one in found["variants"]
    }
    assert said == top_of(truth["variants_by_timestamp_order(ties: purchase<approved<carrier<delivered)"])


def test_olist_orders_of_a_status_reached_the_stages_that_were_counted(
    imported, tower, token, asked, order_facts
):
    truth = order_facts["olist_sampleC_4000"]
    cancelled = tower.get("/api/v1/journeys", token, reported_status="canceled", limit="500")["journeys"]
    details = [tower.get(f"/api/v1/journeys/{row['id']}", token) for row in cancelled]
    reached = [{stage["stage"] for stage in one["reached"]} for one in details]
    assert sum("delivered" in stages for stages in reached) == truth["status_canceled_with_delivered_date"]
    assert sum("shipped" in stages for stages in reached) == truth["status_canceled_with_carrier_date"]
    found = asked("variants", source="olist", types=",".join(OLIST_WORDS))
    delivered = [one for one in found["variants"] if "order.delivered" in one["sequence"]]
    assert sum(one["count"] for one in delivered) == truth["status"]["delivered"]
    assert all(set(one["sequence"]) == set(OLIST_WORDS) for one in delivered)


# SCMS


def test_scms_has_as_many_lines_orders_shipments_and_dates_as_was_counted(imported, asked, order_facts):
    truth = order_facts["scms"]
    rows = truth["rows(line items)"]
    assert re.match(rf"{rows} rows: \d+ events stored, \d+ known already, 0 rows in", imported["scms"])
    found = asked("events", source="scms")
    assert found["identifiers"] == {
        "scms.line": rows,
        "scms.order": truth["distinct PO/SO"],
        "scms.shipment": truth["distinct ASN/DN"],
    }
    missing = truth["non_dates"]
    assert found["types"] == {
        "shipment.delivered": rows,
        "delivery.recorded": rows,
        "quote.sent": rows - sum(missing["PQ First Sent to Client Date"].values()),
        "order.released": rows - sum(missing["PO Sent to Vendor Date"].values()),
    }


def test_scms_says_the_words_that_were_counted(report, order_facts):
    truth = order_facts["scms"]

    def values(path):
        return report("values", path, "--source", "scms", "--type", "shipment.delivered")

    assert values("ship_mode") == truth["ship_mode"]
    assert values("order_series") == truth["PO_prefix"]
    dates = {"quoted": "PQ First Sent to Client Date", "released": "PO Sent to Vendor Date"}
    for path, column in dates.items():
        texts = {text: n for text, n in values(path).items() if not re.fullmatch(r"\d+/\d+/\d+", text)}
        assert texts == truth["non_dates"][column]
    columns = {
        "quoted": "PQ First Sent to Client Date",
        "released": "PO Sent to Vendor Date",
        "scheduled": "Scheduled Delivery Date",
        "delivered": "Delivered to Client Date",
        "recorded": "Delivery Recorded Date",
    }
    for path, column in columns.items():
        found = report("values", path, "--shapes", "--source", "scms", "--type", "shipment.delivered")
        # The truth has Mon for a capital and two small letters, whatever they are.
        assert found == {shape_of(written): n for written, n in truth["date_formats"][column].items()}
    references = sum(n for text, n in values("weight").items() if text.startswith("See "))
    assert references == truth["weight_or_freight_is_a_reference(See ...)"]


def test_scms_is_late_by_line_and_by_order_as_often_as_was_computed(report, asked, order_facts):
    truth = order_facts["scms"]
    by_line = report("late", "--source", "scms", "--by", "line")
    assert (by_line["late"], by_line["early"], by_line["on_time"]) == (
        truth["rows_late(delivered>scheduled)"],
        truth["rows_early"],
        truth["rows_on_time"],
    )
    assert asked("late", source="scms")["late"] == truth["PO/SO_with_any_late_line"] == 684


def test_scms_took_as_long_as_was_computed(report, order_facts):
    truth = order_facts["scms"]
    by_line = ("--source", "scms", "--by", "line")
    sent = report("durations", "--from", "order.released", "--to", "shipment.delivered", *by_line)
    recorded = report("durations", "--from", "shipment.delivered", "--to", "delivery.recorded", *by_line)
    assert hours(sent) == truth["PO_sent_to_delivered"]
    assert hours(recorded) == truth["delivered_to_recorded"]
    assert sent["negative"] == truth["delivered_before_PO_sent"]
    assert recorded["negative"] == truth["recorded_before_delivered"]


# Northwind


def test_northwind_gives_what_was_computed(report, order_facts):
    truth = order_facts["northwind"]
    found = report("events", "--source", "northwind")
    assert found["identifiers"]["northwind.order"] == found["types"]["order.captured"] == truth["orders"]
    took = report("durations", "--from", "order.captured", "--to", "order.shipped", "--source", "northwind")
    assert (hours(took), took["unfinished"]) == (truth["order_to_ship"], truth["not_shipped"])
    late = report("late", "--source", "northwind", "--delivered", "order.shipped")
    assert late["late"] == truth["shipped_after_required"]
    orders = report("events", "--source", "northwind", "--type", "order.captured")
    ends = [orders[end].replace("T", " ").removesuffix("Z") for end in ("first_at", "last_at")]
    assert ends == [truth["first"], truth["last"]]


def test_a_database_without_a_table_says_which_it_has(tower, real_data, order_facts):
    names = ", ".join(sorted(order_facts["northwind"]["tables"]))
    with pytest.raises(AssertionError, match=f"give --table; it has {names}"):
        tower.command("import", "--mapping", "northwind_orders", str(real_data / NORTHWIND))


# OCEL


def test_the_logistics_log_is_imported_whole(imported, asked, order_facts):
    truth = order_facts["ocpa_logistics_sqlite"]
    undeclared = 2_540  # handling units, which the log names and does not list
    objects = sum(truth["objects"].values()) + undeclared
    assert imported["logistics"].splitlines()[0] == (
        f"logistics: {truth['events']} events of {len(truth['event_types'])} types, {objects} objects, "
        f"{truth['event_object_links']} event-object links, "
        f"{truth['object_object_links']} object-object links"
    )
    for kind, count in truth["objects"].items():
        assert f"  {count} {kind} -> " in imported["logistics"]
    assert imported["logistics"].endswith(f" 0 known already, {truth['events_without_time']} in quarantine\n")
    found = asked("events", source="ocel/logistics")
    assert (found["events"], found["types"]) == (truth["events"], truth["event_types"])
    assert truth["declared_event_types_without_events"] == []
    assert found["first_at"].startswith(truth["first"].replace(" ", "T"))
    assert found["last_at"].startswith(truth["last"].replace(" ", "T"))
    assert found["identifiers"]["logistics.container.package"] == truth["objects"]["Container"]


def test_customer_orders_of_the_logistics_log_are_journeys(asked, order_facts):
    truth = order_facts["ocpa_logistics_sqlite"]
    found = asked("variants", source="ocel/logistics")
    assert found["groups"] == truth["cases(Customer Order)"]
    assert sequences(found) == top_of(truth["variants_direct"])


def test_an_order_of_the_logistics_log_shows_its_containers(imported, tower, token):
    (hit, *_) = tower.get("/api/v1/search", token, q="co2")["hits"]
    journey = tower.get(f"/api/v1/journeys/{hit['journey']['id']}", token)
    kinds = {one["kind"] for one in journey["identifiers"] if one["bond"] == "leg"}
    assert kinds == {
        "logistics.container.package",
        "logistics.transport_document.shipment",
        "logistics.undeclared.line",
    }
    assert journey["event_count"] > 20  # its own one, and those of its legs


@pytest.mark.parametrize(
    ("log", "name", "kinds"),
    [
        (
            "ocpa_order_process.jsonocel",
            "order_process",
            {"order": "order", "item": "item.line", "delivery": "delivery"},
        ),
        (
            "ocpa_p2p-normal.jsonocel",
            "p2p",
            {
                "PURCHORD": "purchord.order",
                "PURCHREQ": "purchreq.line",
                "MATERIAL": "material.line",
                "GDSRCPT": "gdsrcpt.line",
                "INVOICE": "invoice",
            },
        ),
    ],
)
def test_a_log_of_version_1_gives_what_was_computed(asked, order_facts, log, name, kinds):
    truth = order_facts[log]
    found = asked("events", source=f"ocel/{name}")
    assert found["events"] == truth["events"]
    assert found["identifiers"] == {f"{name}.{kinds[kind]}": n for kind, n in truth["objects"].items()}
    assert [moment_of(found[end]) for end in ("first_at", "last_at")] == [
        moment_of(truth[end]) for end in ("first", "last")
    ]
    variants = asked("variants", source=f"ocel/{name}")
    assert (variants["groups"], len(variants["variants"])) == (truth["cases"], truth["variants"]["variants"])
    top = top_of(truth["variants"])
    assert {way: n for way, n in sequences(variants).items() if way in top} == top


def test_importing_the_logs_again_changes_nothing(imported, tower, real_data):
    again = tower.command("import", str(real_data / "orders_ocel/ocpa/logistics.sqlite"))
    assert again.splitlines()[-1] == "8727 events: 0 events stored, 8727 known already, 0 in quarantine"


def test_every_small_log_is_imported(tower, real_data):
    for path in sorted((real_data / "orders_ocel" / "pm4py").glob("*[lev]")):
        if path.name.startswith("schema"):
            continue
        said = tower.command("import", str(path), "--source", path.name.replace(".", "_"))
        events = re.search(r": (\d+) events of", said)
        assert events, said
        assert f"{events[1]} events: {events[1]} events stored, 0 known already, 0 in quarantine" in said
