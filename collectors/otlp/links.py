"""Which identifiers a span carries.

Looking at every attribute of every span would cost more than all the rest, so the names of the attributes are
searched for in the bytes first; only attributes in which a name stands are decoded, and those that the
span before has too are not decoded again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from controltower.domain.identifiers import CORRELATION, Bond, Identifier, bond_of, refusal_of
from controltower.domain.otlp_wire import Span

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
    encoded: tuple[bytes, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        joining = {n: k for n, k in self.attributes.items() if bond_of(k) < Bond.TRACE}
        object.__setattr__(self, "attributes", joining)
        object.__setattr__(self, "encoded", tuple(name.encode() for name in joining))

    def present_in(self, body: bytes) -> list[bytes]:
        """The names of attributes that stand anywhere in a request."""
        return [name for name in self.encoded if name in body]

    def of_segment(
        self, raw: bytes, spans: Sequence[bytes], names: Sequence[bytes]
    ) -> tuple[tuple[Identifier, ...], ...]:
        """For each of a segment's spans that carries identifiers, those identifiers; equal sets once.

        `raw` is its spans one after the other, `names` what `present_in` found in the request.
        """
        missing = sum([raw.count(name) for name in names])
        found: dict[tuple[Identifier, ...], None] = {}
        named: tuple[bytes, ...] = ()
        occurrences = 0
        for span in spans:
            if missing <= 0:
                break
            count = 0
            for name in names:
                count += span.count(name)
            if not count:
                continue
            missing -= count
            # Most spans of a trace say the same: then the bytes of the span before stand here, and no others.
            if count == occurrences and all([attribute in span for attribute in named]):
                continue
            attributes = Span.FromString(span).attributes
            named = tuple([a for name in names for a in attributes if name in a])
            occurrences = sum([a.count(name) for name in names for a in set(named)])
            identifiers = self.of_attributes([KeyValue.FromString(attribute) for attribute in named])
            if identifiers:
                found[identifiers] = None
        return tuple(found)

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
