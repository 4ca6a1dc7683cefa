"""Reading quarantined OTLP again, once somebody has put it right."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial

from collectors.cloudevents import JSON_EVENT, read_event
from collectors.intake import FactBatch
from collectors.otlp.export import SIGNALS, Exporter, Signal
from controltower.domain.errors import BadPayload
from controltower.domain.times import to_us

Decoder = Callable[[bytes, str, Mapping[str, str], datetime], FactBatch]


def held_decoders(exporter: Exporter) -> dict[str, Decoder]:
    """A decoder for each edge of OTLP; each raises BadPayload with what is still wrong."""
    return {signal.edge: partial(_decode_held, exporter, signal) for signal in SIGNALS}


def _decode_held(
    exporter: Exporter,
    signal: Signal,
    payload: bytes,
    content_type: str,
    _headers: Mapping[str, str],
    now: datetime,
) -> FactBatch:
    if content_type == JSON_EVENT:  # a log record by itself: it was kept as the event that it meant to be
        return FactBatch(events=[read_event(payload, received_us=to_us(now))], size=len(payload))
    export = exporter.decode(signal, payload, content_type)
    if export.rejected:
        raise BadPayload(export.message)
    return export.batch
