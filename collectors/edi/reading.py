"""From the bytes of an EDI file to events, through the mappings named ``x12`` and ``edifact``.

Every way in - HTTP, the watched folder, bytes put right in quarantine - goes through `read_edi`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from collectors.cloudevents import event_from_attributes
from collectors.edi.decoding import Decoded, decode
from collectors.edi.faults import BadEdi
from collectors.edi.interchanges import Unreadable
from collectors.mapping.payloads import MAPPED
from collectors.mapping.telling import Mapping as PayloadMapping
from controltower.domain.errors import BadPayload
from controltower.domain.facts import Event, Quarantined
from controltower.domain.mappings import UNMAPPED
from controltower.domain.times import to_us
from controltower.services.ingest import FactBatch

EDGE = "edi"
X12_TYPE = "application/edi-x12"
EDIFACT_TYPE = "application/edifact"
MAX_KEPT = 4 * 1024 * 1024  # of a part that goes to quarantine
MAX_ORIGINAL = 256 * 1024  # characters kept with an event; of all events of a set four times that
MAX_TEXT = 500  # of a message
MAX_EVENTS = 50_000  # of one file
_UNDATED = "1970-01-01T00:00:00Z"

Mappings = Mapping[str, PayloadMapping]


@dataclass(slots=True)
class Reading:
    """What a file said."""

    events: list[Event] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)  # of the document that each event is of
    held: list[Quarantined] = field(default_factory=list)
    blamed: dict[int, list[str]] = field(default_factory=dict)  # documents with faults, by position
    documents: int = 0
    unmapped: Counter[str] = field(default_factory=Counter)  # by source and topic

    def batch(self, size: int) -> FactBatch:
        """Everything, to be committed together."""
        dropped = {(EDGE, UNMAPPED, name): count for name, count in self.unmapped.items()}
        weight = size + sum(len(event.payload) for event in self.events)
        return FactBatch(events=self.events, quarantined=self.held, dropped=dropped, size=weight)


def read_edi(data: bytes, mappings: Mappings, *, received_us: int, origin: str = "") -> Reading:
    """The events of a file. What cannot be read or told is held, and costs the rest nothing.

    `origin` names the file in what is held. Raises BadEdi for a file that is too large.
    """
    reading = Reading()
    for part in decode(data):
        if isinstance(part, Unreadable):
            reading.held.append(_held(part.fault, part.text, _type_of(part.text), origin))
            continue
        _tell(reading, part, mappings, received_us, origin)
        reading.documents += 1
        if len(reading.events) > MAX_EVENTS:
            raise BadEdi("too_many", f"the file tells more than {MAX_EVENTS} events: send it in parts")
    return reading


def held_decoder(
    mappings: Mappings,
) -> Callable[[bytes, str, Mapping[str, str], datetime], FactBatch]:
    """Reads quarantined bytes again; raises BadPayload with what is still wrong."""

    def decode_held(payload: bytes, _type: str, _headers: Mapping[str, str], now: datetime) -> FactBatch:
        reading = read_edi(payload, mappings, received_us=to_us(now))
        if reading.held:
            raise BadPayload(reading.held[0].message)
        return reading.batch(len(payload))

    return decode_held


def _tell(reading: Reading, part: Decoded, mappings: Mappings, received_us: int, origin: str) -> None:
    document = part.document
    standard = document["format"]
    try:
        events, unmapped = _events_of(part, mappings, received_us)
    except BadPayload as exc:
        kind = X12_TYPE if standard == "x12" else EDIFACT_TYPE
        named = f"{document.get('kind', '')} {document.get('reference', '')}".strip()
        reading.held.append(_held(exc, part.text, kind, origin, named))
        return
    reading.positions += [reading.documents] * len(events)
    reading.events += events
    reading.unmapped.update(unmapped)
    if "faults" in document:
        reading.blamed[reading.documents] = document["faults"]


def _events_of(part: Decoded, mappings: Mappings, received_us: int) -> tuple[list[Event], list[str]]:
    mapping = mappings.get(part.document["format"])
    if mapping is None:
        raise BadEdi("no_mapping", f"there is no mapping {part.document['format']!r}")
    # A set without any date happened when it came. Told of a time that is none, so that it is told the same
    # way again, whenever it comes again: see _without_false_time.
    telling = mapping.tell({"happened": _UNDATED, **part.document}, {})
    if not telling.events:
        raise BadEdi("no_event", "it tells no event: no condition of its mapping holds")
    told = [_without_false_time(event.attributes) for event in telling.events]
    room = min(MAX_ORIGINAL, 4 * MAX_ORIGINAL // len(told))
    original = part.text if len(part.text) <= room else part.text[:room] + "…"
    events = [
        event_from_attributes(
            attributes,
            msgspec.json.encode({**attributes, "original": original}),
            received_us=received_us,
            content_type=MAPPED,
        )
        for attributes in told
    ]
    names = [_printable(f"{events[0].source} {telling.topic}".strip())] if telling.is_unmapped else []
    return events, names


def _without_false_time(attributes: dict[str, object]) -> dict[str, object]:
    if attributes.get("time") == "1970-01-01T00:00:00+00:00":
        del attributes["time"]
    return attributes


def _held(fault: BadPayload, text: str, content_type: str, origin: str, named: str = "") -> Quarantined:
    message = _printable(": ".join(part for part in (origin, named, str(fault)) if part))
    headers = msgspec.json.encode({"file": origin} if origin else {}).decode()
    return Quarantined(EDGE, fault.reason, message, content_type, text.encode()[:MAX_KEPT], headers)


def _printable(text: str) -> str:
    """A text that every store can keep and every screen can show."""
    return "".join(char if char.isprintable() else "\ufffd" for char in text[:MAX_TEXT])


def _type_of(text: str) -> str:
    beginning = text.lstrip("\ufeff \r\n\t")[:3]
    if beginning == "ISA":
        return X12_TYPE
    return EDIFACT_TYPE if beginning in ("UNA", "UNB") else "text/plain"
