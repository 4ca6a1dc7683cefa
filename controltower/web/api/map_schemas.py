"""What the API gives of maps."""

from __future__ import annotations

from datetime import datetime

import msgspec

from controltower.web.api.schemas import Journey


class JourneysRead(msgspec.Struct, kw_only=True):
    """Which journeys a map was made of: `read` of `found`, spread evenly over them."""

    read: int
    found: int
    is_whole: bool
    looked_back_to: datetime | None
    too_long: int
    words: str


class SpansRead(msgspec.Struct, kw_only=True):
    """Which spans a map was made of."""

    traces: int
    spans: int
    arrived: int | None
    is_whole: bool
    words: str


class FlowSystem(msgspec.Struct, kw_only=True):
    """A system that sends or receives; figures of the sample."""

    name: str
    sent: int
    received: int
    failed: int


class Flow(msgspec.Struct, kw_only=True):
    """Messages from one system to another; `count` of the sample, `per_hour` of the window."""

    signal: str
    sender: str
    receiver: str
    count: int
    failed: int
    error_share: float
    per_hour: float | None
    p50_us: int
    p95_us: int


class Flows(msgspec.Struct, kw_only=True):
    """The flow map of a window."""

    since: datetime
    until: datetime
    journeys_read: JourneysRead | None
    spans_read: SpansRead | None
    systems: list[FlowSystem]
    flows: list[Flow]


class Message(msgspec.Struct, kw_only=True):
    """The newest message of a flow on one journey or trace."""

    at: datetime
    took_us: int
    is_failed: bool
    trace_id: str | None
    journeys: list[Journey]


class Messages(msgspec.Struct, kw_only=True):
    """The newest messages of a flow; `more` journeys or traces are not listed."""

    signal: str
    sender: str
    receiver: str
    count: int
    more: int
    messages: list[Message]


class Activity(msgspec.Struct, kw_only=True):
    """A step of a process."""

    name: str
    title: str
    journeys: int
    steps: int
    is_failed: bool
    systems: tuple[str, ...]


class Transition(msgspec.Struct, kw_only=True):
    """A step directly after another; null stands for the beginning and the end of journeys."""

    before: str | None
    after: str | None
    count: int
    journeys: int
    p50_us: int | None
    p95_us: int | None


class Variant(msgspec.Struct, kw_only=True):
    """Journeys with the same steps in the same order."""

    id: str
    activities: tuple[str, ...]
    journeys: int
    share: float
    p50_us: int
    p95_us: int
    newest_journey: str


class ProcessMap(msgspec.Struct, kw_only=True):
    """The process map of a window."""

    process: str
    by: str
    since: datetime
    until: datetime
    journeys_read: JourneysRead
    journeys: int
    without_steps: int
    left_out: tuple[str, ...]
    activities: list[Activity]
    transitions: list[Transition]
    variants: list[Variant]


class MapJourneys(msgspec.Struct, kw_only=True):
    """Journeys of a variant or of a transition, newest started first."""

    journeys: list[Journey]
    found: int


class ComparedStep(msgspec.Struct, kw_only=True):
    """A step of one of two journeys."""

    at: datetime
    activity: str
    system: str
    is_failed: bool


class ComparedRow(msgspec.Struct, kw_only=True):
    """Steps beside each other: the same, one instead of the other, or only one."""

    state: str
    a: ComparedStep | None
    b: ComparedStep | None


class Compared(msgspec.Struct, kw_only=True):
    """Two journeys side by side; `first_difference` is the index of a row."""

    a: Journey
    b: Journey
    first_difference: int | None
    verdict: str
    rows: list[ComparedRow]
    left_out: int
