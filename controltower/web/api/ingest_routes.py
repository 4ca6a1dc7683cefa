"""The ways in, for the API description. They are served by the collectors, in front of Flask."""

from __future__ import annotations

from typing import Any

_SECURITY: list[dict[str, list[str]]] = [{"token": []}, {}]  # open on loopback


def _way_in(
    operation_id: str, summary: str, media: tuple[str, ...], answers: dict[str, str]
) -> dict[str, Any]:
    return {
        "post": {
            "operationId": operation_id,
            "summary": summary,
            "description": "Success means: on disk. Sending the same again changes nothing.",
            "requestBody": {"required": True, "content": {kind: {"schema": {}} for kind in media}},
            "responses": {status: {"description": text} for status, text in answers.items()},
            "security": _SECURITY,
        }
    }


_REFUSALS = {
    "401": "No token, or one that may not post facts",
    "413": "Larger than the limit",
    "415": "A content type or encoding that is not taken here",
    "429": "Too much waits to be stored; send it again after Retry-After",
    "503": "The store cannot write; nothing of the request was kept; send it again after Retry-After",
}
_OTLP_MEDIA = ("application/x-protobuf", "application/json")
_OTLP_ANSWERS = {
    "200": "Stored; partial_success names what was rejected",
    "400": "Not a request of this kind; do not resend",
    **_REFUSALS,
}

INGEST_PATHS: dict[str, dict[str, Any]] = {
    "/api/v1/events": _way_in(
        "post_events",
        "CloudEvents 1.0: structured, batch or binary mode, and streams of JSON lines of any length.",
        (
            "application/cloudevents+json",
            "application/cloudevents-batch+json",
            "application/json",
            "application/x-ndjson",
        ),
        {
            "200": "How many were stored, duplicate and quarantined, and why, for each item",
            "400": "Nothing in it could be understood; it is kept in quarantine",
            **_REFUSALS,
        },
    ),
    "/api/v1/dead-letters": _way_in(
        "post_dead_letters",
        "Messages that a system gave up on: one object, an array of them, or one on each line.",
        ("application/json", "application/x-ndjson"),
        {
            "200": "What became of each: new, died_again, known or quarantined",
            "400": "Nothing in it is a dead letter; it is kept in quarantine",
            **_REFUSALS,
        },
    ),
    "/v1/traces": _way_in("post_traces", "OTLP/HTTP traces.", _OTLP_MEDIA, _OTLP_ANSWERS),
    "/v1/metrics": _way_in(
        "post_metrics",
        "OTLP/HTTP metrics: those of queues are kept, the rest is counted.",
        _OTLP_MEDIA,
        _OTLP_ANSWERS,
    ),
    "/v1/logs": _way_in(
        "post_logs",
        "OTLP/HTTP logs: records with an event name become events, the rest is counted.",
        _OTLP_MEDIA,
        _OTLP_ANSWERS,
    ),
}
