"""Naming documents that were sent to an OTLP address and are something else, for their sender to see."""

from __future__ import annotations

_ADDRESSES = {
    "resourceSpans": ("OTLP traces", "/v1/traces"),
    "resourceMetrics": ("OTLP metrics", "/v1/metrics"),
    "resourceLogs": ("OTLP logs", "/v1/logs"),
    "specversion": ("a CloudEvent", "/api/v1/events"),
}


def name_of_shape(document: object) -> str:
    """What `document` looks like, as the end of a sentence."""
    if isinstance(document, list):
        return _name_of_list(document)
    if not isinstance(document, dict):
        return f"this is {'null' if document is None else 'a bare value'}"
    for key, (name, address) in _ADDRESSES.items():
        if key in document:
            return f"this looks like {name}: it has {key}; post it to {address}"
    if _is_jaeger(document):
        return "this looks like Jaeger UI JSON: it has data[].spans[].traceID"
    if _is_jaeger({"data": [document]}):
        return "this looks like one trace of Jaeger UI JSON: it has spans[].traceID"
    if "batches" in document:
        return "this looks like a Grafana Tempo answer: it has batches"
    if "context" in document and "parent_id" in document:
        return "this looks like a span of the Python SDK's console exporter: it has context and parent_id"
    return "this has " + (", ".join(sorted(map(str, document))[:5])[:200] or "nothing")


def _name_of_list(items: list[object]) -> str:
    if not items:
        return "this is an empty array"
    first = items[0]
    if not isinstance(first, dict):
        return "this is an array of bare values"
    if "traceId" in first and ("localEndpoint" in first or "timestamp" in first):
        return "this looks like Zipkin JSON v2: an array of spans with traceId, id and timestamp"
    if "traceId" in first and "binaryAnnotations" in first:
        return "this looks like Zipkin JSON v1: an array of spans with binaryAnnotations"
    if "span_id" in first and "resources" in first:
        return "this looks like a SigNoz export: an array of spans with span_id and resources"
    if any(key in first for key in ("resourceSpans", "resourceMetrics", "resourceLogs")):
        return "this is an array of OTLP requests: post each by itself"
    if "specversion" in first:
        return "this looks like a batch of CloudEvents: post it to /api/v1/events"
    return "this is an array of objects with " + ", ".join(sorted(map(str, first))[:5])[:200]


def _is_jaeger(document: dict[str, object]) -> bool:
    traces = document.get("data")
    if not isinstance(traces, list) or not traces or not isinstance(traces[0], dict):
        return False
    spans = traces[0].get("spans")
    return isinstance(spans, list) and bool(spans) and isinstance(spans[0], dict) and "traceID" in spans[0]
