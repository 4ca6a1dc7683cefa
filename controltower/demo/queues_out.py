"""Reports how deep the simulated queues are, as the OpenTelemetry Collector's RabbitMQ receiver would."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricExporter, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource

from controltower.demo.emissions import DepthOut
from controltower.demo.spans_out import bearer

QUEUES = ("orders.inbound", "erp.post", "wms.release")
_EVERY_MS = 10_000
_BEING_WORKED_ON = 2  # consumers hold at most so many messages at a time


class QueueMeters:
    """Keeps the depths and lets the SDK report them; each queue is a resource, as it is to the receiver."""

    def __init__(self, make_exporter: Callable[[], MetricExporter], every_ms: int = _EVERY_MS) -> None:
        self.depths = dict.fromkeys(QUEUES, 0)
        self._providers = [self._provider(queue, make_exporter(), every_ms) for queue in QUEUES]

    def change(self, emission: DepthOut) -> None:
        """A queue grew or shrank."""
        self.depths[emission.queue] += emission.change

    def closers(self) -> list[Callable[[], None]]:
        """For each queue, what reports it once more and stops."""
        return [provider.shutdown for provider in self._providers]

    def _provider(self, queue: str, exporter: MetricExporter, every_ms: int) -> MeterProvider:
        provider = MeterProvider(
            [PeriodicExportingMetricReader(exporter, export_interval_millis=every_ms)],
            Resource.create(
                {
                    "service.name": "rabbitmq",
                    "rabbitmq.queue.name": queue,
                    "rabbitmq.node.name": "rabbit@northwind-living",
                    "rabbitmq.vhost.name": "/",
                }
            ),
            shutdown_on_exit=False,
        )
        meter = provider.get_meter("controltower.demo")
        meter.create_observable_up_down_counter(
            "rabbitmq.message.current",
            [lambda options: self._messages(queue, options)],
            unit="{messages}",
            description="The total number of messages currently in the queue",
        )
        meter.create_observable_up_down_counter(
            "rabbitmq.consumer.count",
            [lambda options: [Observation(_BEING_WORKED_ON)]],
            unit="{consumers}",
            description="The number of consumers currently reading from the queue",
        )
        return provider

    def _messages(self, queue: str, options: CallbackOptions) -> Iterable[Observation]:
        depth = max(self.depths[queue], 0)
        held = min(depth, _BEING_WORKED_ON)
        return [
            Observation(depth - held, {"state": "ready"}),
            Observation(held, {"state": "unacknowledged"}),
        ]


def otlp_metric_exporter(base_url: str, token: str) -> MetricExporter:
    """An OTLP/HTTP exporter of metrics for `base_url`."""
    return OTLPMetricExporter(f"{base_url.rstrip('/')}/v1/metrics", headers=bearer(token), timeout=5)
