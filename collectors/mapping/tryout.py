"""Trying a mapping on a sample: the events it becomes, or why it does not."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as Table

import msgspec

from collectors.mapping.formats import DecodePayload, decode_payload
from collectors.mapping.payloads import documents_of, event_of
from collectors.mapping.rules import Rule
from collectors.mapping.telling import Mapping, Told
from controltower.domain.errors import BadPayload
from controltower.domain.mappings import TriedDocument

MAX_DOCUMENTS = 1_000


def try_out(
    mapping: Mapping,
    payload: bytes,
    headers: Table[str, str],
    *,
    received_us: int,
    decode: DecodePayload = decode_payload,
) -> list[TriedDocument]:
    """What becomes of a payload, document by document. Raises BadPayload when it cannot be decoded."""
    tried: list[TriedDocument] = []
    for outer in decode(mapping.format, payload, delimiter=mapping.delimiter):
        for document in documents_of(mapping, outer, headers):
            if len(tried) < MAX_DOCUMENTS:
                tried.append(_try_document(mapping, document, outer, headers, received_us))
    return tried


def told_lines(tried: list[TriedDocument]) -> Iterator[str]:
    """What became of the sample, for a terminal."""
    for number, document in enumerate(tried, start=1):
        yield f"document {number}: {document.summary}"
        for attributes in document.events:
            yield msgspec.json.format(msgspec.json.encode(attributes), indent=2).decode()
        if not document.events or document.is_unmapped:
            yield from (f"  {why}" for why in document.why)


def _try_document(
    mapping: Mapping, document: object, outer: object, headers: Table[str, str], received_us: int
) -> TriedDocument:
    tried = TriedDocument()
    try:
        scope = mapping.scope(document, headers, outer)
        tried.topic = scope["_topic"]
        tried.why = [why for rule in mapping.rules if (why := _why_not(rule, scope))]
        telling = mapping.tell(document, headers, outer)
        tried.is_unmapped = telling.is_unmapped
        for told in telling.events:
            event_of(Told(dict(told.attributes), told.told_by), received_us)  # it uses the attributes up
            tried.events.append(told.attributes)
    except BadPayload as exc:
        tried.events = []
        tried.reason, tried.message = exc.reason, str(exc)
    return tried


def _why_not(rule: Rule, scope: dict[str, object]) -> str:
    """Why a rule tells nothing, "" when it tells something or fails."""
    name = f"{rule.where} {rule.type.words()}"
    if rule.topics and scope["_topic"] not in rule.topics:
        return f"{name}: is for the topics {', '.join(sorted(rule.topics))}"
    try:
        scopes = [inner for _, inner in rule.scopes(scope)]
        if rule.each is not None and not scopes:
            return f"{name}: each: {rule.each.text} finds nothing"
        failed = [rule.first_unmet(inner) for inner in scopes]
    except BadPayload:
        return ""  # the fault of the document says it
    if all(failed):
        return f"{name}: {failed[0]}"
    return ""
