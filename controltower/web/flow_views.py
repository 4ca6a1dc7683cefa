"""The flow map as its page and the API show it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from controltower.domain.flows import Flow, FlowMap, FlowSystem, Hop, Signal
from controltower.domain.thinning import strongest
from controltower.domain.times import from_us
from controltower.services.flows import FlowReading
from controltower.store.engine import Connection
from controltower.store.journey_rows import JourneyRow
from controltower.store.membership import rows_in
from controltower.store.traces import find_journeys_of_trace
from controltower.web.drawings import Drawing, Edge, Node, draw, level_of
from controltower.web.map_words import brief, rate, share

MOST_SYSTEMS = 15  # in the drawing; the table has all
MOST_LINES = 40
SHARE_DRAWN = 0.97  # of all messages
MANY_FAIL = 0.05
LISTED_HOPS = 25
_LISTED_TRACES = 20  # the journeys of each are looked up


@dataclass(frozen=True, slots=True)
class FlowLine:
    """A flow in the table."""

    flow: Flow
    per_hour: float | None
    is_drawn: bool
    is_chosen: bool
    url: str  # where its journeys are


@dataclass(frozen=True, slots=True)
class HopLine:
    """A message in the list of a flow."""

    hop: Hop
    journeys: tuple[JourneyRow, ...]

    @property
    def at(self) -> datetime:
        """When the receiver reported it, or started."""
        return from_us(self.hop.at_us)


@dataclass(frozen=True, slots=True)
class ChosenFlow:
    """One flow and its newest messages, each journey or trace once."""

    sender: str
    receiver: str
    signal: Signal
    messages: int
    lines: tuple[HopLine, ...]
    more: int  # journeys or traces that are not listed


@dataclass(frozen=True, slots=True)
class FlowView:
    """Everything that the page shows of a flow map."""

    drawing: Drawing
    lines: tuple[FlowLine, ...]
    systems: int
    systems_drawn: int
    lines_drawn: int
    share_drawn: float  # of all messages


def view_flows(
    reading: FlowReading, fields: Mapping[str, str], chosen: tuple[str, str, str] | None, *, everything: bool
) -> FlowView:
    """The map, drawn; `fields` are what addresses of its edges repeat.

    `chosen` is (sender, receiver, signal).
    """
    found = reading.map
    systems = {system.name for system in found.systems[:MOST_SYSTEMS]}
    drawn = _drawn_flows(found, systems, chosen, everything=everything)
    lines = tuple(_line(flow, reading, fields, drawn, chosen) for flow in found.flows)
    nodes = [_node(system, found) for system in found.systems[:MOST_SYSTEMS]]
    messages = sum(flow.count for flow in found.flows)
    return FlowView(
        drawing=draw(nodes, [_edge(line) for line in lines if line.is_drawn], "down"),
        lines=lines,
        systems=len(found.systems),
        systems_drawn=len(nodes),
        lines_drawn=len(drawn),
        share_drawn=sum(flow.count for flow in drawn) / messages if messages else 1.0,
    )


def list_hops(c: Connection, reading: FlowReading, chosen: tuple[str, str, str]) -> ChosenFlow:
    """The newest messages of a flow, with the journeys that they belong to."""
    hops = [hop for hop in reading.hops if (hop.sender, hop.receiver, hop.signal) == chosen]
    newest: dict[bytes, Hop] = {}
    for hop in sorted(hops, key=lambda hop: (hop.at_us, hop.of), reverse=True):
        newest.setdefault(hop.of, hop)
    sender, receiver, signal = chosen
    told_by: Signal = "spans" if signal == "spans" else "events"
    most = LISTED_HOPS if told_by == "events" else _LISTED_TRACES
    listed = list(newest.values())[:most]
    if told_by == "events":
        rows = rows_in(c, {hop.of for hop in listed})
        lines = [HopLine(hop, (rows[hop.of],) if hop.of in rows else ()) for hop in listed]
    else:
        lines = [HopLine(hop, tuple(find_journeys_of_trace(c, hop.of))) for hop in listed]
    return ChosenFlow(sender, receiver, told_by, len(hops), tuple(lines), len(newest) - len(listed))


def _drawn_flows(
    found: FlowMap, systems: Collection[str], chosen: tuple[str, str, str] | None, *, everything: bool
) -> Sequence[Flow]:
    """Those that tell nearly everything, those of which many fail, and the one that was chosen."""

    def must_see(flow: Flow) -> bool:
        return flow.error_share >= MANY_FAIL or (flow.sender, flow.receiver, flow.signal) == chosen

    among = [flow for flow in found.flows if flow.sender in systems and flow.receiver in systems]
    if everything:
        return among
    drawn: list[Flow] = []
    for signal in ("events", "spans"):
        of_signal = [flow for flow in among if flow.signal == signal]
        counts = {(flow.sender, flow.receiver): flow.count for flow in of_signal}
        kept = strongest(counts, most=MOST_LINES, share=SHARE_DRAWN)
        drawn += [flow for flow in of_signal if (flow.sender, flow.receiver) in kept or must_see(flow)]
    return drawn


def _line(
    flow: Flow,
    reading: FlowReading,
    fields: Mapping[str, str],
    drawn: Collection[Flow],
    chosen: tuple[str, str, str] | None,
) -> FlowLine:
    edge = {"sender": flow.sender, "receiver": flow.receiver, "signal": flow.signal}
    return FlowLine(
        flow=flow,
        per_hour=reading.per_hour(flow.signal, flow.count),
        is_drawn=flow in drawn,
        is_chosen=chosen == (flow.sender, flow.receiver, flow.signal),
        url=f"/flows?{urlencode({**fields, **edge})}#messages",
    )


def _node(system: FlowSystem, found: FlowMap) -> Node:
    busiest = found.systems[0]
    return Node(
        key=system.name,
        title=system.name,
        detail=f"{system.received:,} in · {system.sent:,} out",
        href=f"/journeys?{urlencode({'system': system.name})}",
        level=level_of(system.sent + system.received, busiest.sent + busiest.received),
    )


def _edge(line: FlowLine) -> Edge:
    flow = line.flow
    often = rate(line.per_hour) if line.per_hour is not None else f"{flow.count:,}"
    p50, p95 = brief(flow.time.p50_us), brief(flow.time.p95_us)
    failed = f" · {share(flow.error_share)} failed" if flow.failed else ""
    kinds = {"failing": flow.error_share >= MANY_FAIL, "spans": flow.signal == "spans"}
    return Edge(
        key=f"{flow.signal}\0{flow.sender}\0{flow.receiver}",
        source=flow.sender,
        target=flow.receiver,
        count=flow.count,
        lines=(often + failed, f"{p50} · {p95}"),
        words=f"{flow.sender} to {flow.receiver}, by {flow.signal}: {flow.count:,} messages, {often}, "
        f"{share(flow.error_share)} failed, half within {p50}, 95 % within {p95}. Show its journeys",
        href=line.url,
        kind=" edge--".join(kind for kind, applies in kinds.items() if applies),
        is_chosen=line.is_chosen,
    )
