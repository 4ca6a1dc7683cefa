"""OTLP/gRPC through a real server and a real client."""

import asyncio
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2_grpc import LogsServiceStub
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2_grpc import MetricsServiceStub
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import TraceServiceStub

from collectors.http import Limits
from collectors.otlp.grpc import build_grpc_server
from collectors.refusals import Unauthorized
from tests.collectors.estate import an_exporter, open_to_all
from tests.fakes import FakeIngest

RAW_EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"


def a_trace(*span_ids, name="s"):
    spans = [{"trace_id": b"t" * 16, "span_id": span_id, "name": name} for span_id in span_ids or (b"s" * 8,)]
    part: Any = {"scope_spans": [{"spans": spans}]}
    return ExportTraceServiceRequest(resource_spans=[part])


@asynccontextmanager
async def a_channel(ingest, authorize, limits):
    server = build_grpc_server(an_exporter(ingest), authorize=authorize, limits=limits)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield channel
    finally:
        await server.stop(None)


def call(ask, *, ingest=None, authorize=open_to_all, limits=None):
    async def run():
        async with a_channel(ingest or FakeIngest(), authorize, limits or Limits()) as channel:
            return await ask(channel)

    return asyncio.run(run())


def refused(ask, **options):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        call(ask, **options)
    return caught.value


def export(message, **options):
    return lambda channel: TraceServiceStub(channel).Export(message, **options)


def test_all_three_services_answer():
    async def ask(channel):
        return (
            await TraceServiceStub(channel).Export(a_trace()),
            await MetricsServiceStub(channel).Export(ExportMetricsServiceRequest()),
            await LogsServiceStub(channel).Export(ExportLogsServiceRequest()),
        )

    ingest = FakeIngest()

    replies = call(ask, ingest=ingest)

    assert not any(reply.HasField("partial_success") for reply in replies)
    assert [segment.trace_id for segment in ingest.segments] == [b"t" * 16]


def test_gzip_is_understood():
    ingest = FakeIngest()

    call(export(a_trace(), compression=grpc.Compression.Gzip), ingest=ingest)

    assert len(ingest.segments) == 1


def test_spans_without_a_valid_id_are_a_partial_success():
    reply = call(export(a_trace(b"s" * 8, b"bad")))

    assert reply.partial_success.rejected_spans == 1


def test_what_is_no_request_is_an_invalid_argument_and_quarantined():
    ingest = FakeIngest()

    error = refused(lambda channel: channel.unary_unary(RAW_EXPORT)(b"\xff\xff"), ingest=ingest)

    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert ingest.quarantined[0].edge == "otlp-traces"


def retry_seconds(error):
    details = dict(error.trailing_metadata())["grpc-status-details-bin"]
    status, info = Status.FromString(details), RetryInfo()
    assert status.details[0].Unpack(info)
    assert status.code == error.code().value[0]
    return info.retry_delay.seconds


def test_overload_and_a_store_that_is_away_say_when_to_retry():
    away, busy = FakeIngest(), FakeIngest()
    away.is_unavailable = True
    busy.overloads = -1

    unavailable = refused(export(a_trace()), ingest=away)
    overloaded = refused(export(a_trace()), ingest=busy)

    assert (unavailable.code(), retry_seconds(unavailable)) == (grpc.StatusCode.UNAVAILABLE, 5)
    assert (overloaded.code(), retry_seconds(overloaded)) == (grpc.StatusCode.RESOURCE_EXHAUSTED, 2)


def test_metadata_carry_the_token():
    def authorize(headers):
        if headers.get(b"authorization") != b"Bearer right":
            raise Unauthorized("a token is needed")

    error = refused(export(a_trace()), authorize=authorize)
    reply = call(export(a_trace(), metadata=(("authorization", "Bearer right"),)), authorize=authorize)

    assert error.code() is grpc.StatusCode.UNAUTHENTICATED
    assert not reply.HasField("partial_success")


@pytest.mark.parametrize("compression", [None, grpc.Compression.Gzip])
def test_a_message_past_the_limit_is_refused_also_when_it_is_small_on_the_wire(compression):
    message = a_trace(name="x" * 3_000_000)

    error = refused(export(message, compression=compression), limits=Limits(body=1_000_000))

    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_a_method_that_is_not_served_is_unimplemented():
    error = refused(lambda channel: channel.unary_unary("/no.Such/Method")(b""))

    assert error.code() is grpc.StatusCode.UNIMPLEMENTED
