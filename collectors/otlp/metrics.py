"""OTLP metrics into queue samples: what describes queues is kept, the rest is counted.

Known are the OpenTelemetry Collector's rabbitmq, kafkametrics and redis receivers, and the ``messaging.*``
semantic conventions, old and new. A counter keeps how it counts in the name of its measure: ``_total`` since
the start of its source, ``_delta`` since the reading before.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality, DataPointFlags

from collectors.otlp.attributes import attributes_of
from controltower.domain.errors import BadPayload
from controltower.domain.facts import QueueSample

MAX_NAMES = 100  # of metrics not kept, per request; the rest counts as OTHER
MAX_NAME = 120
OTHER = "(other)"
_DELTA = AggregationTemporality.AGGREGATION_TEMPORALITY_DELTA
_NO_VALUE = DataPointFlags.DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK

Attributes = Mapping[str, str]


class MetricFacts(NamedTuple):
    """What a metrics request held."""

    samples: list[QueueSample]
    dropped: Counter[tuple[str, str, str]]  # data points, by (signal, reason, metric)


class _Place(NamedTuple):
    """Whose reading a data point is; `measure` replaces that of the metric when it is not empty."""

    queue: str
    group: str = ""
    measure: str = ""
    system: str = ""


def decode_metrics(body: bytes, *, received_us: int) -> MetricFacts:
    """Read an ExportMetricsServiceRequest; raises BadPayload when the bytes are none."""
    try:
        request = ExportMetricsServiceRequest.FromString(body)
    except DecodeError as exc:
        raise BadPayload("not an ExportMetricsServiceRequest in protobuf") from exc
    facts = MetricFacts([], Counter())
    for resource_metrics in request.resource_metrics:
        resource = attributes_of(resource_metrics.resource.attributes)
        for scope_metrics in resource_metrics.scope_metrics:
            for metric in scope_metrics.metrics:
                _read_metric(facts, metric, resource, received_us)
    return facts


def _read_metric(facts: MetricFacts, metric: Any, resource: Attributes, received_us: int) -> None:
    shape = metric.WhichOneof("data")
    points = getattr(metric, shape).data_points if shape else ()
    known = _KNOWN.get(metric.name) or _semantic_convention(metric.name)
    if known is None:
        _drop(facts, "not_about_queues", metric.name, len(points))
        return
    if shape not in ("gauge", "sum"):
        _drop(facts, "not_a_reading", metric.name, len(points))
        return
    suffix = ""
    if shape == "sum" and metric.sum.is_monotonic:
        suffix = "_delta" if metric.sum.aggregation_temporality == _DELTA else "_total"
    for point in points:
        fault = _read_point(facts, point, known, suffix, resource, received_us)
        if fault:
            _drop(facts, fault, metric.name, 1)


def _read_point(
    facts: MetricFacts, point: Any, known: _Known, suffix: str, resource: Attributes, received_us: int
) -> str:
    """Add the sample of a data point; returns why not, "" when it was added."""
    which = point.WhichOneof("value")
    if which is None or point.flags & _NO_VALUE:
        return "no_recorded_value"
    value = float(getattr(point, which))
    if not math.isfinite(value):
        return "not_a_number"
    place = known.place(attributes_of(point.attributes), resource)
    if place is None:
        return "no_queue_name"
    sampled_us = point.time_unix_nano // 1000 or received_us
    measure = place.measure or known.measure + suffix
    system = place.system or known.system
    facts.samples.append(QueueSample(system, place.queue, place.group, sampled_us, measure, value))
    return ""


def _drop(facts: MetricFacts, reason: str, name: str, points: int) -> None:
    key = ("metrics", reason, name[:MAX_NAME])
    if key not in facts.dropped and len(facts.dropped) >= MAX_NAMES:
        key = ("metrics", reason, OTHER)
    facts.dropped[key] += max(points, 1)


class _Known(NamedTuple):
    """A metric that describes queues: what it measures, and how its data points name their queue."""

    system: str
    measure: str
    place: Callable[[Attributes, Attributes], _Place | None]


def _rabbitmq(point: Attributes, resource: Attributes) -> _Place | None:
    queue = resource.get("rabbitmq.queue.name") or point.get("rabbitmq.queue.name")
    if not queue:
        return None
    vhost = resource.get("rabbitmq.vhost.name", "")
    return _Place(queue if vhost in ("", "/") else f"{vhost}/{queue}", measure=point.get("state", ""))


def _kafka_topic(point: Attributes, _resource: Attributes) -> _Place | None:
    topic = point.get("topic")
    if not topic:
        return None
    partition = point.get("partition", "")
    return _Place(f"{topic}/{partition}" if partition else topic, point.get("group", ""))


def _kafka_group(point: Attributes, _resource: Attributes) -> _Place | None:
    group = point.get("group")
    return _Place("", group) if group else None


def _kafka_cluster(_point: Attributes, resource: Attributes) -> _Place | None:
    return _Place(resource.get("kafka.cluster.alias", ""))


def _redis_db(point: Attributes, resource: Attributes) -> _Place | None:
    database = point.get("db")
    return _Place(_redis_name(resource, f"db{database}")) if database else None


def _redis_server(_point: Attributes, resource: Attributes) -> _Place | None:
    return _Place(_redis_name(resource, ""))


def _redis_name(resource: Attributes, name: str) -> str:
    address = resource.get("server.address", "")
    port = resource.get("server.port", "")
    server = f"{address}:{port}" if address and port else address
    return f"{server}/{name}" if server and name else server or name


def _destination(point: Attributes, _resource: Attributes) -> _Place | None:
    queue = point.get("messaging.destination.name") or point.get("messaging.destination.template")
    if not queue:
        return None
    group = point.get("messaging.consumer.group.name") or point.get("messaging.kafka.consumer.group", "")
    partition = point.get("messaging.destination.partition.id", "")
    name = f"{queue}/{partition}" if partition else queue
    return _Place(name, group, system=point.get("messaging.system", ""))


_MESSAGING_PREFIX = "messaging."
_MESSAGING_MEASURES = {
    "messaging.client.sent.messages": "published",
    "messaging.client.published.messages": "published",
    "messaging.publish.messages": "published",
    "messaging.client.consumed.messages": "delivered",
    "messaging.receive.messages": "delivered",
    "messaging.process.messages": "processed",
}


def _semantic_convention(name: str) -> _Known | None:
    if not name.startswith(_MESSAGING_PREFIX):
        return None
    measure = _MESSAGING_MEASURES.get(name) or name.removeprefix(_MESSAGING_PREFIX)
    return _Known("messaging", measure[:MAX_NAME], _destination)


_KNOWN = {
    "rabbitmq.message.current": _Known("rabbitmq", "depth", _rabbitmq),
    "rabbitmq.consumer.count": _Known("rabbitmq", "consumers", _rabbitmq),
    "rabbitmq.message.delivered": _Known("rabbitmq", "delivered", _rabbitmq),
    "rabbitmq.message.published": _Known("rabbitmq", "published", _rabbitmq),
    "rabbitmq.message.acknowledged": _Known("rabbitmq", "acknowledged", _rabbitmq),
    "rabbitmq.message.dropped": _Known("rabbitmq", "dropped", _rabbitmq),
    "kafka.consumer_group.lag": _Known("kafka", "lag", _kafka_topic),
    "kafka.consumer_group.lag_sum": _Known("kafka", "lag", _kafka_topic),
    "kafka.consumer_group.offset": _Known("kafka", "offset", _kafka_topic),
    "kafka.consumer_group.offset_sum": _Known("kafka", "offset", _kafka_topic),
    "kafka.consumer_group.members": _Known("kafka", "consumers", _kafka_group),
    "kafka.partition.current_offset": _Known("kafka", "newest_offset", _kafka_topic),
    "kafka.partition.oldest_offset": _Known("kafka", "oldest_offset", _kafka_topic),
    "kafka.partition.replicas": _Known("kafka", "replicas", _kafka_topic),
    "kafka.partition.replicas_in_sync": _Known("kafka", "replicas_in_sync", _kafka_topic),
    "kafka.topic.partitions": _Known("kafka", "partitions", _kafka_topic),
    "kafka.brokers": _Known("kafka", "brokers", _kafka_cluster),
    "redis.db.keys": _Known("redis", "keys", _redis_db),
    "redis.clients.blocked": _Known("redis", "blocked_consumers", _redis_server),
    "redis.keys.evicted": _Known("redis", "evicted", _redis_server),
}
