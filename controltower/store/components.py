"""The stored form of a component: MessagePack in `journey.state`."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from controltower.domain.components import Component, Title
from controltower.domain.journeys import Fact


class State(NamedTuple):
    """What a journey row keeps so that new facts fold in without reading old events."""

    keys: list[bytes]
    facts: list[Fact]
    owners: list[bytes]
    members: list[bytes]
    title: Title
    reached: list[str]  # stages counted as reached in the figures of the home page


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(State)


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
