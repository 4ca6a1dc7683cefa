"""Columns of rows as PostgreSQL arrays in binary form.

psycopg dumps lists element by element in Python, with a regular expression each for text; for the arrays of
the group commit that cost more than all of PostgreSQL's work. Format: array_send in PostgreSQL's
arrayfuncs.c.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from struct import Struct, pack
from typing import Any

from psycopg import Connection
from psycopg.abc import Buffer
from psycopg.adapt import Dumper
from psycopg.pq import Format

_HEADER = Struct(">iiIii")
_LENGTH = Struct(">i").pack
_NULL = _LENGTH(-1)


class PostgresArray(list[Any]):
    """A column of values; each subclass is an array type of PostgreSQL."""


class ByteaArray(PostgresArray):
    """bytea[]"""


class TextArray(PostgresArray):
    """text[]"""


class BigintArray(PostgresArray):
    """bigint[]"""


class IntegerArray(PostgresArray):
    """integer[]"""


class BooleanArray(PostgresArray):
    """boolean[]"""


class DoubleArray(PostgresArray):
    """double precision[]"""


def _variable(encode: Callable[[Any], bytes]) -> Callable[[Sequence[Any]], bytes]:
    def body(values: Sequence[Any]) -> bytes:
        parts: list[bytes] = []
        for value in values:
            if value is None:
                parts.append(_NULL)
            else:
                raw = encode(value)
                parts.append(_LENGTH(len(raw)))
                parts.append(raw)
        return b"".join(parts)

    return body


def _fixed(code: str, size: int) -> Callable[[Sequence[Any]], bytes]:
    one = Struct(f">i{code}").pack

    def body(values: Sequence[Any]) -> bytes:
        if None in values:
            return b"".join([_NULL if value is None else one(size, value) for value in values])
        flat = [size] * (2 * len(values))
        flat[1::2] = values
        return pack(">" + f"i{code}" * len(values), *flat)

    return body


def _text(value: str) -> bytes:
    """PostgreSQL's text cannot hold NUL; the replacement character stands for it. Payloads keep what came."""
    return value.encode().replace(b"\0", b"\xef\xbf\xbd")


def _dumper(array_oid: int, element_oid: int, body: Callable[[Sequence[Any]], bytes]) -> type[Dumper]:
    class ArrayDumper(Dumper):
        format = Format.BINARY
        oid = array_oid

        def dump(self, obj: Any) -> Buffer | None:
            if not obj:
                return _HEADER.pack(0, 0, element_oid, 0, 0)[:12]
            return _HEADER.pack(1, int(None in obj), element_oid, len(obj), 1) + body(obj)

    return ArrayDumper


_DUMPERS: tuple[tuple[type[PostgresArray], type[Dumper]], ...] = (
    (ByteaArray, _dumper(1001, 17, _variable(bytes))),
    (TextArray, _dumper(1009, 25, _variable(_text))),
    (BigintArray, _dumper(1016, 20, _fixed("q", 8))),
    (IntegerArray, _dumper(1007, 23, _fixed("i", 4))),
    (BooleanArray, _dumper(1000, 16, _fixed("?", 1))),
    (DoubleArray, _dumper(1022, 701, _fixed("d", 8))),
)


def register(connection: Connection[Any]) -> None:
    """Teach a connection to send these arrays."""
    for array_type, dumper in _DUMPERS:
        connection.adapters.register_dumper(array_type, dumper)
