"""Keeping what could not become an event, and reading it again once somebody has put it right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from collectors.events.reading import ATTRIBUTE_PREFIX, Mode, Reading, mode_of, read_body
from collectors.http import Limits
from controltower.domain.errors import BadPayload, UnsupportedMedia
from controltower.domain.facts import EventFault, Quarantined
from controltower.domain.times import to_us
from controltower.services.ingest import FactBatch

EDGE = "events"


def batch_of(
    reading: Reading, headers: Mapping[bytes, bytes], size: int, limits: Limits, mode: Mode = Mode.BATCH
) -> FactBatch:
    """Everything a request said, to be committed together."""
    if not reading.faults:
        return FactBatch(events=reading.events, size=size)
    kept = _kept_headers(headers) if mode is Mode.BINARY else "{}"
    quarantined = [_quarantined(fault, kept, limits.kept) for fault in reading.faults]
    return FactBatch(events=reading.events, quarantined=quarantined, size=size)


def _quarantined(fault: EventFault, headers: str, limit: int) -> Quarantined:
    return Quarantined(EDGE, fault.reason, fault.message, fault.content_type, fault.payload[:limit], headers)


def _kept_headers(headers: Mapping[bytes, bytes]) -> str:
    """The headers that are part of an event in binary mode."""
    kept = {n.decode("latin-1"): v.decode("latin-1") for n, v in headers.items() if n[:3] == ATTRIBUTE_PREFIX}
    return msgspec.json.encode(kept).decode()


def decode_held(payload: bytes, content_type: str, headers: Mapping[str, str], now: datetime) -> FactBatch:
    """Read quarantined bytes again; raises BadPayload or UnsupportedMedia with what is still wrong."""
    raw_headers = {name.lower().encode("latin-1"): value.encode("latin-1") for name, value in headers.items()}
    raw_headers[b"content-type"] = content_type.encode("latin-1", "replace")
    mode = mode_of(raw_headers)
    if mode is Mode.LINES:
        raise UnsupportedMedia("a line of a stream is submitted again as application/cloudevents+json")
    reading = read_body(mode, raw_headers, payload, received_us=to_us(now), max_event=Limits().event)
    _raise_first(reading.faults)
    return FactBatch(events=reading.events, size=len(payload))


def _raise_first(faults: Sequence[EventFault]) -> None:
    if faults:
        first = faults[0]
        raise BadPayload(first.message if len(faults) == 1 else f"item {first.index}: {first.message}")
