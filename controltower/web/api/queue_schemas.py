"""What the API gives of queues."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec

from controltower.web.api.schemas import Journey


class Measure(msgspec.Struct, kw_only=True):
    """The newest sample of a measure; a stale one says how it was, not how it is."""

    value: float
    sampled_at: datetime
    is_stale: bool


class Queue(msgspec.Struct, kw_only=True):
    """A queue or topic as itself (`group` is empty) or as one consumer group sees it.

    `waiting` is null when nothing says it now, `drain` one of empty, draining, not_draining and unknown (null
    when only the groups of a topic say what waits), `drain_seconds` an estimate while it is draining, and
    `drain_why` says why there is none.
    """

    system: str
    queue: str
    group: str
    sampled_at: datetime
    is_stale: bool
    waiting: float | None
    growth_per_minute: float | None
    growth_over_seconds: float | None
    drain: str | None
    drain_seconds: float | None
    drain_why: str
    in_per_second: float | None
    out_per_second: float | None
    measures: Mapping[str, Measure]


class Queues(msgspec.Struct, kw_only=True):
    """Queues that were ever sampled, those with partitions as a whole; `found` passed the filter."""

    queues: list[Queue]
    found: int


class QueueSlot(msgspec.Struct, kw_only=True):
    """What was read in one part of the window."""

    starts_at: datetime
    least: float
    mean: float
    most: float


class QueueSeries(msgspec.Struct, kw_only=True):
    """The history of one measure; parts in which nothing was read are left out."""

    group: str
    measure: str
    slots: list[QueueSlot]


class WaitingJourney(msgspec.Struct, kw_only=True):
    """A journey in flight whose newest message into the queue no span took."""

    journey: Journey
    since: datetime
    service: str
    trace_id: str


class QueueDetail(msgspec.Struct, kw_only=True):
    """A queue, its groups and partitions, its history, and what is known to wait in it.

    Journeys are found by spans of the last hour: of all its traces when `is_whole`, else of a sample of them.
    """

    queues: list[Queue]
    partitions: list[Queue]
    since: datetime
    until: datetime
    history: list[QueueSeries]
    waiting: list[WaitingJourney]
    traces_looked_at: int
    is_whole: bool
    dead_letters: list[str]
