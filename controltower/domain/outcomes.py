"""Facts, and what a run of them reached and where it failed: for a journey as for each of its legs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from controltower.domain.facts import FAILED
from controltower.domain.identifiers import Identifier
from controltower.domain.processes import Process, Reading


class Fact(NamedTuple):
    """What the fold needs of an event; a journey keeps these beside itself, so that folding reads no events.
    """

    occurred_us: int
    digest: bytes
    source: str
    id: str
    type: str
    system: str
    outcome: str
    error_code: str
    error_message: str
    channel: str
    amount: str
    currency: str
    customer: str
    status: str
    trace_id: bytes
    legs: tuple[Identifier, ...] = ()  # the LEG identifiers that it names, sorted
    note: str = ""  # what it changed, by whom and why, for a person
    claims: tuple[tuple[str, str], ...] = ()  # (quantity, address, refund or fees; what it says), sorted

    def claimed(self, name: str) -> str:
        """What it says of quantity, address, refund or fees; "" for nothing."""
        return next((value for key, value in self.claims if key == name), "")


@dataclass(frozen=True, slots=True)
class Failure:
    """Something that went wrong and that no later success has put right."""

    stage: str  # "" when the event belongs to no stage
    system: str
    code: str
    message: str
    failed_us: int


class Track:
    """What facts, noted in the order of their time, reached and where they failed."""

    __slots__ = ("_failures", "_succeeded", "reached")

    def __init__(self) -> None:
        self.reached: dict[int, int] = {}  # stage -> when first
        self._succeeded: dict[int, int] = {}  # stage -> when last
        self._failures: dict[int | None, Fact] = {}  # stage -> the last one

    def note(self, reading: Reading, fact: Fact) -> None:
        """Take in a fact that ends nothing."""
        if reading.failed or fact.outcome == FAILED:
            self._failures[reading.stage] = fact
        elif reading.stage is not None:
            self.reached.setdefault(reading.stage, fact.occurred_us)
            self._succeeded[reading.stage] = fact.occurred_us

    def open_failure(self, process: Process) -> Failure | None:
        """The newest failure whose stage has not succeeded since."""
        if not self._failures:
            return None
        newest: Failure | None = None
        furthest = max(self._succeeded.values(), default=-1)
        for stage, fact in self._failures.items():
            mended_us = furthest if stage is None else self._succeeded.get(stage, -1)
            if mended_us >= fact.occurred_us or (newest and newest.failed_us >= fact.occurred_us):
                continue
            newest = Failure(
                stage="" if stage is None else process.steps[stage].name,
                system=fact.system,
                code=fact.error_code,
                message=fact.error_message,
                failed_us=fact.occurred_us,
            )
        return newest
