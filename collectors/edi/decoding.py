"""From the bytes of an EDI file to documents, one for each transaction set or message."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b

from collectors.edi import edifact_documents, edifact_syntax, x12_documents
from collectors.edi.characters import characters_of
from collectors.edi.envelopes import X12, FoundSet, Level
from collectors.edi.faults import BadEdi
from collectors.edi.interchanges import Interchange, Unreadable, interchanges_of
from collectors.edi.loops import Node
from collectors.edi.segments import Separators

MAX_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Decoded:
    """A document, and the segments it was read from with the headers of their envelopes."""

    document: Node
    text: str


def decode(data: bytes) -> Iterator[Decoded | Unreadable]:
    """Everything in a file, in its order; the parts that cannot be read come with the reason.

    Raises BadEdi only for a file that is too large.
    """
    if len(data) > MAX_BYTES:
        raise BadEdi("too_large", f"the file is larger than the limit of {MAX_BYTES} bytes")
    taken: Counter[str] = Counter()
    for part in interchanges_of(characters_of(data)):
        if isinstance(part, Unreadable):
            yield part
        else:
            for found in part.sets:
                yield _decoded(part, found, taken)


def _decoded(interchange: Interchange, found: FoundSet, taken: Counter[str]) -> Decoded:
    reader = x12_documents if interchange.standard is X12 else edifact_documents
    document = reader.document_of(found, interchange.separators)
    text = _text_of(interchange, found)
    reference = _reference_of(document, text)
    taken[reference] += 1
    if taken[reference] > 1:
        found.level.blame(f"control number {document.get('control', '')} came {taken[reference]} times")
        reference = f"{reference}#{taken[reference]}"
    document["reference"] = reference
    if name := _acknowledged_as(document):
        document["edi_document"] = name
    if found.faults:
        document["faults"] = found.faults
    return Decoded(document, text)


def _reference_of(document: Node, text: str) -> str:
    """What tells this set from all others of its sender.

    Control numbers alone begin again some day, so the day is in it. Without the numbers of an envelope what
    the set says has to do.
    """
    interchange, group = document.get("interchange", {}), document.get("group", {})
    outer = [number for number in (interchange.get("control"), group.get("control")) if number]
    if not outer:
        outer = [blake2b(text.encode(), digest_size=8).hexdigest()]
    day = str(document.get("sent", ""))[:10]
    return "/".join(part for part in (day, *outer, document.get("control", "")) if part)


def _acknowledged_as(document: Node) -> str:
    """How the receiver's acknowledgement names it: no date is in that. "" when it has no such name."""
    group = document.get("group", {})
    if "control" not in group or "sender" not in document:
        return ""
    numbers = (group.get("function", ""), group["control"], document.get("control", ""))
    return f"{document['sender']}>{document.get('receiver', '')}:{'/'.join(numbers)}"


def _text_of(interchange: Interchange, found: FoundSet) -> str:
    """The set as sent, alone in its envelopes: an interchange of its own that can be read again."""
    separators = interchange.separators
    level, group, outer = found.level, found.group, found.interchange
    segments = [] if level.header in level.segments else [level.header]
    segments += [*level.segments, level.trailer]
    around = [outer] if group is None else [outer, group]
    raws = [envelope.header.raw for envelope in around if envelope.header]
    raws += [segment.raw for segment in segments if segment is not None]
    raws += [_trailer_of(envelope, separators) for envelope in reversed(around) if envelope.header]
    ending = separators.terminator + ("" if separators.terminator in "\r\n" else "\n")
    text = "".join(raw + ending for raw in raws)
    return edifact_syntax.una_of(separators) + text if interchange.standard is not X12 else text


def _trailer_of(envelope: Level, separators: Separators) -> str:
    """The trailer of an envelope that holds one thing."""
    return separators.element.join((envelope.envelope.trailer, "1", envelope.control))


def documents_in(data: bytes) -> list[object]:
    """The documents of a file; raises BadEdi when a part of it cannot be read."""
    documents: list[object] = []
    for part in decode(data):
        if isinstance(part, Unreadable):
            raise part.fault
        documents.append(part.document)
    return documents
