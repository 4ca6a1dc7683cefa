"""OTLP/HTTP: POST /v1/traces, /v1/metrics and /v1/logs, in protobuf and JSON."""

from __future__ import annotations

from functools import partial

from google.protobuf.json_format import MessageToDict
from google.rpc.code_pb2 import Code
from google.rpc.status_pb2 import Status

from collectors.http import (
    JSON_TYPE,
    Headers,
    Request,
    Response,
    Route,
    json_response,
    refusal_headers,
)
from collectors.media import media_type
from collectors.otlp.export import JSON, PROTOBUF, SIGNALS, Exporter, Signal
from collectors.refusals import Refusal
from controltower.domain.errors import UnsupportedMedia

_PROTOBUF_TYPE = (b"content-type", PROTOBUF.encode())
_PROTOBUF_NAMES = frozenset((PROTOBUF, "application/protobuf", "application/vnd.google.protobuf"))
_CODES = {
    400: Code.INVALID_ARGUMENT,
    401: Code.UNAUTHENTICATED,
    403: Code.PERMISSION_DENIED,
    413: Code.INVALID_ARGUMENT,
    415: Code.INVALID_ARGUMENT,
    429: Code.RESOURCE_EXHAUSTED,
    503: Code.UNAVAILABLE,
}


def otlp_routes(exporter: Exporter) -> dict[tuple[str, str], Route]:
    """The routes that take OTLP."""
    return {("POST", f"/v1/{signal.name}"): _route(exporter, signal) for signal in SIGNALS}


def _route(exporter: Exporter, signal: Signal) -> Route:
    return Route(partial(_post, exporter, signal), refuse_as_status)


async def _post(exporter: Exporter, signal: Signal, request: Request) -> Response:
    encoding = _encoding_of(request.headers)
    reply = await exporter.export(signal, await request.body(), encoding)
    if encoding == PROTOBUF:
        return Response(200, reply, (_PROTOBUF_TYPE,))
    return json_response(200, MessageToDict(signal.response.FromString(reply)) if reply else {})


def _encoding_of(headers: Headers) -> str:
    declared = headers.get(b"content-type", b"").decode("latin-1")
    media = media_type(declared)
    if media.name in _PROTOBUF_NAMES:
        return PROTOBUF
    if media.name == JSON and media.is_utf8:
        return JSON
    raise UnsupportedMedia(f"Content-Type {declared[:100]!r} is not {PROTOBUF} or {JSON}")


def refuse_as_status(headers: Headers, refusal: Refusal) -> Response:
    """A refusal as google.rpc.Status, in the encoding of the request."""
    code = _CODES.get(refusal.status, Code.UNKNOWN)
    declared = headers.get(b"content-type", b"").decode("latin-1")
    if media_type(declared).name in _PROTOBUF_NAMES:
        body = Status(code=code, message=refusal.message).SerializeToString()
        return Response(refusal.status, body, (_PROTOBUF_TYPE, *refusal_headers(refusal)))
    reply = json_response(refusal.status, {"code": code, "message": refusal.message})
    return reply._replace(headers=(JSON_TYPE, *refusal_headers(refusal)))
