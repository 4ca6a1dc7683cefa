"""OTLP in JSON to the same protobuf message.

Follows the JSON encoding of the OTLP specification: ids in hex, camelCase names, 64-bit integers as texts,
unknown fields ignored. It also takes what exporters really send where that can mean only one thing: ids in
base64 (told apart by their length), names of enum values, numbers as texts, snake_case names, bare NaN.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

import msgspec
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message

from collectors.otlp.lookalikes import name_of_shape
from controltower.domain.errors import BadPayload

MAX_DEPTH = 64  # of nested messages; protobuf itself gives up at 100
_ID_BYTES = {"trace_id": 16, "span_id": 8, "parent_span_id": 8}
_NON_FINITE = {
    "nan": math.nan,
    "infinity": math.inf,
    "-infinity": -math.inf,
    "inf": math.inf,
    "-inf": -math.inf,
}
_INTEGERS = frozenset(
    (
        FieldDescriptor.TYPE_INT32,
        FieldDescriptor.TYPE_INT64,
        FieldDescriptor.TYPE_UINT32,
        FieldDescriptor.TYPE_UINT64,
        FieldDescriptor.TYPE_SINT32,
        FieldDescriptor.TYPE_SINT64,
        FieldDescriptor.TYPE_FIXED32,
        FieldDescriptor.TYPE_FIXED64,
        FieldDescriptor.TYPE_SFIXED32,
        FieldDescriptor.TYPE_SFIXED64,
    )
)

AnyMessage = TypeVar("AnyMessage", bound=Message)
Convert = Callable[[Any], Any]  # raises ValueError


class _Field(NamedTuple):
    """How one JSON member becomes one field."""

    name: str
    is_repeated: bool
    convert: Convert | None  # None for messages
    message: Descriptor | None


def message_from_json(body: bytes, kind: type[AnyMessage], root: str) -> AnyMessage:
    """Decode an OTLP request in JSON; `root` is the field that every such request has.

    Raises BadPayload with the path of the mistake, or with what the document looks like when it is no OTLP.
    """
    document = _parse(body)
    message = kind()
    fields = _fields_of(message.DESCRIPTOR)
    if not isinstance(document, dict) or (document and not any(name in fields for name in document)):
        raise BadPayload(f"expected OTLP JSON, an object with {root}; {name_of_shape(document)}")
    _fill(message, document, "", MAX_DEPTH)
    return message


def _parse(body: bytes) -> object:
    try:
        return msgspec.json.decode(body)
    except RecursionError as exc:
        raise BadPayload("the JSON is nested too deep") from exc
    except (msgspec.MsgspecError, UnicodeDecodeError) as exc:
        if b"NaN" not in body and b"Infinity" not in body:
            raise BadPayload(f"not JSON: {exc}") from exc
    try:
        return json.loads(body)  # the only one here that reads a bare NaN
    except RecursionError as exc:
        raise BadPayload("the JSON is nested too deep") from exc
    except ValueError as exc:
        raise BadPayload(f"not JSON: {exc}") from exc


def _fill(message: Message, members: object, path: str, depth: int) -> None:
    if not isinstance(members, dict):
        raise BadPayload(f"{path}: expected an object, found {_shown(members)}")
    if not depth:
        raise BadPayload(f"{path[:100]}...: nested deeper than {MAX_DEPTH} levels")
    fields = _fields_of(message.DESCRIPTOR)
    for name, value in members.items():
        field = fields.get(name)
        if field is None or value is None:
            continue
        where = f"{path}.{name}" if path else name
        if field.convert is None:
            _fill_messages(message, field, value, where, depth - 1)
        else:
            _fill_scalars(message, field, value, where)


def _fill_messages(message: Message, field: _Field, value: object, path: str, depth: int) -> None:
    target = getattr(message, field.name)
    if not field.is_repeated:
        target.SetInParent()
        _fill(target, value, path, depth)
        return
    for index, item in enumerate(_items(value, path)):
        _fill(target.add(), item, f"{path}[{index}]", depth)


def _fill_scalars(message: Message, field: _Field, value: object, path: str) -> None:
    convert = field.convert
    assert convert is not None
    try:
        if field.is_repeated:
            getattr(message, field.name).extend([convert(item) for item in _items(value, path)])
        else:
            setattr(message, field.name, convert(value))
    except (ValueError, TypeError, OverflowError) as exc:
        raise BadPayload(f"{path}: {exc or 'not a value of this field'}, found {_shown(value)}") from exc


def _items(value: object, path: str) -> list[object]:
    if not isinstance(value, list):
        raise BadPayload(f"{path}: expected an array, found {_shown(value)}")
    return value


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


@lru_cache(maxsize=256)
def _fields_of(descriptor: Descriptor) -> dict[str, _Field]:
    """The fields of a message by each name that JSON may give them."""
    fields = {}
    for field in descriptor.fields:
        entry = _Field(field.name, field.is_repeated, _converter(field), field.message_type)
        fields[field.name] = fields[field.json_name] = entry
    return fields


def _converter(field: FieldDescriptor) -> Convert | None:
    if field.type == FieldDescriptor.TYPE_MESSAGE:
        return None
    if field.type == FieldDescriptor.TYPE_BYTES:
        size = _ID_BYTES.get(field.name)
        return _bytes_of if size is None else lambda value: _id_of(value, size)
    if field.type == FieldDescriptor.TYPE_ENUM:
        return _enum_converter(field.enum_type)
    if field.type in (FieldDescriptor.TYPE_DOUBLE, FieldDescriptor.TYPE_FLOAT):
        return _float_of
    if field.type == FieldDescriptor.TYPE_BOOL:
        return _bool_of
    return _int_of if field.type in _INTEGERS else _text_of


def _id_of(value: object, size: int) -> bytes:
    """A trace or span id in hex, or in base64 when its length says so.

    A hex id of another length is passed on: the span is refused later, and not the whole request.
    """
    if not isinstance(value, str):
        raise ValueError(f"expected {size * 2} hex digits")
    if len(value) in (_base64_length(size), _base64_length(size) - (-size % 3)):
        decoded = _base64(value)
        if len(decoded) == size:
            return decoded
    try:
        return bytes.fromhex(value)
    except ValueError:
        raise ValueError(f"expected {size * 2} hex digits") from None


def _base64_length(size: int) -> int:
    return -(-size // 3) * 4


def _base64(value: str) -> bytes:
    standard = value.replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
    except ValueError:
        raise ValueError("expected base64") from None


def _bytes_of(value: object) -> bytes:
    if not isinstance(value, str):
        raise ValueError("expected base64")
    return _base64(value)


def _text_of(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise ValueError("expected a text")


def _int_of(value: object) -> int:
    if isinstance(value, bool):
        raise ValueError("expected a whole number")
    if isinstance(value, int):
        return value
    if isinstance(value, str):
        try:
            return int(value)
        except ValueError:
            value = _float_of(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    raise ValueError("expected a whole number")


def _float_of(value: object) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, str):
        known = _NON_FINITE.get(value.lower())
        if known is not None:
            return known
        try:
            return float(value)
        except ValueError:
            pass
    raise ValueError("expected a number")


def _bool_of(value: object) -> bool:
    if value is True or value == "true":
        return True
    if value is False or value == "false":
        return False
    raise ValueError("expected true or false")


def _enum_converter(enum: EnumDescriptor | None) -> Convert:
    numbers = {value.name: value.number for value in enum.values} if enum else {}

    def convert(value: object) -> int:
        if isinstance(value, str) and value in numbers:
            return numbers[value]
        try:
            return _int_of(value)
        except ValueError:
            raise ValueError(f"expected a number or one of {', '.join(numbers)}") from None

    return convert
