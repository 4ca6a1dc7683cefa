"""Cutting trace requests into segments without taking the spans apart.

The OTLP trace messages are declared here a second time, with less in them: what is not needed for cutting is
`bytes`. Both declarations read the same wire format, so protobuf's own parser finds the exact bytes of every
span for a fraction of the price of decoding it. tests/collectors/test_wire.py proves that cutting and joining
equal opentelemetry-proto.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_Field = descriptor_pb2.FieldDescriptorProto
_PACKAGE = "controltower.wire"


def _declare(file: descriptor_pb2.FileDescriptorProto, name: str, *fields: tuple[str, int, str]) -> None:
    message = file.message_type.add(name=name)
    for field_name, number, kind in fields:
        field = message.field.add(name=field_name, number=number, label=_Field.LABEL_REPEATED)
        if kind == "bytes":
            field.type = _Field.TYPE_BYTES
        else:
            field.type = _Field.TYPE_MESSAGE
            field.type_name = f".{_PACKAGE}.{kind}"


def _message_classes() -> tuple[Any, Any]:
    file = descriptor_pb2.FileDescriptorProto(
        name="controltower/wire.proto", package=_PACKAGE, syntax="proto3"
    )
    # Every field is repeated: a writer may send a part twice, and proto3 then merges the two.
    _declare(file, "ScopeSpans", ("scope", 1, "bytes"), ("spans", 2, "bytes"), ("schema_url", 3, "bytes"))
    _declare(
        file,
        "ResourceSpans",
        ("resource", 1, "bytes"),
        ("scope_spans", 2, "ScopeSpans"),
        ("schema_url", 3, "bytes"),
    )
    _declare(file, "TracesData", ("resource_spans", 1, "ResourceSpans"))
    _declare(file, "Span", ("attributes", 9, "bytes"))
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    traces_data, span = (pool.FindMessageTypeByName(f"{_PACKAGE}.{n}") for n in ("TracesData", "Span"))
    return message_factory.GetMessageClass(traces_data), message_factory.GetMessageClass(span)


TracesData: Any
"""`TracesData.FromString(body)` has resource_spans[] of resource[], scope_spans[] (of scope[], spans[],
schema_url[]) and schema_url[]; all leaves are bytes.
"""

Span: Any
"""`Span.FromString(span)` has attributes[], each the bytes of a KeyValue."""

TracesData, Span = _message_classes()


RESOURCE_SPANS = RESOURCE = SCOPE = 0x0A
"""The tag byte of a length-delimited field 1: TracesData.resource_spans, and so on."""

SCOPE_SPANS = SPAN = 0x12
"""Field 2."""

SCHEMA_URL = 0x1A
"""Field 3."""


def field(tag: int, value: bytes) -> bytes:
    """A length-delimited field."""
    return prefix(tag, len(value)) + value


@lru_cache(maxsize=1 << 16)
def prefix(tag: int, size: int) -> bytes:
    """What stands before the bytes of a length-delimited field: its tag and its length."""
    encoded = bytearray((tag,))
    while size > 0x7F:
        encoded.append(size & 0x7F | 0x80)
        size >>= 7
    encoded.append(size)
    return bytes(encoded)
