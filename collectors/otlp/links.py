"""Which identifiers a span carries.

Looking at every attribute of every span would cost more than all the rest, so the names of the attributes are
searched for in the bytes first; only a span in which the name stands is decoded, and only once for each
distinct (name, value) in its trace segment.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from collectors.otlp.wire import Span
from controltower.domain.identifiers import CORRELATION, Bond, Identifier, bond_of, refusal_of

DEFAULT_ATTRIBUTES: Mapping[str, str] = {
    "correlation.id": CORRELATION,
    "messaging.message.conversation_id": CORRELATION,
    "order.id": "order",
    "shipment.id": "shipment",
    "tracking.number": "tracking",
}
"""Span and log attribute -> identifier kind."""


@dataclass(frozen=True)
class LinkRules:
    """The attributes that carry identifiers; an attribute whose kind only labels links nothing."""

    attributes: Mapping[str, str]
    encoded: tuple[bytes, ...] = field(init=False, repr=False)  # the names as they are on the wire

    def __post_init__(self) -> None:
        joining = {n: k for n, k in self.attributes.items() if bond_of(k) is not Bond.LABEL}
        object.__setattr__(self, "attributes", joining)
        object.__setattr__(self, "encoded", tuple(_encoded_key(name) for name in joining))

    def present_in(self, body: bytes) -> list[bytes]:
        """The names of attributes that stand anywhere in a request, as they are on the wire."""
        return [name for name in self.encoded if name in body]

    def of_segment(
        self, raw: bytes, spans: Sequence[bytes], names: Sequence[bytes]
    ) -> tuple[tuple[Identifier, ...], ...]:
        """For each of a segment's spans that carries identifiers, those identifiers; equal sets once.

        `raw` is the whole segment, `names` what `present_in` found in the request.
        """
        names = [name for name in names if name in raw]
        if len(names) == 1 and _is_one_value(raw, names[0]):
            carrier = next((span for span in spans if names[0] in span), None)
            identifiers = self.of_span(carrier) if carrier is not None else ()
            return (identifiers,) if identifiers else ()
        found: dict[tuple[Identifier, ...], None] = {}
        seen: set[bytes] = set()
        for span in spans:
            # The bytes after each name hold its value: the same bytes again say nothing new.
            marks = b"".join(_after(span, name) for name in names if name in span)
            if marks and marks not in seen:
                seen.add(marks)
                identifiers = self.of_span(span)
                if identifiers:
                    found[identifiers] = None
        return tuple(found)

    def of_span(self, span: bytes) -> tuple[Identifier, ...]:
        """The identifiers of one encoded span, sorted."""
        attributes = Span.FromString(span).attributes
        named = [raw for raw in attributes if raw.startswith(self.encoded)]
        # A writer may put the value before the name; then there is nothing to go by but the whole.
        return self.of_attributes([KeyValue.FromString(raw) for raw in named or attributes])

    def of_attributes(self, attributes: Iterable[KeyValue]) -> tuple[Identifier, ...]:
        """The identifiers among KeyValue messages, sorted; values that must not link are left out."""
        found = set()
        for attribute in attributes:
            kind = self.attributes.get(attribute.key)
            if kind is not None:
                identifier = Identifier(kind, text_of(attribute.value))
                if refusal_of(identifier) is None:
                    found.add(identifier)
        return tuple(sorted(found))


def text_of(value: AnyValue) -> str:
    """A scalar attribute value as text, every digit kept; "" for others."""
    which = value.WhichOneof("value")
    if which == "string_value":
        return value.string_value.strip()
    if which == "int_value":
        return str(value.int_value)
    return ""


def _encoded_key(name: str) -> bytes:
    raw = name.encode()
    return bytes((0x0A, len(raw))) + raw


def _is_one_value(raw: bytes, name: bytes) -> bool:
    """Whether the same value follows the name wherever it stands."""
    start = raw.find(name)
    end = start + len(name)
    length = raw[end + 1] if end + 1 < len(raw) else 0x80
    return length < 0x80 and raw.count(raw[start : end + 2 + length]) == raw.count(name)


def _after(span: bytes, name: bytes) -> bytes:
    """The name and value bytes at each place where the name stands in a span."""
    parts = []
    start = span.find(name)
    while start >= 0:
        end = start + len(name)
        length = span[end + 1] if end + 1 < len(span) else 0
        # A value of 128 bytes or more has a longer length; the whole rest is then compared instead.
        parts.append(span[start : end + 2 + length] if length < 0x80 else span[start:])
        start = span.find(name, end)
    return b"".join(parts)
