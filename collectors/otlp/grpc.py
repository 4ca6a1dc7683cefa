"""OTLP/gRPC: the Export calls of the trace, metrics and logs services.

Requests reach the handlers as bytes, so that a trace request is parsed once, where its segments are cut.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NoReturn

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status

from collectors.http import Authorize, Limits
from collectors.otlp.export import SIGNALS, Exporter, Signal
from collectors.refusals import Refusal, refusal_of
from controltower.domain.errors import ControlTowerError

_CODES = {
    400: grpc.StatusCode.INVALID_ARGUMENT,
    401: grpc.StatusCode.UNAUTHENTICATED,
    403: grpc.StatusCode.PERMISSION_DENIED,
    413: grpc.StatusCode.INVALID_ARGUMENT,
    415: grpc.StatusCode.INVALID_ARGUMENT,
    429: grpc.StatusCode.RESOURCE_EXHAUSTED,
    503: grpc.StatusCode.UNAVAILABLE,
}
_DETAILS = "grpc-status-details-bin"

Context = grpc.aio.ServicerContext[bytes, bytes]
Call = Callable[[bytes, Context], Awaitable[bytes]]


def build_grpc_server(exporter: Exporter, *, authorize: Authorize, limits: Limits) -> grpc.aio.Server:
    """A server that is not listening yet: add a port, then start it inside the running event loop."""
    server = grpc.aio.server(
        options=(
            ("grpc.max_receive_message_length", limits.body),
            ("grpc.so_reuseport", 0),  # a second tower on the same port must fail, not share
        ),
    )
    handlers = [
        grpc.method_handlers_generic_handler(
            signal.service,
            {"Export": grpc.unary_unary_rpc_method_handler(_call(exporter, signal, authorize))},
        )
        for signal in SIGNALS
    ]
    server.add_generic_rpc_handlers(handlers)
    return server


def _call(exporter: Exporter, signal: Signal, authorize: Authorize) -> Call:
    async def export(request: bytes, context: Context) -> bytes:
        try:
            authorize(_headers_of(context))
            return await exporter.export(signal, request)
        except ControlTowerError as exc:
            return await _abort(context, refusal_of(exc))

    return export


def _headers_of(context: Context) -> dict[bytes, bytes]:
    """The metadata of a call in the form in which HTTP brings headers; the two carry tokens alike."""
    headers = {}
    for key, value in context.invocation_metadata() or ():
        headers[key.lower().encode()] = (
            value if isinstance(value, bytes) else value.encode("latin-1", "replace")
        )
    return headers


async def _abort(context: Context, refusal: Refusal) -> NoReturn:
    """End a call with the code that OTLP gives to a refusal, and RetryInfo when a retry helps."""
    code = _CODES.get(refusal.status, grpc.StatusCode.UNKNOWN)
    trailing: tuple[tuple[str, bytes], ...] = ()
    if refusal.retry_after:
        detail = AnyMessage()
        detail.Pack(RetryInfo(retry_delay=Duration(seconds=refusal.retry_after)))
        status = Status(code=code.value[0], message=refusal.message, details=[detail])
        trailing = ((_DETAILS, status.SerializeToString()),)
    await context.abort(code, refusal.message, trailing)
    raise AssertionError("abort raises")
