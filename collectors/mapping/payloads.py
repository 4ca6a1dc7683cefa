"""From the bytes of a payload to the events that the tower keeps: the one way that every edge maps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping as Table
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from collectors.cloudevents import event_from_attributes
from collectors.mapping.errors import BadDocument
from collectors.mapping.formats import decode_payload
from collectors.mapping.telling import Mapping, Told
from collectors.mapping.values import is_empty
from controltower.domain.errors import BadPayload
from controltower.domain.facts import Event

MAPPED = "application/cloudevents+json"
MAX_DOCUMENTS = 10_000  # of one payload
MAX_PAYLOAD = 4 * 1024 * 1024


@dataclass(slots=True)
class Fault:
    """A document of a payload that could not be told."""

    index: int
    reason: str
    message: str


@dataclass(slots=True)
class Mapped:
    """What a payload became."""

    events: list[Event] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    unmapped: Counter[tuple[str, str]] = field(default_factory=Counter)  # (source, topic)
    silent: int = 0  # documents that tell nothing, because their mapping says so

    def say_first_fault(self) -> None:
        """Raise BadPayload when any document could not be told."""
        if self.faults:
            first = self.faults[0]
            raise BadDocument(first.reason, first.message)


def map_payload(mapping: Mapping, payload: bytes, headers: Table[str, str], *, received_us: int) -> Mapped:
    """The events of a payload; `headers` have lower-case names.

    Raises BadPayload when its bytes cannot be decoded. A document that cannot be told is a fault, and costs
    the others nothing.
    """
    if len(payload) > MAX_PAYLOAD:
        raise BadDocument("too_large", f"larger than the limit of {MAX_PAYLOAD} bytes")
    mapped = Mapped()
    for outer in decode_payload(mapping.format, payload, delimiter=mapping.delimiter):
        documents = documents_of(mapping, outer, headers)
        whole = payload if mapping.format == "json" and len(documents) == 1 else None
        for document in documents:
            map_document(
                mapping, document, headers, mapped, received_us=received_us, outer=outer, original=whole
            )
    return mapped


def documents_of(mapping: Mapping, decoded: object, headers: Table[str, str]) -> Sequence[object]:
    """The documents of a decoded payload: itself, or what the mapping's `documents` finds in it."""
    if mapping.documents is None:
        return (decoded,)
    members = decoded if isinstance(decoded, dict) else {}
    found = mapping.documents({**members, "_doc": decoded, "_headers": headers})
    if is_empty(found):
        raise BadDocument("no_document", f"documents: {mapping.documents.text} finds nothing in the payload")
    items = found if isinstance(found, list) else [found]
    if len(items) > MAX_DOCUMENTS:
        raise BadDocument("too_many", f"documents: more than {MAX_DOCUMENTS}")
    return items


def map_document(
    mapping: Mapping,
    document: object,
    headers: Table[str, str],
    mapped: Mapped,
    *,
    received_us: int,
    outer: object = None,
    original: bytes | None = None,
) -> None:
    """Add what a decoded document becomes to `mapped`: all of its events, or a fault.

    `original` are the bytes of the document when they are JSON; they are kept with its events.
    """
    index = len(mapped.faults) + len(mapped.events)
    try:
        telling = mapping.tell(document, headers, outer)
        events = [
            event_of(told, received_us, original if told.told_by is document else None)
            for told in telling.events
        ]
    except BadPayload as exc:
        mapped.faults.append(Fault(index, exc.reason, str(exc)))
        return
    mapped.events += events
    if telling.is_unmapped:
        mapped.unmapped[events[0].source, telling.topic] += 1
    mapped.silent += not events


def event_of(told: Told, received_us: int, original: bytes | None = None) -> Event:
    """The event to keep. What told it is kept beside its data, under ``original``, and is no part of what it
    says: a fact that two documents tell is one fact. Raises BadEvent.
    """
    kept: object = told.told_by if original is None else msgspec.Raw(original)
    attributes = told.attributes
    payload = msgspec.json.encode({**attributes, "original": kept})
    return event_from_attributes(attributes, payload, received_us=received_us, content_type=MAPPED)
