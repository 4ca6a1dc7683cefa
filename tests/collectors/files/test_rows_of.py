"""What is imported row by row: files whose lines end in any way, and tables of SQLite files."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime

import pytest

from collectors.files.csv_import import import_csv
from collectors.files.rows_of import opened_lines
from collectors.mapping.csv_mapping import load_csv_mapping
from controltower.domain.errors import BadPayload
from tests.fakes import FakeIngest

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
ORDERS = "OrderID,OrderDate,RequiredDate,ShippedDate,CustomerID"


def lines(path, table=""):
    with opened_lines(path, table) as found:
        return [line.rstrip(b"\r\n") for line in found]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("last", [b"", b"end"])
def test_lines_may_end_in_any_way(tmp_path, end, last):
    path = tmp_path / "rows.csv"
    path.write_bytes(end.join([b"no,state", b"1,open", last]))
    assert lines(path) == [line for line in (b"no,state", b"1,open", last) if line]


def test_a_carriage_return_in_a_file_of_ordinary_lines_ends_nothing(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_bytes(b'no,note\n1,"two\rlines"\n')
    assert lines(path) == [b"no,note", b'1,"two\rlines"']


@pytest.fixture
def database(tmp_path):
    path = tmp_path / "shop.sqlite"
    with closing(sqlite3.connect(path)) as c, c:
        c.execute(f"CREATE TABLE Orders ({ORDERS})")
        rows = [
            (1, "2026-05-01", "2026-05-09", "2026-05-03", "A, B"),
            (2, "2026-05-02", "2026-05-09", None, b"\xff"),
        ]
        c.executemany("INSERT INTO Orders VALUES (?, ?, ?, ?, ?)", rows)
    return path


def test_a_table_has_the_lines_of_a_csv_file(database):
    assert lines(database, "Orders") == [
        ORDERS.encode(),
        b'1,2026-05-01,2026-05-09,2026-05-03,"A, B"',
        "2,2026-05-02,2026-05-09,,\ufffd".encode(),
    ]


def test_a_database_without_a_table_says_which_it_has(database):
    with pytest.raises(BadPayload, match=r"^shop\.sqlite is an SQLite file: give --table; it has Orders$"):
        lines(database)


def test_a_damaged_database_without_a_table_says_that_it_has_none(tmp_path):
    path = tmp_path / "shop.sqlite"
    path.write_bytes(b"SQLite format 3\0 and then nothing")
    with pytest.raises(BadPayload, match="it has none that can be read"):
        lines(path)


def test_a_table_is_imported_through_a_mapping(database):
    ingest = FakeIngest()
    mapping = load_csv_mapping("northwind_orders")
    report = import_csv(database, mapping, ingest.submit, NOW, table="Orders")
    assert [event.id for event in ingest.events] == ["1:captured", "1:shipped", "2:captured"]
    assert (report.rows, report.rows_quarantined) == (2, 0)


def test_a_table_that_is_not_there_is_refused_with_those_that_are(database):
    with pytest.raises(BadPayload, match="has no table 'orders'; it has Orders"):
        lines(database, "orders")


@pytest.mark.parametrize("content", [b"", b"no,state\n1,open\n", b"SQLite format 3\0" + b"\0" * 100])
def test_a_file_that_is_no_database_has_no_table(tmp_path, content):
    path = tmp_path / "rows.csv"
    path.write_bytes(content)
    with pytest.raises(BadPayload, match=r"rows\.csv (has no table|is no SQLite file)"):
        lines(path, "Orders")


def test_the_database_is_not_written_to(database):
    before = database.read_bytes()
    with opened_lines(database, "Orders") as found:
        next(iter(found))
    assert database.read_bytes() == before


def test_a_delivery_of_scms_tells_its_plan_and_only_the_dates_that_there_are():
    mapping = load_csv_mapping("scms_deliveries")
    row = dict.fromkeys(mapping.columns, "7") | {
        "ID": "9",
        "PO / SO #": "SO-1",
        "ASN/DN #": "DN-1",
        "PQ First Sent to Client Date": "4/5/07",
        "PO Sent to Vendor Date": "N/A - From RDC",
        "Scheduled Delivery Date": "2-Jun-07",
        "Delivered to Client Date": "3-Jun-07",
        "Delivery Recorded Date": "4-Jun-07",
    }
    told = {event["type"]: event for event in mapping.events_of(row)}
    assert {kind: str(event["time"])[:10] for kind, event in told.items()} == {
        "quote.sent": "2007-04-05",
        "shipment.delivered": "2007-06-03",
        "delivery.recorded": "2007-06-04",
    }
    data = told["shipment.delivered"]["data"]
    assert isinstance(data, dict)
    assert (data["promised"], data["order_series"]) == ("2007-06-02T00:00:00+00:00", "SO")
    assert data["identifiers"] == {"scms.order": "SO-1", "scms.shipment": "DN-1", "scms.line": "9"}
