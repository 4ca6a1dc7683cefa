"""The functions that mappings have besides those of JMESPath.

A function whose first argument is null gives null, so that what a document lacks is simply left out.
"""

from __future__ import annotations

import binascii
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from hashlib import blake2b
from typing import Any, TypeVar

import jmespath.functions as library

from collectors.json_values import BadJson, canonical_json
from collectors.mapping.errors import BadDocument
from collectors.mapping.times import moment_of
from collectors.mapping.values import decode_document, text_in

DEFAULT = "*"  # of a lookup table

# Decimal places of the currencies that do not have two: ISO 4217, as payment providers count minor units.
_NO_MINOR = frozenset("BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF UGX VND VUV XAF XOF XPF".split())
_THREE_PLACES = frozenset("BHD IQD JOD KWD LYD OMR TND".split())

Tables = Mapping[str, Mapping[str, str]]

_ANY: dict[str, list[str]] = {"types": []}
_MORE: dict[str, Any] = {"types": [], "variadic": True}

_Method = TypeVar("_Method", bound=Callable[..., object])


def _signature(*arguments: Any) -> Callable[[_Method], _Method]:
    """Declare the arguments of a function, as the library wants it."""
    declare: Callable[[_Method], _Method] = library.signature(*arguments)
    return declare


class MappingFunctions(library.Functions):
    """JMESPath's functions and ours; `tables` are the lookups of one mapping."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables

    @_signature(_ANY, _ANY)
    def _func_lookup(self, table: object, value: object) -> str | None:
        """The text for a value in a table, else its ``*``, else null."""
        if value is None:
            return None
        known = self.tables.get(str(table), {})
        return known.get(text_in(value), known.get(DEFAULT))

    @_signature(_ANY, _ANY)
    def _func_split(self, value: object, separator: object) -> list[str] | None:
        return None if value is None else text_in(value).split(text_in(separator))

    @_signature(_ANY)
    def _func_lower(self, value: object) -> str | None:
        return None if value is None else text_in(value).lower()

    @_signature(_ANY)
    def _func_upper(self, value: object) -> str | None:
        return None if value is None else text_in(value).upper()

    @_signature(_ANY)
    def _func_trim(self, value: object) -> str | None:
        return None if value is None else text_in(value).strip()

    @_signature(_ANY, _ANY)
    def _func_after(self, value: object, separator: object) -> str | None:
        """What follows the last separator; all of it when there is none."""
        return None if value is None else text_in(value).rpartition(text_in(separator))[2]

    @_signature(_ANY, _ANY)
    def _func_before(self, value: object, separator: object) -> str | None:
        """What comes before the first separator; all of it when there is none."""
        return None if value is None else text_in(value).partition(text_in(separator))[0]

    @_signature(_ANY)
    def _func_digits(self, value: object) -> str | None:
        """Its ASCII digits, leading zeros included."""
        if value is None:
            return None
        return "".join(char for char in text_in(value) if "0" <= char <= "9")

    @_signature(_ANY)
    def _func_text(self, value: object) -> str | None:
        """A scalar, or an XML element with attributes, as text."""
        return None if value is None else text_in(value)

    @_signature(_ANY)
    def _func_list(self, value: object) -> list[object]:
        """A list as it is, null as the empty list, anything else as a list of one."""
        if value is None:
            return []
        return value if isinstance(value, list) else [value]

    @_signature(_ANY)
    def _func_unique(self, values: object) -> list[object]:
        """The texts and numbers of a list, each once, in order; null and "" are left out."""
        found = values if isinstance(values, list) else [values]
        return list(dict.fromkeys(text_in(value) for value in found if value not in (None, "")))

    @_signature(_ANY)
    def _func_single(self, values: object) -> str | None:
        """The value of a list that has only one, however often; null when it has several or none.

        An event that named two orders would make one journey of both.
        """
        found = self._func_unique(values)
        return str(found[0]) if len(found) == 1 else None

    @_signature(_ANY, _ANY)
    def _func_spread(self, parents: object, member: object) -> list[object]:
        """The elements of a member of each object of a list, each with what its object says beside it."""
        name = text_in(member)
        return [
            {**parent, **child}
            for parent in self._func_list(parents)
            if isinstance(parent, dict)
            for child in self._func_list(parent.get(name))
            if isinstance(child, dict)
        ]

    @_signature(_ANY)
    def _func_total(self, values: object) -> str | None:
        """The exact decimal sum of a list, null for an empty one."""
        found = [value for value in values if value is not None] if isinstance(values, list) else []
        return str(sum((_decimal(value) for value in found), Decimal())) if found else None

    @_signature(_ANY, _ANY)
    def _func_times(self, value: object, factor: object) -> str | None:
        """The exact decimal product."""
        return None if value is None or factor is None else _plain(_decimal(value) * _decimal(factor))

    @_signature(_ANY, _ANY)
    def _func_minor(self, value: object, currency: object) -> str | None:
        """An amount in minor units (cents) as a decimal amount of its currency."""
        if value is None:
            return None
        code = text_in(currency).upper() if currency is not None else ""
        places = 0 if code in _NO_MINOR else 3 if code in _THREE_PLACES else 2
        return _plain(_decimal(value).scaleb(-places))

    @_signature(_ANY, _ANY)
    def _func_parse_time(self, value: object, form: object) -> str | None:
        """A time in that format as RFC 3339; without a zone of its own it counts as UTC."""
        if value in (None, ""):
            return None
        return moment_of(value, text_in(form), "UTC", "parse_time").isoformat()

    @_signature(_ANY)
    def _func_json(self, value: object) -> object:
        """The JSON document inside a text."""
        if value is None or not isinstance(value, str):
            return value
        try:
            return decode_document(value.encode())
        except BadJson as exc:
            raise BadDocument("bad_json", f"json(): {exc}") from exc

    @_signature(_ANY)
    def _func_base64(self, value: object) -> str | None:
        """The UTF-8 text inside base64."""
        if value is None:
            return None
        try:
            return binascii.a2b_base64("".join(text_in(value).split()), strict_mode=True).decode()
        except ValueError as exc:  # UnicodeDecodeError and binascii.Error are both
            raise BadDocument("bad_base64", f"base64(): expected base64 of UTF-8, {exc}") from exc

    @_signature(_ANY)
    def _func_digest(self, value: object) -> str:
        """The same 32 hexadecimal digits for the same content: an id for what has none."""
        return blake2b(canonical_json(value), digest_size=16).hexdigest()

    @_signature(_ANY, _MORE)
    def _func_first(self, *values: object) -> object:
        """The first value that is neither null nor empty."""
        return next((value for value in values if value not in (None, "", [], {})), None)

    def untyped(self, name: str) -> Callable[..., object] | None:
        """The function of that name when it takes values of any type, which need no check then."""
        found = self.FUNCTION_TABLE[name]
        if any(argument["types"] for argument in found["signature"]):
            return None
        method: Callable[..., object] = getattr(self, f"_func_{name}")
        return method


def arity_of(name: str) -> tuple[int, bool] | None:
    """How many arguments a function takes and whether it takes more; None when there is no such function."""
    found = MappingFunctions.FUNCTION_TABLE.get(name)
    if found is None:
        return None
    declared = found["signature"]
    return len(declared), bool(declared and declared[-1].get("variadic"))


def _decimal(value: object) -> Decimal:
    try:
        return Decimal(text_in(value).strip())
    except InvalidOperation as exc:
        raise BadDocument("not_a_number", f"expected a decimal number, found {str(value)[:64]!r}") from exc


def _plain(number: Decimal) -> str:
    return f"{number:f}"
