"""What a hook keeps: events, counts, and in quarantine what could not be told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

import msgspec

from collectors.mapping.payloads import Mapped, map_payload
from collectors.mapping.telling import Mapping as PayloadMapping
from controltower.domain.errors import BadPayload
from controltower.domain.facts import Quarantined
from controltower.domain.mappings import UNMAPPED
from controltower.domain.times import to_us
from controltower.services.ingest import FactBatch

EDGE = "hooks"
TELLS_NOTHING = "tells_nothing"
MAX_TOPIC = 100
_CONTENT_TYPES = {
    "json": "application/json",
    "form": "application/x-www-form-urlencoded",
    "xml": "application/xml",
    "csv": "text/csv",
}


def batch_of(
    mapping: PayloadMapping, mapped: Mapped, body: bytes, headers: Mapping[str, str], limit: int
) -> FactBatch:
    """Everything a payload became, to be committed together. A payload with a fault is held once, whole."""
    held = []
    if mapped.faults:
        first, more = mapped.faults[0], len(mapped.faults) - 1
        message = f"{first.message} (and {more} more of its documents)" if more else first.message
        held.append(_held(mapping, first.reason, message, body, headers, limit))
    return FactBatch(
        events=mapped.events,
        quarantined=held,
        dropped=counted(mapping, mapped),
        size=len(body) * (1 + len(held)),
    )


def held_whole(
    mapping: PayloadMapping, fault: BadPayload, body: bytes, headers: Mapping[str, str], limit: int
) -> FactBatch:
    """A payload that cannot be decoded at all."""
    held = _held(mapping, fault.reason, str(fault), body, headers, limit)
    return FactBatch(quarantined=[held], size=len(body))


def counted(mapping: PayloadMapping, mapped: Mapped) -> dict[tuple[str, str, str], int]:
    """What no rule names, by source and topic, and what the mapping makes nothing of."""
    counts = {
        (EDGE, UNMAPPED, f"{source} {topic[:MAX_TOPIC]}".strip()): n
        for (source, topic), n in mapped.unmapped.items()
    }
    if mapped.silent:
        counts[EDGE, TELLS_NOTHING, mapping.name] = mapped.silent
    return counts


def held_decoder(
    mappings: Mapping[str, PayloadMapping],
) -> Callable[[bytes, str, Mapping[str, str], datetime], FactBatch]:
    """Reads a quarantined payload again through the mapping that could not tell it, as it is now."""

    def decode_held(
        payload: bytes, _content_type: str, headers: Mapping[str, str], now: datetime
    ) -> FactBatch:
        name = headers.get("mapping", "")
        mapping = mappings.get(name)
        if mapping is None:
            raise BadPayload(f"there is no mapping {name!r} any more")
        mapped = map_payload(mapping, payload, headers, received_us=to_us(now))
        mapped.say_first_fault()
        return FactBatch(events=mapped.events, dropped=counted(mapping, mapped), size=len(payload))

    return decode_held


def _held(
    mapping: PayloadMapping, reason: str, message: str, body: bytes, headers: Mapping[str, str], limit: int
) -> Quarantined:
    """Only the headers that the mapping reads are kept: others may hold what proves the sender."""
    kept = {name: headers[name] for name in sorted(mapping.headers) if name in headers}
    return Quarantined(
        EDGE,
        reason,
        f"{mapping.name}: {message}",
        _CONTENT_TYPES.get(mapping.format, "text/plain"),
        body[:limit],
        msgspec.json.encode({**kept, "mapping": mapping.name}).decode(),
    )
