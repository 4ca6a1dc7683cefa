"""Identifiers: the (kind, value) pairs by which systems know a transaction.

A kind belongs to one *bond*, which says what sharing a value means:

- ``ORDER`` kinds stitch: facts that share a value are one journey, transitively.
- ``LEG`` kinds (shipment, tracking number, invoice) stitch the facts of one leg; a leg belongs to every
  journey whose facts name it, and so never melts two orders into one.
- ``TRACE`` carries a fact that has no identifier of its own to the journeys of its trace.
- ``LABEL`` kinds (customer, e-mail, SKU) only find journeys.

A dotted kind (``netsuite.order``) keeps the ids of two systems apart and has the bond of its last part.
"""

from __future__ import annotations

import re
from enum import IntEnum
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

MAX_VALUE_LENGTH = 256
MAX_KIND_LENGTH = 64


class Bond(IntEnum):
    """How strongly an identifier ties facts together; the lower, the stronger."""

    ORDER = 0x20
    LEG = 0x40
    TRACE = 0x60
    LABEL = 0x80


class Identifier(NamedTuple):
    """A (kind, value) pair."""

    kind: str
    value: str


CORRELATION = "correlation"
TRACE = "trace"

_BONDS: dict[str, Bond] = {
    CORRELATION: Bond.ORDER,
    "order": Bond.ORDER,
    "order_id": Bond.ORDER,
    "order_name": Bond.ORDER,
    "order_number": Bond.ORDER,
    "purchase_order": Bond.ORDER,
    "sales_order": Bond.ORDER,
    "erp_document": Bond.ORDER,
    "checkout": Bond.ORDER,
    "payment": Bond.ORDER,
    "rma": Bond.ORDER,
    "return": Bond.ORDER,
    "shipment": Bond.LEG,
    "fulfillment": Bond.LEG,
    "package": Bond.LEG,
    "tracking": Bond.LEG,
    "delivery": Bond.LEG,
    "pick_ticket": Bond.LEG,
    "invoice": Bond.LEG,
    "settlement": Bond.LEG,
    "line": Bond.LEG,
    TRACE: Bond.TRACE,
}

JOINING_KINDS = tuple(kind for kind, bond in _BONDS.items() if bond < Bond.TRACE)
"""The undotted kinds that tie facts together."""

_PLACEHOLDERS = frozenset(
    "n/a na none null nil undefined unknown tbd test dummy default empty missing - -- . ? x xx xxx".split()
)
_LONGEST_PLACEHOLDER = max(map(len, _PLACEHOLDERS))
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}([T ][\d:.]+(Z|[+-]\d{2}:?\d{2})?)?|\d{1,2}/\d{1,2}/\d{2,4}")
_FILLER = re.compile(r"0+|9{4,}|[-_.\s]+")


@lru_cache(maxsize=4096)
def bond_of(kind: str) -> Bond:
    """The bond of a kind; kinds nobody declared only label, so that they can never melt journeys."""
    return _BONDS.get(kind.rpartition(".")[2], Bond.LABEL)


def refusal_of(identifier: Identifier) -> str | None:
    """Why this identifier must not link facts, or None when it may.

    Placeholders, runs of zeros and dates would melt unrelated journeys together.
    """
    kind, value = identifier
    if not value:
        return "empty"
    if len(value) > MAX_VALUE_LENGTH or len(kind) > MAX_KIND_LENGTH:
        return "too long"
    if len(value) <= _LONGEST_PLACEHOLDER and value.casefold() in _PLACEHOLDERS:
        return "placeholder"
    first = value[0]
    if not (first.isdecimal() or first.isspace() or first in "-_."):
        return None  # neither filler nor a date begins like this
    if _FILLER.fullmatch(value):
        return "filler"
    if _DATE.fullmatch(value):
        return "date"
    return None


@lru_cache(maxsize=1 << 15)
def key_of(identifier: Identifier) -> bytes:
    """The 16-byte key of an identifier: its bond, then a digest of kind and value.

    Keys sort by bond, the correlation id before all others, so that the least key of a journey - its
    public id - rarely changes while further identifiers join.
    """
    kind, value = identifier
    if kind == CORRELATION:
        first = b"\x10"
    else:
        first = _BOND_BYTE[bond_of(kind)]
    return first + blake2b(f"{kind}\0{value}".encode(), digest_size=15).digest()


_BOND_BYTE = {bond: bytes([bond]) for bond in Bond}
_TRACE_BYTE = _BOND_BYTE[Bond.TRACE]


def bond_of_key(key: bytes) -> Bond:
    """The bond that a key was made with."""
    return Bond.ORDER if key[0] < Bond.LEG else Bond(key[0])


def trace_key(trace_id: bytes) -> bytes:
    """The key under which facts wait that know only the trace they belong to."""
    # As key_of, but trace ids come by too rarely twice to be remembered.
    return _TRACE_BYTE + blake2b(b"trace\0" + trace_id.hex().encode(), digest_size=15).digest()
