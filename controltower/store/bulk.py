"""Bulk statements over whole lists of rows, alike on both databases.

Rows are tuples in the order of the table's columns. SQL texts are made from the metadata, with every value as
a parameter; on SQLite many rows go into one statement (each statement hands the interpreter lock over once),
on PostgreSQL each column travels as one array.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache
from itertools import chain
from typing import Any, Protocol

from sqlalchemy import BigInteger, Boolean, Column, Connection, Double, Integer, LargeBinary, Table

from controltower.store.engine import SQLITE
from controltower.store.postgres_arrays import (
    BigintArray,
    BooleanArray,
    ByteaArray,
    DoubleArray,
    IntegerArray,
    PostgresArray,
    TextArray,
)

Row = tuple[Any, ...]
Execute = Callable[[str, Sequence[Any]], Iterable[Any]]

_SQLITE_VARIABLES = 16_000  # well under the 32,766 that SQLite allows


class Bulk(Protocol):
    """What a database offers for lists of rows."""

    def together(self) -> AbstractContextManager[object]:
        """Statements inside need not wait for one another, unless their rows are asked for."""

    def insert(self, table: Table, rows: Sequence[Row]) -> None:
        """Insert; rows whose primary key is there already are left alone."""

    def insert_new(self, table: Table, rows: Sequence[Row]) -> list[Row]:
        """Insert rows of distinct primary keys; returns those that were not there."""

    def replace(self, table: Table, rows: Sequence[Row], *, unchanged: tuple[str, ...] = ()) -> None:
        """Insert rows of distinct primary keys, or overwrite every other column of those that are there.

        Columns that the caller knows to be `unchanged` are not written, and so their indexes are not either.
        """

    def merge(self, table: Table, rows: Sequence[Row]) -> None:
        """Insert rows of distinct primary keys, or combine as each column's `info["merge"]` says."""

    def select(self, table: Table, columns: Sequence[str], by: str, keys: Iterable[bytes]) -> list[Row]:
        """The named columns of the rows whose column `by` is one of `keys`."""

    def update(self, table: Table, column: str, value: Any, by: str, keys: Iterable[bytes]) -> None:
        """Set one column of the rows whose column `by` is one of `keys`."""

    def delete(self, table: Table, by: str, keys: Iterable[bytes]) -> None:
        """Delete the rows whose column `by` is one of `keys`."""


def bulk_of(connection: Connection) -> Bulk:
    """The bulk statements of the database behind `connection`."""
    # Straight to the driver: SQLAlchemy's work on each statement would cost more than most of the statements.
    driver = connection.connection.driver_connection
    assert driver is not None
    return (_SQLiteBulk if connection.dialect.name == SQLITE else _PostgreSQLBulk)(driver)


class _SQLiteBulk:
    def __init__(self, driver: Any) -> None:
        self._execute: Execute = driver.execute

    def together(self) -> AbstractContextManager[object]:
        return nullcontext()

    def insert(self, table: Table, rows: Sequence[Row]) -> None:
        self._insert(table, rows, "ON CONFLICT DO NOTHING")

    def insert_new(self, table: Table, rows: Sequence[Row]) -> list[Row]:
        new: list[Row] = []
        for part in _powers_of_two(rows, _SQLITE_VARIABLES // len(table.columns)):
            try:
                self._insert(table, part, "")
            except sqlite3.IntegrityError:
                # Repeats are rare, so rows are only looked up where some are there already.
                known = self._known(table, part)
                part = [row for row in part if row[: len(table.primary_key.columns)] not in known]
                self._insert(table, part, "")
            new.extend(part)
        return new

    def _known(self, table: Table, rows: Sequence[Row]) -> set[Row]:
        width = len(table.primary_key.columns)
        flat = tuple(value for row in rows for value in row[:width])
        return {tuple(row) for row in self._execute(_sqlite_known(table, len(rows)), flat)}

    def replace(self, table: Table, rows: Sequence[Row], *, unchanged: tuple[str, ...] = ()) -> None:
        self._insert(table, rows, _on_conflict(table, _overwrite, unchanged))

    def merge(self, table: Table, rows: Sequence[Row]) -> None:
        self._insert(table, rows, _on_conflict(table, _combine_sqlite))

    def select(self, table: Table, columns: Sequence[str], by: str, keys: Iterable[bytes]) -> list[Row]:
        names = ", ".join(f'"{name}"' for name in columns)
        found: list[Row] = []
        for part, marks in self._marks(keys):
            sql = f'SELECT {names} FROM "{table.name}" WHERE "{by}" IN ({marks})'
            found.extend(tuple(row) for row in self._execute(sql, part))
        return found

    def update(self, table: Table, column: str, value: Any, by: str, keys: Iterable[bytes]) -> None:
        for part, marks in self._marks(keys):
            self._execute(
                f'UPDATE "{table.name}" SET "{column}" = ? WHERE "{by}" IN ({marks})', (value, *part)
            )

    def delete(self, table: Table, by: str, keys: Iterable[bytes]) -> None:
        for part, marks in self._marks(keys):
            self._execute(f'DELETE FROM "{table.name}" WHERE "{by}" IN ({marks})', part)

    def _insert(self, table: Table, rows: Sequence[Row], conflict: str) -> None:
        width = len(table.columns)
        # Statements of a few fixed sizes, so that the driver finds them prepared.
        for part in _powers_of_two(rows, _SQLITE_VARIABLES // width):
            sql = _sqlite_insert(table, len(part), conflict)
            self._execute(sql, tuple(chain.from_iterable(part)))

    @staticmethod
    def _marks(keys: Iterable[bytes]) -> Iterator[tuple[tuple[bytes, ...], str]]:
        for part in _parts(list(keys), _SQLITE_VARIABLES):
            size = _padded(len(part))
            yield (*part, *[part[-1]] * (size - len(part))), ", ".join("?" * size)


class _PostgreSQLBulk:
    def __init__(self, driver: Any) -> None:
        self._driver = driver
        self._execute: Execute = driver.execute

    def together(self) -> AbstractContextManager[object]:
        return self._driver.pipeline()  # type: ignore[no-any-return]

    def insert(self, table: Table, rows: Sequence[Row]) -> None:
        self._insert(table, rows, "ON CONFLICT DO NOTHING")

    def insert_new(self, table: Table, rows: Sequence[Row]) -> list[Row]:
        if not rows:
            return []
        names = ", ".join(f'"{c.name}"' for c in table.primary_key.columns)
        sql = f"{_unnest(table)} ON CONFLICT DO NOTHING RETURNING {names}"
        stored = {tuple(row) for row in self._execute(sql, _columns(table, _in_key_order(table, rows)))}
        if len(stored) == len(rows):
            return list(rows)
        width = len(table.primary_key.columns)
        return [row for row in rows if row[:width] in stored]

    def replace(self, table: Table, rows: Sequence[Row], *, unchanged: tuple[str, ...] = ()) -> None:
        self._insert(table, rows, _on_conflict(table, _overwrite, unchanged))

    def merge(self, table: Table, rows: Sequence[Row]) -> None:
        self._insert(table, rows, _on_conflict(table, _combine_postgresql))

    def select(self, table: Table, columns: Sequence[str], by: str, keys: Iterable[bytes]) -> list[Row]:
        names = ", ".join(f'"{name}"' for name in columns)
        sql = f'SELECT {names} FROM "{table.name}" WHERE "{by}" = ANY(%s::bytea[])'
        wanted = ByteaArray(keys)
        return [tuple(row) for row in self._execute(sql, (wanted,))] if wanted else []

    def update(self, table: Table, column: str, value: Any, by: str, keys: Iterable[bytes]) -> None:
        sql = f'UPDATE "{table.name}" SET "{column}" = %s WHERE "{by}" = ANY(%s::bytea[])'
        self._execute(sql, (value, ByteaArray(keys)))

    def delete(self, table: Table, by: str, keys: Iterable[bytes]) -> None:
        self._execute(f'DELETE FROM "{table.name}" WHERE "{by}" = ANY(%s::bytea[])', (ByteaArray(keys),))

    def _insert(self, table: Table, rows: Sequence[Row], conflict: str) -> None:
        if rows:
            self._execute(f"{_unnest(table)} {conflict}", _columns(table, _in_key_order(table, rows)))


@lru_cache(maxsize=512)
def _sqlite_insert(table: Table, rows: int, conflict: str) -> str:
    one = f"({', '.join('?' * len(table.columns))})"
    return f"{_insert_start(table)} VALUES {', '.join([one] * rows)} {conflict}"


@lru_cache(maxsize=128)
def _sqlite_known(table: Table, rows: int) -> str:
    """Which of so many primary keys are there.

    A join, in this order: for `(a, b) IN (VALUES ...)` SQLite scans the whole table.
    """
    names = [c.name for c in table.primary_key.columns]
    found = ", ".join(f't."{name}"' for name in names)
    same = " AND ".join(f't."{name}" = v.column{number}' for number, name in enumerate(names, 1))
    values = ", ".join([f"({', '.join('?' * len(names))})"] * rows)
    return f'SELECT {found} FROM (VALUES {values}) AS v CROSS JOIN "{table.name}" AS t ON {same}'


def _insert_start(table: Table) -> str:
    names = ", ".join(f'"{c.name}"' for c in table.columns)
    return f'INSERT INTO "{table.name}" ({names})'


@lru_cache(maxsize=64)
def _unnest(table: Table) -> str:
    arrays = ", ".join(f"%s::{_array_type(c)[0]}[]" for c in table.columns)
    return f"{_insert_start(table)} SELECT * FROM unnest({arrays})"


def _in_key_order(table: Table, rows: Sequence[Row]) -> list[Row]:
    """Two writers that insert the same rows in opposite orders would wait for each other for ever."""
    width = len(table.primary_key.columns)
    return sorted(rows, key=lambda row: row[:width])


def _columns(table: Table, rows: Sequence[Row]) -> tuple[PostgresArray, ...]:
    return tuple(array(column) for array, column in zip(_arrays(table), zip(*rows, strict=True), strict=True))


@lru_cache(maxsize=64)
def _arrays(table: Table) -> tuple[type[PostgresArray], ...]:
    return tuple(_array_type(column)[1] for column in table.columns)


def _array_type(column: Column[Any]) -> tuple[str, type[PostgresArray]]:
    kinds: tuple[tuple[type, str, type[PostgresArray]], ...] = (
        (LargeBinary, "bytea", ByteaArray),
        (BigInteger, "bigint", BigintArray),
        (Integer, "integer", IntegerArray),
        (Boolean, "boolean", BooleanArray),
        (Double, "double precision", DoubleArray),
    )
    return next(
        ((name, array) for kind, name, array in kinds if isinstance(column.type, kind)), ("text", TextArray)
    )


@lru_cache(maxsize=64)
def _on_conflict(
    table: Table, assign: Callable[[Table, Column[Any]], str], unchanged: tuple[str, ...] = ()
) -> str:
    keys = ", ".join(f'"{c.name}"' for c in table.primary_key.columns)
    rest = ", ".join(assign(table, c) for c in table.columns if not c.primary_key and c.name not in unchanged)
    return f"ON CONFLICT ({keys}) DO UPDATE SET {rest}"


def _overwrite(_: Table, column: Column[Any]) -> str:
    return f'"{column.name}" = excluded."{column.name}"'


def _combine_sqlite(table: Table, column: Column[Any]) -> str:
    return _combine(table, column, least="min", greatest="max")


def _combine_postgresql(table: Table, column: Column[Any]) -> str:
    return _combine(table, column, least="least", greatest="greatest")


def _combine(table: Table, column: Column[Any], *, least: str, greatest: str) -> str:
    name, mine = f'"{column.name}"', f'"{table.name}"."{column.name}"'
    how = column.info["merge"]
    if how == "sum":
        return f"{name} = {mine} + excluded.{name}"
    function = {"min": least, "max": greatest}[how]
    return f"{name} = {function}({mine}, excluded.{name})"


def _parts(rows: Sequence[Any], most: int) -> Iterator[Sequence[Any]]:
    for start in range(0, len(rows), most):
        yield rows[start : start + most]


def _powers_of_two(rows: Sequence[Row], most: int) -> Iterator[Sequence[Row]]:
    start = 0
    while start < len(rows):
        size = min(_padded(len(rows) - start + 1) // 2 or 1, 1 << (most.bit_length() - 1))
        yield rows[start : start + size]
        start += size


def _padded(length: int) -> int:
    """The least power of two that is not less than `length`."""
    return 1 << (length - 1).bit_length() if length else 0
