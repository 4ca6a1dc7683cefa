"""Bulk statements mean the same on both databases, whatever the values and however many rows."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, Table, select, text

from controltower.store import tables
from controltower.store.bulk import Bulk, Row, bulk_of
from controltower.store.engine import Database, reading, transaction
from controltower.store.postgres_arrays import (
    BigintArray,
    BooleanArray,
    ByteaArray,
    DoubleArray,
    IntegerArray,
    TextArray,
)

MANY = 20_001  # more than fit into one SQLite statement, and no power of two

keys = st.binary(min_size=16, max_size=16)
bigints = st.integers(-(2**63), 2**63 - 1)
# PostgreSQL refuses NUL in a text, and UTF-8 has no surrogates: edges must let neither through.
texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40)
quarantine_rows = st.tuples(
    keys, texts, texts, texts, texts, texts, st.binary(max_size=300), texts, bigints,
    st.none() | bigints, st.none() | texts, st.none() | texts,
)  # fmt: skip


def key(number: int) -> bytes:
    return number.to_bytes(16, "big")


def rows_of(connection: Connection, table: Table) -> list[Row]:
    return [tuple(row) for row in connection.execute(select(table).order_by(*table.primary_key.columns))]


def a_link(number: int, trace: int = 1) -> Row:
    return (key(number), key(trace))


def an_identifier(number: int, journey: int = 1, value: str = "v") -> Row:
    return (key(number), key(journey), "order", value)


def a_source(name: str, first: int = 5, last: int = 5, occurred: int = 5, facts: int = 1) -> Row:
    return (name, "events", first, last, occurred, facts, 0, 0)


@pytest.fixture
def connection(emptied_database: Database) -> Iterator[Connection]:
    with transaction(emptied_database) as opened:
        yield opened


@pytest.fixture
def bulk(connection: Connection) -> Bulk:
    return bulk_of(connection)


# insert


def test_insert_leaves_rows_alone_that_are_there(bulk: Bulk, connection: Connection):
    bulk.insert(tables.identifier, [an_identifier(1, value="first")])
    bulk.insert(tables.identifier, [an_identifier(1, value="second"), an_identifier(2)])
    assert rows_of(connection, tables.identifier) == [an_identifier(1, value="first"), an_identifier(2)]


def test_insert_takes_the_first_of_rows_with_one_key(bulk: Bulk, connection: Connection):
    bulk.insert(tables.identifier, [an_identifier(1, value="first"), an_identifier(1, value="second")])
    assert rows_of(connection, tables.identifier) == [an_identifier(1, value="first")]


@pytest.mark.parametrize("count", [0, 1, 2, 3, 7, MANY])
def test_insert_takes_any_number_of_rows(bulk: Bulk, connection: Connection, count: int):
    bulk.insert(tables.trace_link, [a_link(n) for n in range(count)])
    assert connection.execute(text("SELECT count(*) FROM trace_link")).scalar_one() == count


# insert_new


def test_insert_new_returns_the_rows_that_were_not_there(bulk: Bulk, connection: Connection):
    bulk.insert(tables.identifier, [an_identifier(2, value="old")])
    rows = [an_identifier(1), an_identifier(2, value="new"), an_identifier(3)]
    assert bulk.insert_new(tables.identifier, rows) == [an_identifier(1), an_identifier(3)]
    assert rows_of(connection, tables.identifier)[1] == an_identifier(2, value="old")


def test_insert_new_tells_rows_apart_by_all_of_a_key(bulk: Bulk):
    bulk.insert(tables.trace_link, [a_link(1, trace=1)])
    assert bulk.insert_new(tables.trace_link, [a_link(1, trace=1), a_link(1, trace=2)]) == [
        a_link(1, trace=2)
    ]


@pytest.mark.parametrize("known", [0, 1, MANY - 1, MANY])
def test_insert_new_takes_any_number_of_rows(bulk: Bulk, known: int):
    rows = [a_link(n) for n in range(MANY)]
    bulk.insert(tables.trace_link, rows[:known])
    assert bulk.insert_new(tables.trace_link, rows) == rows[known:]
    assert bulk.insert_new(tables.trace_link, rows) == []
    assert bulk.insert_new(tables.trace_link, []) == []


# replace


def test_replace_overwrites_every_other_column(bulk: Bulk, connection: Connection):
    bulk.replace(tables.identifier, [an_identifier(1, journey=1, value="a"), an_identifier(2)])
    bulk.replace(tables.identifier, [an_identifier(1, journey=9, value="b"), an_identifier(3)])
    found = rows_of(connection, tables.identifier)
    assert found == [an_identifier(1, journey=9, value="b"), an_identifier(2), an_identifier(3)]


def test_replace_can_put_null_in_the_place_of_a_value(bulk: Bulk, connection: Connection):
    row = (key(1), "e", "r", "m", "t", "{}", b"p", "held", 1, 2, "me", "why")
    bulk.replace(tables.quarantine, [row])
    bulk.replace(tables.quarantine, [(*row[:9], None, None, None)])
    assert rows_of(connection, tables.quarantine) == [(*row[:9], None, None, None)]


def test_replace_of_nothing_does_nothing(bulk: Bulk):
    bulk.replace(tables.identifier, [])


# merge


def test_merge_combines_each_figure_as_its_column_says(bulk: Bulk, connection: Connection):
    bulk.merge(tables.source, [a_source("shop", first=5, last=5, occurred=9, facts=1), a_source("erp")])
    bulk.merge(tables.source, [a_source("shop", first=3, last=8, occurred=7, facts=2)])
    merged = a_source("shop", first=3, last=8, occurred=9, facts=3)
    assert rows_of(connection, tables.source) == [a_source("erp"), merged]


def test_merge_adds_negative_numbers(bulk: Bulk, connection: Connection):
    for journeys in (3, -1, -2):
        bulk.merge(tables.journey_count, [("status", "p", "failed", journeys)])
    assert rows_of(connection, tables.journey_count) == [("status", "p", "failed", 0)]


@given(
    st.lists(
        st.dictionaries(st.sampled_from("abc"), st.tuples(*[st.integers(-(2**40), 2**40)] * 3)), max_size=5
    )
)
def test_merging_is_adding_up(module_database: Database, rounds: list[dict[str, tuple[int, int, int]]]):
    with transaction(module_database) as connection:
        connection.execute(tables.source.delete())
        for figures in rounds:
            rows = [(name, "events", *times, times[0], 1, 0) for name, times in sorted(figures.items())]
            bulk_of(connection).merge(tables.source, rows)
        merged = rows_of(connection, tables.source)
    told = {name: [r[name] for r in rounds if name in r] for r in rounds for name in r}
    assert merged == [
        (
            name,
            "events",
            min(first for first, _, _ in values),
            max(last for _, last, _ in values),
            max(occurred for _, _, occurred in values),
            sum(first for first, _, _ in values),
            len(values),
            0,
        )
        for name, values in sorted(told.items())
    ]


# select, update, delete


def test_select_finds_the_named_columns_of_the_rows_with_these_keys(bulk: Bulk):
    bulk.insert(tables.identifier, [an_identifier(n, journey=n % 2, value=f"v{n}") for n in range(5)])
    found = bulk.select(tables.identifier, ("value", "key"), "key", [key(1), key(4), key(77)])
    assert sorted(found) == [("v1", key(1)), ("v4", key(4))]


def test_select_finds_every_row_of_a_column_that_is_no_key(bulk: Bulk):
    bulk.insert(tables.identifier, [an_identifier(n, journey=n % 2) for n in range(5)])
    found = bulk.select(tables.identifier, ("key",), "journey_id", {key(0)})
    assert sorted(found) == [(key(0),), (key(2),), (key(4),)]


def test_select_returns_a_row_once_when_its_key_is_asked_for_twice(bulk: Bulk):
    bulk.insert(tables.identifier, [an_identifier(1)])
    assert len(bulk.select(tables.identifier, ("key",), "key", [key(1), key(1)])) == 1


def test_select_of_no_keys_finds_nothing(bulk: Bulk):
    bulk.insert(tables.identifier, [an_identifier(1)])
    assert bulk.select(tables.identifier, ("key",), "key", []) == []


def test_select_takes_any_number_and_any_iterable_of_keys(bulk: Bulk):
    bulk.insert(tables.trace_link, [a_link(n) for n in range(MANY)])
    found = bulk.select(tables.trace_link, ("key",), "key", (key(n) for n in range(MANY)))
    assert len(found) == MANY
    assert all(type(value) is bytes for (value,) in found)


def test_update_sets_one_column_of_the_rows_with_these_keys(bulk: Bulk, connection: Connection):
    bulk.insert(tables.identifier, [an_identifier(n) for n in range(4)])
    bulk.update(tables.identifier, "journey_id", key(9), "key", [key(1), key(3), key(8)])
    bulk.update(tables.identifier, "journey_id", key(7), "key", [])
    assert [row[1] for row in rows_of(connection, tables.identifier)] == [key(1), key(9), key(1), key(9)]


def test_delete_removes_the_rows_with_these_keys(bulk: Bulk, connection: Connection):
    bulk.insert(tables.identifier, [an_identifier(n) for n in range(4)])
    bulk.delete(tables.identifier, "key", [key(1), key(3), key(8)])
    bulk.delete(tables.identifier, "key", [])
    assert [row[0] for row in rows_of(connection, tables.identifier)] == [key(0), key(2)]


# What goes in comes out


@given(st.lists(quarantine_rows, max_size=8, unique_by=lambda row: row[0]))
def test_bytes_texts_and_nulls_come_back_as_they_were(module_database: Database, rows: list[Row]):
    with transaction(module_database) as connection:
        connection.execute(tables.quarantine.delete())
        assert bulk_of(connection).insert_new(tables.quarantine, rows) == rows
        assert rows_of(connection, tables.quarantine) == sorted(rows)


@given(st.dictionaries(bigints, st.floats(allow_nan=False), max_size=8))
def test_numbers_come_back_as_they_were(module_database: Database, values: dict[int, float]):
    rows = [("s", "q", "", "depth", sampled_us, value) for sampled_us, value in sorted(values.items())]
    with transaction(module_database) as connection:
        connection.execute(tables.queue_sample.delete())
        bulk_of(connection).replace(tables.queue_sample, rows)
        assert rows_of(connection, tables.queue_sample) == rows


@given(
    st.lists(st.tuples(keys, st.booleans(), st.none() | bigints), max_size=6, unique_by=lambda row: row[0])
)
def test_truth_values_and_integers_come_back_as_they_were(
    module_database: Database, rows: list[tuple[bytes, bool, int | None]]
):
    full = [a_journey(id, hidden=hidden, failed_us=failed) for id, hidden, failed in rows]
    with transaction(module_database) as connection:
        connection.execute(tables.journey.delete())
        bulk_of(connection).replace(tables.journey, full)
        assert rows_of(connection, tables.journey) == sorted(full, key=lambda row: row[0])


def a_journey(id: bytes, *, hidden: bool, failed_us: int | None) -> Row:
    """A row of the table of journeys with the least and the greatest numbers that its columns take."""
    said: dict[str, Any] = {
        "id": id, "hidden": hidden, "process_version": 2**31 - 1, "stage_since_us": -(2**63),
        "started_us": 0, "last_event_us": 2**63 - 1, "failed_us": failed_us, "event_count": -(2**31),
        "updated_us": 1, "state": b"",
    }  # fmt: skip
    return tuple(said.get(column.name, "") for column in tables.journey.columns)


_ARRAYS = [
    ("bytea", ByteaArray, st.binary(max_size=200)),
    ("text", TextArray, texts),
    ("bigint", BigintArray, bigints),
    ("integer", IntegerArray, st.integers(-(2**31), 2**31 - 1)),
    ("boolean", BooleanArray, st.booleans()),
    ("double precision", DoubleArray, st.floats(allow_nan=False)),
]


@pytest.mark.parametrize(("name", "array", "values"), _ARRAYS, ids=[name for name, *_ in _ARRAYS])
@given(data=st.data())
def test_postgresql_reads_binary_arrays_as_they_were_written(
    postgres_store: Database, name: str, array: Any, values: st.SearchStrategy[Any], data: st.DataObject
):
    sent = data.draw(st.lists(st.none() | values, max_size=20))
    with reading(postgres_store) as connection:
        query = f"SELECT %s::{name}[], coalesce(array_length(%s::{name}[], 1), 0)"
        received, length = connection.exec_driver_sql(query, (array(sent), array(sent))).one()
    assert received == sent
    assert length == len(sent)


def test_no_statement_scans_a_table_on_sqlite(sqlite_store: Database):
    """The cost of a commit follows what is new, not what is stored."""
    with transaction(sqlite_store) as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        statements: list[str] = []
        driver.set_trace_callback(statements.append)
        bulk = bulk_of(connection)
        bulk.insert_new(tables.trace_link, [a_link(number) for number in range(5)])
        bulk.insert(tables.trace_link, [a_link(number) for number in range(5)])
        bulk.replace(tables.identifier, [an_identifier(number) for number in range(5)])
        bulk.merge(tables.source, [a_source("shop")])
        bulk.select(tables.identifier, ("key",), "key", [key(1), key(2)])
        bulk.update(tables.identifier, "journey_id", key(9), "key", [key(1), key(2)])
        bulk.delete(tables.identifier, "key", [key(1), key(2)])
        driver.set_trace_callback(None)
        plans = [row[3] for one in statements for row in driver.execute(f"EXPLAIN QUERY PLAN {one}")]

    assert any("SEARCH" in step for step in plans)
    scans = [step.split()[1] for step in plans if step.startswith("SCAN")]
    assert tables.metadata.tables.keys().isdisjoint(scans)
