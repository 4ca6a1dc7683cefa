"""The stored forms, in MessagePack, of components (`journey.state`) and of identifiers."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

import msgspec

from controltower.domain.components import Component, Title
from controltower.domain.identifiers import Identifier
from controltower.domain.journeys import Fact


class State(NamedTuple):
    """What a journey row keeps so that new facts fold in without reading old events."""

    keys: list[bytes]
    facts: list[Fact]
    owners: list[bytes]
    members: list[bytes]
    title: Title
    reached: list[str]  # stages counted as reached in the figures of the home page


_EMPTY = b""
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(State)


_identifiers = msgspec.msgpack.Decoder(list[Identifier])


_links = msgspec.msgpack.Decoder(list[list[Identifier]])


def write_identifiers(identifiers: Collection[Identifier]) -> bytes:
    """The stored form of identifiers; b"" for none."""
    return _encoder.encode(identifiers) if identifiers else _EMPTY


def read_identifiers(packed: bytes) -> list[Identifier]:
    """The identifiers that `write_identifiers` stored."""
    return _identifiers.decode(packed) if packed else []


def write_links(links: Collection[Collection[Identifier]]) -> bytes:
    """The stored form of what spans name, a list for each span; b"" for nothing."""
    return _encoder.encode(links) if links else _EMPTY


def read_links(packed: bytes) -> list[list[Identifier]]:
    """What `write_links` stored."""
    return _links.decode(packed) if packed else []


def read_state(blob: bytes) -> State:
    """The state that `write_state` made."""
    return _decoder.decode(blob)


def write_state(component: Component, reached: list[str]) -> bytes:
    """The state of a component; equal components have equal bytes."""
    return _encoder.encode(
        State(
            sorted(component.keys),
            [component.facts[digest] for digest in sorted(component.facts)],
            sorted(component.owners),
            sorted(component.members),
            component.title,
            reached,
        )
    )


def component_of(state: State) -> Component:
    """The component that was written."""
    component = Component(state.keys)
    component.facts = {fact.digest: fact for fact in state.facts}
    component.owners = set(state.owners)
    component.members = set(state.members)
    component.title = state.title
    return component
