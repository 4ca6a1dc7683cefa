"""Trace requests: 512 spans, 12 attributes each, 10 spans a trace, every span a new one.

A request is encoded once by opentelemetry-proto and then used over and over: before it is sent again, fresh
ids and times are put over the old ones in place, which takes a fifth of a microsecond a span. Other values
(addresses, sizes, users, messages) vary from span to span, and between the templates.
"""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, Span, Status

from tests.bench.load import Prepared, request_head
from tests.bench.span_kinds import ALIKE, CHECKOUT, RESOURCES, Kind, Value

SPANS = 512  # a request
SPANS_A_TRACE = len(CHECKOUT)
PATH = "/v1/traces"
COLLECTOR = "collector"  # a request mixes the services, as a collector's batch does
SDK = "sdk"  # a request is of one service
SHAPES = (COLLECTOR, SDK)
REPEATED = "repeated"  # every span has the same keys
VARIED = "varied"  # each kind of span has its own keys, as semantic conventions name them
KEYS = (REPEATED, VARIED)

_PROTOBUF = "application/x-protobuf"
_ERRORS = 0.01
_HEX = np.frombuffer("".join(f"{n:02x}" for n in range(256)).encode(), np.uint8).reshape(256, 2)
_DASHES = (8, 13, 18, 23)
_UUID_DIGITS = np.array([n for n in range(36) if n not in _DASHES])

Bytes = NDArray[np.uint8]


class _Made(NamedTuple):
    """A span of a template, with what will be found again in its bytes."""

    span: Span
    trace: int
    parent: int  # index of its parent among the spans of the template, -1 for the root


class SpanSource:
    """Requests without end, of a fixed set of templates."""

    def __init__(self, address: str, *, shape: str, keys: str, templates: int, seed: int) -> None:
        rng = random.Random(seed)
        self._ids = np.random.default_rng(rng.getrandbits(64))
        self._free = deque(_Template(address, shape, keys, rng) for _ in range(templates))
        self._sent: dict[int, _Template] = {}
        self.body_bytes = sum(len(template.request.data) for template in self._free) // templates

    def take(self) -> Prepared:
        template = self._free.popleft()
        template.renew(self._ids, time.time_ns())
        self._sent[id(template.request.data)] = template
        return template.request

    def give_back(self, request: Prepared) -> None:
        self._free.append(self._sent.pop(id(request.data)))

    def some_trace_ids(self) -> list[str]:
        """Ids of traces that were sent last."""
        return [trace_id for template in self._free for trace_id in template.trace_ids()]


class _Template:
    """One encoded request, and where in it the ids and times stand."""

    def __init__(self, address: str, shape: str, keys: str, rng: random.Random) -> None:
        made = _make_spans(keys, rng)
        message = _request_of(made, shape, rng)
        body = message.SerializeToString()
        data = bytearray(request_head(address, PATH, _PROTOBUF, len(body)))
        data += body
        self.request = Prepared(data, len(made))
        self._bytes: Bytes = np.frombuffer(data, np.uint8)
        self._locate(bytes(data), made)

    def renew(self, rng: np.random.Generator, now_ns: int) -> None:
        """Put new ids and times in the place of the old ones."""
        ids = rng.integers(0, 256, (self._traces, 32), np.uint8)
        span_ids = rng.integers(0, 256, (SPANS, 8), np.uint8)
        raw = self._bytes
        raw[self._trace_at] = ids[self._trace_of, :16]
        raw[self._span_at] = span_ids
        raw[self._parent_at] = span_ids[self._parent_of]
        raw[self._time_at] = (self._times + np.uint64(now_ns)).view(np.uint8).reshape(-1, 8)
        raw[self._correlation_at] = _HEX[ids[:, 16:]].reshape(-1, 32)

    def trace_ids(self) -> list[str]:
        """The ids that it holds now."""
        return sorted({bytes(row).hex() for row in self._bytes[self._trace_at]})

    def _locate(self, data: bytes, made: Sequence[_Made]) -> None:
        """Find every id and time; the template's own are random, so each is found where it stands only."""
        spans = [data.index(b"\x12\x08" + m.span.span_id) + 2 for m in made]
        parents = [
            data.index(b"\x22\x08" + m.span.parent_span_id, at) + 2
            for m, at in zip(made, spans, strict=True)
            if m.parent >= 0
        ]
        starts = [_index_fixed64(data, 0x39, m.span.start_time_unix_nano, at) for m, at in _at(made, spans)]
        ends = [_index_fixed64(data, 0x41, m.span.end_time_unix_nano, at) for m, at in _at(made, spans)]
        roots = [m for m in made if m.parent < 0]
        correlations = [data.index(m.span.attributes[0].value.string_value.encode()) for m in roots]
        self._traces = len(roots)
        self._trace_of = np.array([m.trace for m in made])
        self._parent_of = np.array([m.parent for m in made if m.parent >= 0])
        self._span_at = _window(spans, 8)
        self._trace_at = _window([at - 18 for at in spans], 16)
        self._parent_at = _window(parents, 8)
        self._time_at = _window([*starts, *ends], 8)
        self._times = np.array(
            [m.span.start_time_unix_nano for m in made] + [m.span.end_time_unix_nano for m in made], np.uint64
        )
        self._correlation_at = np.array(correlations)[:, None] + _UUID_DIGITS[None, :]


def _at(made: Sequence[_Made], spans: Sequence[int]) -> zip[tuple[_Made, int]]:
    return zip(made, spans, strict=True)


def _index_fixed64(data: bytes, tag: int, value: int, start: int) -> int:
    return data.index(bytes((tag,)) + value.to_bytes(8, "little"), start) + 1


def _window(starts: Sequence[int], width: int) -> NDArray[np.int64]:
    return np.array(starts)[:, None] + np.arange(width)[None, :]


def _make_spans(keys: str, rng: random.Random) -> list[_Made]:
    """51 traces of 10 spans, and the first two of one more."""
    made: list[_Made] = []
    trace = 0
    while len(made) < SPANS:
        made.extend(_make_trace(keys, rng, trace, len(made))[: SPANS - len(made)])
        trace += 1
    return made


def _make_trace(keys: str, rng: random.Random, trace: int, first: int) -> list[_Made]:
    trace_id = rng.randbytes(16)
    # Times relative to the moment of sending, until they are renewed.
    begin = rng.randrange(1_000_000_000)
    length = rng.randrange(40_000_000, 900_000_000)
    made: list[_Made] = []
    for position, kind in enumerate(CHECKOUT):
        start = begin + length * position // 12 + rng.randrange(10_000)
        span = Span(
            trace_id=trace_id,
            span_id=rng.randbytes(8),
            name=kind.name,
            kind=kind.kind,
            start_time_unix_nano=start,
            end_time_unix_nano=start + length // (position + 1) + rng.randrange(10_000),
            flags=0x101,
            attributes=_attributes(kind, keys, rng),
        )
        if kind.parent is not None:
            span.parent_span_id = made[kind.parent].span.span_id
        if rng.random() < _ERRORS:
            span.status.CopyFrom(Status(code=Status.STATUS_CODE_ERROR, message="upstream timed out"))
        parent = -1 if kind.parent is None else first + kind.parent
        made.append(_Made(span, trace, parent))
    return made


def _attributes(kind: Kind, keys: str, rng: random.Random) -> list[KeyValue]:
    wanted: Mapping[str, Value] = kind.attributes if keys == VARIED else ALIKE
    values: dict[str, str | int] = {}
    if kind.parent is None:
        values["correlation.id"] = str(UUID(bytes=rng.randbytes(16)))
    for name, value in list(wanted.items())[: 12 - len(values)]:
        values[name] = value(rng) if callable(value) else value
    return [_key_value(name, value) for name, value in values.items()]


def _key_value(name: str, value: str | int) -> KeyValue:
    if isinstance(value, int):
        return KeyValue(key=name, value=AnyValue(int_value=value))
    return KeyValue(key=name, value=AnyValue(string_value=value))


def _request_of(made: Sequence[_Made], shape: str, rng: random.Random) -> ExportTraceServiceRequest:
    services = list(dict.fromkeys(kind.service for kind in CHECKOUT)) if shape == COLLECTOR else ["shop"]
    groups: dict[str, list[Span]] = {service: [] for service in services}
    for index, one in enumerate(made):
        service = CHECKOUT[index % SPANS_A_TRACE].service if shape == COLLECTOR else "shop"
        groups[service].append(one.span)
    request = ExportTraceServiceRequest()
    for service, spans in groups.items():
        request.resource_spans.append(_resource_spans(service, spans, rng))
    return request


def _resource_spans(service: str, spans: Sequence[Span], rng: random.Random) -> ResourceSpans:
    group = ResourceSpans(schema_url="https://opentelemetry.io/schemas/1.37.0")
    group.resource.attributes.append(_key_value("service.name", service))
    for name, value in RESOURCES.items():
        group.resource.attributes.append(_key_value(name, value(rng) if callable(value) else value))
    scope = group.scope_spans.add()
    scope.scope.name = f"northwind.{service}.tracing"
    scope.scope.version = "2.14.0"
    scope.spans.extend(spans)
    return group
