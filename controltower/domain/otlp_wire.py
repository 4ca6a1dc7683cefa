"""The OTLP wire form of traces: cutting spans out of it, and putting some of them together again.

The OTLP trace messages are declared here a second time, with less in them: what is not needed for cutting is
`bytes`. Both declarations read the same wire format, so protobuf's own parser finds the exact bytes of every
span for a fraction of the price of decoding it. tests/domain/test_otlp_wire.py proves that cutting and
joining equal opentelemetry-proto.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

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
    _declare(file, "Span", ("trace_id", 1, "bytes"), ("attributes", 9, "bytes"))
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    traces_data, span = (pool.FindMessageTypeByName(f"{_PACKAGE}.{n}") for n in ("TracesData", "Span"))
    return message_factory.GetMessageClass(traces_data), message_factory.GetMessageClass(span)


TracesData: Any
"""`TracesData.FromString(body)` has resource_spans[] of resource[], scope_spans[] (of scope[], spans[],
schema_url[]) and schema_url[]; all leaves are bytes.
"""

Span: Any
"""`Span.FromString(span)` has trace_id[], of which the last counts, and attributes[], each a KeyValue."""

TracesData, Span = _message_classes()


_RESOURCE_SPANS = _RESOURCE = _SCOPE = 0x0A  # the tag of a length-delimited field 1
_SCOPE_SPANS = _SPAN = 0x12  # field 2
_SCHEMA_URL = 0x1A  # field 3


class Envelope:
    """What stands around the spans of one ScopeSpans: its resource, its scope and their schemas."""

    __slots__ = ("_resource_head", "_resource_tail", "_scope_head", "_scope_tail")

    def __init__(self, resource_spans: Any, scope_spans: Any) -> None:
        self._resource_head = b"".join([_field(_RESOURCE, part) for part in resource_spans.resource])
        self._resource_tail = b"".join([_field(_SCHEMA_URL, part) for part in resource_spans.schema_url])
        self._scope_head = b"".join([_field(_SCOPE, part) for part in scope_spans.scope])
        self._scope_tail = b"".join([_field(_SCHEMA_URL, part) for part in scope_spans.schema_url])

    def wrap(self, spans: Iterable[bytes]) -> bytes:
        """A TracesData of these spans alone; written one after the other, several are one."""
        inner = b"".join([self._scope_head, *[_field(_SPAN, span) for span in spans], self._scope_tail])
        scope_spans = _field(_SCOPE_SPANS, inner)
        return _field(_RESOURCE_SPANS, self._resource_head + scope_spans + self._resource_tail)


def extract(traces: bytes, trace_id: bytes) -> bytes:
    """A TracesData of one trace alone out of one that may hold many; bytes that are none come back whole."""
    try:
        cut = TracesData.FromString(traces)
    except DecodeError:
        return traces
    found = []
    for resource_spans in cut.resource_spans:
        for scope_spans in resource_spans.scope_spans:
            spans = [span for span in scope_spans.spans if trace_id in span and _trace_of(span) == trace_id]
            if spans:
                found.append(Envelope(resource_spans, scope_spans).wrap(spans))
    return b"".join(found)


def _trace_of(span: bytes) -> bytes:
    trace_ids = Span.FromString(span).trace_id
    return bytes(trace_ids[-1]) if trace_ids else b""


def _field(tag: int, value: bytes) -> bytes:
    return _prefix(tag, len(value)) + value


@lru_cache(maxsize=1 << 16)
def _prefix(tag: int, size: int) -> bytes:
    """What stands before the bytes of a length-delimited field: its tag and its length."""
    encoded = bytearray((tag,))
    while size > 0x7F:
        encoded.append(size & 0x7F | 0x80)
        size >>= 7
    encoded.append(size)
    return bytes(encoded)
