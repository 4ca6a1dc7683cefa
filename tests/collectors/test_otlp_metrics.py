"""Metrics: those that describe queues become samples, the others are counted."""

import json
from typing import Any

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from collectors.otlp.metrics import MAX_NAMES, OTHER, decode_metrics
from controltower.domain.errors import BadPayload
from controltower.domain.facts import QueueSample
from tests.collectors.asgi import post
from tests.collectors.estate import NOW_US, an_app
from tests.fakes import FakeIngest

AT_NS = 1_767_225_600_000_000_123
AT_US = 1_767_225_600_000_000


def pairs(attributes):
    def value(item):
        return {"int_value": item} if isinstance(item, int) else {"string_value": item}

    return [{"key": name, "value": value(item)} for name, item in attributes.items()]


def a_point(value=7, at_ns=AT_NS, flags=0, **attributes):
    named = {"as_int": value} if isinstance(value, int) else {"as_double": value}
    names = {name.replace("__", "."): item for name, item in attributes.items()}
    return {**named, "time_unix_nano": at_ns, "flags": flags, "attributes": pairs(names)}


def a_gauge(name, *points):
    return {"name": name, "gauge": {"data_points": points or [a_point()]}}


def a_counter(name, *points, temporality=2):
    return {
        "name": name,
        "sum": {"data_points": points, "is_monotonic": True, "aggregation_temporality": temporality},
    }


def decode(*metrics, resource=None):
    part: Any = {"resource": {"attributes": pairs(resource or {})}, "scope_metrics": [{"metrics": metrics}]}
    request = ExportMetricsServiceRequest(resource_metrics=[part])
    return decode_metrics(request.SerializeToString(), received_us=NOW_US)


RABBIT = {"rabbitmq.queue.name": "orders", "rabbitmq.vhost.name": "/", "rabbitmq.node.name": "rabbit@one"}


@pytest.mark.parametrize(
    ("metric", "resource", "expected"),
    [
        (
            a_gauge("rabbitmq.message.current", a_point(5, state="ready")),
            RABBIT,
            ("rabbitmq", "orders", "", "ready", 5),
        ),
        (
            a_gauge("rabbitmq.message.current", a_point(2, state="unacknowledged")),
            RABBIT | {"rabbitmq.vhost.name": "eu"},
            ("rabbitmq", "eu/orders", "", "unacknowledged", 2),
        ),
        (a_gauge("rabbitmq.consumer.count"), RABBIT, ("rabbitmq", "orders", "", "consumers", 7)),
        (
            a_counter("rabbitmq.message.delivered", a_point(9)),
            RABBIT,
            ("rabbitmq", "orders", "", "delivered_total", 9),
        ),
        (
            a_gauge("kafka.consumer_group.lag", a_point(3, group="erp", topic="orders", partition=0)),
            {},
            ("kafka", "orders/0", "erp", "lag", 3),
        ),
        (
            a_gauge("kafka.consumer_group.lag_sum", a_point(8, group="erp", topic="orders")),
            {},
            ("kafka", "orders", "erp", "lag", 8),
        ),
        (
            a_gauge("kafka.consumer_group.members", a_point(2, group="erp")),
            {},
            ("kafka", "", "erp", "consumers", 2),
        ),
        (
            a_gauge("kafka.partition.current_offset", a_point(99, topic="orders", partition=1)),
            {},
            ("kafka", "orders/1", "", "newest_offset", 99),
        ),
        (a_gauge("kafka.brokers", a_point(3)), {}, ("kafka", "", "", "brokers", 3)),
        (
            a_gauge("redis.db.keys", a_point(12, db="0")),
            {"server.address": "cache", "server.port": "6379"},
            ("redis", "cache:6379/db0", "", "keys", 12),
        ),
        (
            a_gauge("redis.clients.blocked", a_point(4)),
            {"server.address": "cache"},
            ("redis", "cache", "", "blocked_consumers", 4),
        ),
        (
            a_counter(
                "messaging.client.sent.messages",
                a_point(4, messaging__system="aws_sqs", messaging__destination__name="orders"),
            ),
            {},
            ("aws_sqs", "orders", "", "published_total", 4),
        ),
        (
            a_counter(
                "messaging.client.consumed.messages",
                a_point(
                    4,
                    messaging__system="kafka",
                    messaging__destination__name="orders",
                    messaging__destination__partition__id="2",
                    messaging__consumer__group__name="erp",
                ),
                temporality=1,
            ),
            {},
            ("kafka", "orders/2", "erp", "delivered_delta", 4),
        ),
        (
            a_gauge("messaging.queue.depth", a_point(1.5, messaging__destination__name="orders")),
            {},
            ("messaging", "orders", "", "queue.depth", 1.5),
        ),
    ],
)
def test_a_reading_of_a_queue_is_kept(metric, resource, expected):
    system, queue, group, measure, value = expected

    facts = decode(metric, resource=resource)

    assert facts.samples == [QueueSample(system, queue, group, AT_US, measure, value)]
    assert not facts.dropped


@pytest.mark.parametrize(
    ("metric", "reason"),
    [
        (a_gauge("process.cpu.time"), "not_about_queues"),
        ({"name": "empty"}, "not_about_queues"),
        (
            {"name": "messaging.process.duration", "histogram": {"data_points": [{"count": 1}]}},
            "not_a_reading",
        ),
        (a_gauge("rabbitmq.consumer.count"), "no_queue_name"),
        (a_gauge("kafka.consumer_group.lag", a_point(1, group="g")), "no_queue_name"),
        (a_gauge("kafka.brokers", a_point(1, flags=1)), "no_recorded_value"),
        (a_gauge("kafka.brokers", a_point(float("nan"))), "not_a_number"),
        (a_gauge("kafka.brokers", a_point(float("inf"))), "not_a_number"),
    ],
)
def test_every_other_data_point_is_counted_with_the_reason(metric, reason):
    facts = decode(metric)

    assert facts.dropped == {("metrics", reason, metric["name"]): 1}
    assert not facts.samples


def test_a_reading_without_a_time_was_taken_when_it_came():
    assert decode(a_gauge("kafka.brokers", a_point(at_ns=0))).samples[0].sampled_us == NOW_US


def test_the_names_counted_by_one_request_are_bounded():
    dropped = decode(*(a_gauge(f"made.up.{i}") for i in range(MAX_NAMES + 50))).dropped

    assert len(dropped) == MAX_NAMES + 1
    assert dropped[("metrics", "not_about_queues", OTHER)] == 50


def test_what_is_no_request_is_refused():
    with pytest.raises(BadPayload):
        decode_metrics(b"\xff", received_us=NOW_US)


def test_metrics_reach_the_way_in():
    ingest = FakeIngest()
    point = {"asInt": "5", "timeUnixNano": str(AT_NS), "attributes": []}
    metrics = [{"name": name, "gauge": {"dataPoints": [point]}} for name in ("kafka.brokers", "up")]
    body = json.dumps({"resourceMetrics": [{"scopeMetrics": [{"metrics": metrics}]}]}).encode()

    reply = post(an_app(ingest), "/v1/metrics", body, "application/json")

    assert (reply.status, reply.body) == (200, b"{}")
    assert [sample.measure for sample in ingest.samples] == ["brokers"]
    assert ingest.dropped == {("metrics", "not_about_queues", "up"): 1}
