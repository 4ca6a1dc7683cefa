"""Flows: the messages between the systems of an estate, told by events and by spans.

A message is a *hop*. Two consecutive events of one journey by different systems are one: the second system
took over from the first. So is a span whose parent is of another service. Its time runs until the receiver
was done: from the sender's event to the receiver's, or from the parent's start to the end of its child.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from controltower.domain.quantiles import Spread, spread_of
from controltower.domain.steps import Trail, hand_overs

Signal = Literal["events", "spans"]
SIGNALS: tuple[Signal, ...] = ("events", "spans")


class Hop(NamedTuple):
    """One message."""

    signal: Signal
    sender: str
    receiver: str
    at_us: int  # when the receiver reported it, or started
    took_us: int
    is_failed: bool  # at the receiver
    of: bytes  # the journey, or the trace


class Call(NamedTuple):
    """What a flow needs of a span."""

    trace_id: bytes
    span_id: bytes
    parent_id: bytes  # empty for a root
    service: str
    start_ns: int
    end_ns: int
    is_error: bool


@dataclass(frozen=True, slots=True)
class Flow:
    """All messages of one kind from one system to another."""

    signal: Signal
    sender: str
    receiver: str
    count: int
    failed: int
    time: Spread

    @property
    def error_share(self) -> float:
        """How many of a hundred failed, divided by a hundred."""
        return self.failed / self.count


@dataclass(frozen=True, slots=True)
class FlowSystem:
    """A system that sends or receives."""

    name: str
    sent: int
    received: int
    failed: int  # of what it received


@dataclass(frozen=True, slots=True)
class FlowMap:
    """Systems and what flows between them; most messages first, then by name."""

    systems: tuple[FlowSystem, ...]
    flows: tuple[Flow, ...]


def hops_of_trails(trails: Iterable[Trail], since_us: int, until_us: int) -> Iterator[Hop]:
    """The messages that events tell and that were received within [since_us, until_us)."""
    for trail in trails:
        for one, other in hand_overs(trail.steps):
            if since_us <= other.at_us < until_us:
                took = other.at_us - one.at_us
                yield Hop(
                    "events", one.system, other.system, other.at_us, took, other.is_failed, trail.journey_id
                )


def hops_of_calls(calls: Iterable[Call]) -> Iterator[Hop]:
    """The messages that spans tell. A span whose parent is not among them tells none.

    A span id that comes twice in a trace counts once. Clocks that disagree make no time negative.
    """
    spans: dict[tuple[bytes, bytes], Call] = {}
    for call in sorted(set(calls)):
        if call.span_id:
            spans.setdefault((call.trace_id, call.span_id), call)
    for call in spans.values():
        parent = spans.get((call.trace_id, call.parent_id)) if call.parent_id else None
        if parent is not None and parent.service != call.service:
            took_ns = max(call.end_ns - parent.start_ns, call.end_ns - call.start_ns, 0)
            yield Hop(
                "spans",
                parent.service,
                call.service,
                call.start_ns // 1_000,
                took_ns // 1_000,
                call.is_error,
                call.trace_id,
            )


def map_flows(hops: Iterable[Hop]) -> FlowMap:
    """The flows that these hops make; their order does not matter."""
    times: defaultdict[tuple[Signal, str, str], list[int]] = defaultdict(list)
    failed: Counter[tuple[Signal, str, str]] = Counter()
    for hop in hops:
        edge = (hop.signal, hop.sender, hop.receiver)
        times[edge].append(hop.took_us)
        failed[edge] += hop.is_failed
    flows = []
    for edge, took in times.items():
        spread = spread_of(took)
        assert spread is not None
        flows.append(Flow(*edge, len(took), failed[edge], spread))
    flows.sort(key=lambda flow: (-flow.count, flow.signal, flow.sender, flow.receiver))
    return FlowMap(_systems(flows), tuple(flows))


def _systems(flows: Iterable[Flow]) -> tuple[FlowSystem, ...]:
    sent: Counter[str] = Counter()
    received: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    for flow in flows:
        sent[flow.sender] += flow.count
        received[flow.receiver] += flow.count
        failed[flow.receiver] += flow.failed
    ranked = sorted(sent.keys() | received.keys(), key=lambda name: (-sent[name] - received[name], name))
    return tuple(FlowSystem(name, sent[name], received[name], failed[name]) for name in ranked)
