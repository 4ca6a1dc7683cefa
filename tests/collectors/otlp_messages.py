"""Random OTLP requests, and their encoding as OTLP JSON by protobuf's own JSON printer."""

import base64
import math
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList

_ID_NAMES = frozenset(("traceId", "spanId", "parentSpanId"))

texts = st.text(st.characters(codec="utf-8"), max_size=8)
uint64 = st.integers(0, 2**64 - 1)
trace_ids = st.binary(min_size=16, max_size=16)
span_ids = st.binary(min_size=8, max_size=8)
doubles = st.floats(allow_nan=False)
scalars = st.one_of(
    st.builds(AnyValue, string_value=texts),
    st.builds(AnyValue, bool_value=st.booleans()),
    st.builds(AnyValue, int_value=st.integers(-(2**63), 2**63 - 1)),
    st.builds(AnyValue, double_value=doubles),
    st.builds(AnyValue, bytes_value=st.binary(max_size=9)),
    st.just(AnyValue()),
)


def _nested(values: st.SearchStrategy[AnyValue]) -> st.SearchStrategy[AnyValue]:
    arrays = st.builds(ArrayValue, values=st.lists(values, max_size=2))
    maps = st.builds(KeyValueList, values=st.lists(st.builds(KeyValue, key=texts, value=values), max_size=2))
    return st.builds(AnyValue, array_value=arrays) | st.builds(AnyValue, kvlist_value=maps)


any_values = st.recursive(scalars, _nested, max_leaves=4)
attributes = st.lists(st.fixed_dictionaries({"key": texts, "value": any_values}), max_size=3)
resources = st.fixed_dictionaries({"attributes": attributes})
scopes = st.fixed_dictionaries({"name": texts, "version": texts})

spans = st.fixed_dictionaries(
    {"trace_id": trace_ids, "span_id": span_ids},
    optional={
        "parent_span_id": span_ids,
        "name": texts,
        "kind": st.integers(0, 5),
        "start_time_unix_nano": uint64,
        "end_time_unix_nano": uint64,
        "attributes": attributes,
        "flags": st.integers(0, 2**32 - 1),
        "events": st.lists(st.fixed_dictionaries({"name": texts, "time_unix_nano": uint64}), max_size=2),
        "links": st.lists(st.fixed_dictionaries({"trace_id": trace_ids, "span_id": span_ids}), max_size=2),
        "status": st.fixed_dictionaries({"code": st.integers(0, 2), "message": texts}),
    },
)
points = st.fixed_dictionaries(
    {"time_unix_nano": uint64, "attributes": attributes},
    optional={"as_double": doubles},
) | st.fixed_dictionaries({"as_int": st.integers(-(2**63), 2**63 - 1)})
histogram_points = st.fixed_dictionaries(
    {
        "count": uint64,
        "sum": doubles,
        "bucket_counts": st.lists(uint64, max_size=3),
        "explicit_bounds": st.lists(doubles, max_size=2),
        "exemplars": st.lists(
            st.fixed_dictionaries({"span_id": span_ids, "trace_id": trace_ids}), max_size=1
        ),
    }
)
metrics = st.one_of(
    st.fixed_dictionaries(
        {"name": texts, "gauge": st.fixed_dictionaries({"data_points": st.lists(points, max_size=2)})}
    ),
    st.fixed_dictionaries(
        {
            "name": texts,
            "sum": st.fixed_dictionaries(
                {
                    "data_points": st.lists(points, max_size=2),
                    "is_monotonic": st.booleans(),
                    "aggregation_temporality": st.integers(0, 2),
                }
            ),
        }
    ),
    st.fixed_dictionaries(
        {"histogram": st.fixed_dictionaries({"data_points": st.lists(histogram_points, max_size=2)})}
    ),
)
records = st.fixed_dictionaries(
    {"time_unix_nano": uint64, "body": any_values},
    optional={
        "severity_number": st.integers(0, 24),
        "event_name": texts,
        "trace_id": trace_ids,
        "span_id": span_ids,
        "attributes": attributes,
    },
)


def _requests(kind: type[Message], signal: str, items: str, item: st.SearchStrategy[Any]) -> Any:
    scope = st.fixed_dictionaries({"scope": scopes, items: st.lists(item, max_size=3)})
    part = st.fixed_dictionaries({"resource": resources, f"scope_{signal}": st.lists(scope, max_size=2)})
    return st.lists(part, max_size=2).map(lambda parts: kind(**{f"resource_{signal}": parts}))


trace_requests = _requests(ExportTraceServiceRequest, "spans", "spans", spans)
metric_requests = _requests(ExportMetricsServiceRequest, "metrics", "metrics", metrics)
log_requests = _requests(ExportLogsServiceRequest, "logs", "log_records", records)
any_request = trace_requests | metric_requests | log_requests


def otlp_json(message: Message, *, hex_ids: bool = True, **options: Any) -> Any:
    """An OTLP message as JSON; without `hex_ids`, and with options, in the ways exporters get it wrong."""
    document = MessageToDict(message, **options)
    return _with_hex_ids(document) if hex_ids else document


def _with_hex_ids(value: Any) -> Any:
    if isinstance(value, list):
        return [_with_hex_ids(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        name: base64.b64decode(item).hex() if name in _ID_NAMES else _with_hex_ids(item)
        for name, item in value.items()
    }


def has_only_finite_numbers(value: Any) -> bool:
    """Whether a document can be written as standard JSON."""
    if isinstance(value, dict):
        return all(has_only_finite_numbers(item) for item in value.values())
    if isinstance(value, list):
        return all(has_only_finite_numbers(item) for item in value)
    return not isinstance(value, float) or math.isfinite(value)
