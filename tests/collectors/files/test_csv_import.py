"""Importing streams rows through the one way in; what is wrong with a row costs only that row."""

import json
import re
from datetime import UTC, datetime

import pytest

from collectors.files.csv_import import decode_held, import_csv
from collectors.mapping.csv_mapping import load_csv_mapping, parse_csv_mapping
from controltower.domain.errors import BadPayload, StoreUnavailable
from controltower.domain.identifiers import Identifier
from tests.fakes import FakeIngest

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
HEADER = "no,state,bought"
MAPPING = parse_csv_mapping(
    """
    name = "orders"
    title = "Orders"
    source = "legacy"
    zone = "Europe/Lisbon"
    required = ["no"]
    data = { status = "{state}", identifiers = { order = "{no}" } }
    [[events]]
    type = "order.captured"
    id = "{no}:captured"
    time = "bought"
    """,
    "orders.toml",
)


def imported(tmp_path, content, *, ingest=None, mapping=MAPPING, **options):
    file = tmp_path / "orders.csv"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    ingest = ingest or FakeIngest()
    report = import_csv(file, mapping, ingest.submit, NOW, **options)
    return ingest, report


def a_file(*rows):
    return "\n".join([HEADER, *rows, ""])


def test_rows_become_events(tmp_path):
    ingest, report = imported(tmp_path, a_file("17,open,2018-07-29 13:54:51"))
    (event,) = ingest.events
    assert (event.source, event.id, event.type) == ("legacy", "17:captured", "order.captured")
    assert (event.identifiers, event.status) == ((Identifier("order", "17"),), "open")
    assert event.occurred_us == 1_532_868_891_000_000
    assert json.loads(event.payload)["time"] == "2018-07-29T13:54:51+01:00"
    assert (report.rows, report.events_stored, report.events_duplicate, report.rows_quarantined) == (
        1,
        1,
        0,
        0,
    )


def test_importing_again_changes_nothing(tmp_path):
    content = a_file("17,open,2018-07-29 13:54:51", "18,open,2018-07-29 14:00:00")
    ingest, _ = imported(tmp_path, content)
    _, report = imported(tmp_path, content, ingest=ingest)
    assert (report.events_stored, report.events_duplicate) == (0, 2)


def test_a_long_file_is_committed_in_batches_of_a_thousand_rows(tmp_path):
    seen = []
    content = a_file(*(f"{n},open,2018-07-29" for n in range(1, 2_501)))
    ingest, report = imported(tmp_path, content, progress=lambda so_far: seen.append(so_far.rows))
    assert [len(batch.events) for batch in ingest.batches] == [1000, 1000, 500]
    assert seen == [1000, 2000, 2500]
    assert report.events_stored == 2500


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (b"17,open", "wrong_columns"),
        (b"17,open,2018-07-29,more", "wrong_columns"),
        (b"17,open,yesterday", "bad_time"),
        (b"17,open,2518-07-29", "bad_time"),
        (b",open,2018-07-29", "empty_cell"),
        (b"17,open,", "no_event"),
        (b"17,\xff\xfe,2018-07-29", "bad_encoding"),
        (b'17,"open"x,2018-07-29', "bad_csv"),
        (b"1" * 2000 + b",open,2018-07-29", "too_long"),
    ],
)
def test_a_bad_row_is_quarantined_with_its_number_and_the_others_are_stored(tmp_path, row, reason):
    content = HEADER.encode() + b"\n16,open,2018-07-29\n" + row + b"\n18,open,2018-07-29\n"
    ingest, report = imported(tmp_path, content)
    (held,) = ingest.quarantined
    assert [event.id for event in ingest.events] == ["16:captured", "18:captured"]
    assert (held.edge, held.reason, held.content_type) == ("import", reason, "text/csv")
    assert held.message.startswith("orders.csv row 3: ")
    assert held.payload == HEADER.encode() + b"\n" + row + b"\n"
    assert [(fault.row, fault.reason) for fault in report.faults] == [(3, reason)]
    assert report.reasons == {reason: 1}


def test_an_open_quote_costs_only_what_it_swallows(tmp_path):
    ingest, report = imported(
        tmp_path, a_file("16,open,2018-07-29", '17,"open,2018-07-29', "18,open,2018-07-29")
    )
    assert [event.id for event in ingest.events] == ["16:captured"]
    assert (report.rows_quarantined, report.reasons) == (1, {"bad_csv": 1})
    assert b"18,open" in ingest.quarantined[0].payload


def test_quoted_line_breaks_blank_lines_and_a_byte_order_mark_are_no_trouble(tmp_path):
    content = b'\xef\xbb\xbfno,state,bought\r\n17,"in\r\ndoubt",2018-07-29\r\n\r\n18,open,2018-07-29'
    ingest, report = imported(tmp_path, content)
    assert [event.status for event in ingest.events] == ["in\r\ndoubt", "open"]
    assert (report.rows, report.rows_quarantined) == (2, 0)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", "the file is empty"),
        ("no,bought\n", "no column 'state'; it has no, bought"),
        ("no,state,bought,no\n", "more than one column 'no'"),
    ],
)
def test_a_file_that_does_not_fit_the_mapping_is_refused_whole(tmp_path, content, complaint):
    with pytest.raises(BadPayload, match=re.escape(complaint)):
        imported(tmp_path, content)


def test_a_busy_tower_is_waited_for(tmp_path):
    ingest = FakeIngest()
    naps: list[float] = []
    ingest.overloads = 2
    _, report = imported(tmp_path, a_file("17,open,2018-07-29"), ingest=ingest, sleep=naps.append)
    assert (report.events_stored, naps) == (1, [2, 2])


def test_a_lost_store_ends_the_import(tmp_path):
    ingest = FakeIngest()
    ingest.is_unavailable = True
    with pytest.raises(StoreUnavailable):
        imported(tmp_path, a_file("17,open,2018-07-29"), ingest=ingest)


OLIST = load_csv_mapping("olist_orders")
OLIST_HEADER = ",".join(OLIST.columns)


def an_olist_row(**cells):
    row = {
        "order_id": "o-1",
        "order_status": "delivered",
        "customer_id": "c-1",
        "order_purchase_timestamp": "2018-07-29 13:54:51",
        "order_approved_at": "2018-07-29 14:24:20",
        "order_delivered_carrier_date": "2018-07-30 15:24:00",
        "order_delivered_customer_date": "2018-08-13 19:08:37",
        "order_estimated_delivery_date": "2018-09-03 00:00:00",
    } | cells
    return ",".join(row[column] for column in OLIST.columns)


def test_an_olist_order_tells_its_whole_life(tmp_path):
    ingest, _ = imported(tmp_path, f"{OLIST_HEADER}\n{an_olist_row()}\n", mapping=OLIST)
    assert [event.type for event in ingest.events] == [
        "order.captured",
        "order.accepted",
        "order.shipped",
        "order.delivered",
        "order.status_reported",
    ]
    assert [event.status for event in ingest.events] == ["", "", "", "", "delivered"]
    assert ingest.events[-1].occurred_us == ingest.events[-2].occurred_us
    assert {identifier.kind for identifier in ingest.events[0].identifiers} == {"order", "customer"}


def test_a_cancelled_olist_order_is_cancelled_at_its_latest_time(tmp_path):
    row = an_olist_row(
        order_status="canceled", order_delivered_carrier_date="", order_delivered_customer_date=""
    )
    ingest, _ = imported(tmp_path, f"{OLIST_HEADER}\n{row}\n", mapping=OLIST)
    told = {event.type: event.occurred_us for event in ingest.events}
    assert told["order.cancelled"] == told["order.accepted"]
    assert "order.shipped" not in told


def test_a_later_export_adds_events_and_contradicts_none(tmp_path):
    early = an_olist_row(order_status="shipped", order_delivered_customer_date="")
    ingest, _ = imported(tmp_path, f"{OLIST_HEADER}\n{early}\n", mapping=OLIST)
    _, report = imported(tmp_path, f"{OLIST_HEADER}\n{an_olist_row()}\n", mapping=OLIST, ingest=ingest)
    by_id = {(event.source, event.id): event.digest for event in ingest.events}
    assert (report.events_stored, report.events_duplicate) == (2, 3)
    assert len(by_id) == len({event.digest for event in ingest.events}) == 6


def test_a_quarantined_row_put_right_is_what_the_import_would_have_stored(tmp_path):
    bad = f"{OLIST_HEADER}\n{an_olist_row(order_approved_at='soon')}\n"
    ingest, _ = imported(tmp_path, bad, mapping=OLIST)
    (held,) = ingest.quarantined
    with pytest.raises(BadPayload, match="order_approved_at"):
        decode_held(held.payload, held.content_type, json.loads(held.headers), NOW)
    mended = held.payload.replace(b"soon", b"2018-07-29 14:24:20")
    batch = decode_held(mended, held.content_type, json.loads(held.headers), NOW)
    good, _ = imported(tmp_path, f"{OLIST_HEADER}\n{an_olist_row()}\n", mapping=OLIST)
    assert list(batch.events) == good.events


def test_a_row_of_a_foreign_mapping_is_not_read_again():
    with pytest.raises(BadPayload, match="is not part of the tower"):
        decode_held(b"no\n1\n", "text/csv", {"mapping": "secrets.toml"}, NOW)
