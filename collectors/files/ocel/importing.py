"""Importing an object-centric event log.

The ids of events are those of the log, so importing it again - after it broke off, or in another format -
changes nothing that is there.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from collectors.files.ocel.reach import Reach
from collectors.files.ocel.recognising import Reader
from collectors.files.ocel.records import Record
from collectors.files.ocel.roles import Roles, decide_roles, source_name
from collectors.files.ocel.staging import LogCounts, Staged, staged
from collectors.files.ocel.telling import Teller, Told
from collectors.files.sending import Sender, Submit
from controltower.domain.facts import Quarantined
from controltower.domain.times import to_us
from controltower.services.ingest import FactBatch, Receipt

EVENTS_PER_BATCH = 1_000
FAULTS_SHOWN = 50


@dataclass(frozen=True, slots=True)
class LogOptions:
    """What the person who imports knows better than the file."""

    source: str = ""  # the name of the log; of the file when empty
    zone: ZoneInfo = ZoneInfo("UTC")  # noqa: RUF009 - immutable
    journey_type: str = ""
    legs: Mapping[str, str] = field(default_factory=dict)  # object type -> kind of leg
    labels: Collection[str] = ()


@dataclass(slots=True)
class LogReport:
    """What became of the log so far."""

    source: str
    counts: LogCounts
    roles: Roles
    untold_links: int  # legs for which no event of their journey had room
    events_read: int = 0  # of the log
    events_told: int = 0  # one of two journeys is told twice
    events_stored: int = 0
    events_duplicate: int = 0
    events_quarantined: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)  # the first of them


@dataclass(frozen=True, slots=True)
class Watcher:
    """Who hears how far the import is."""

    read: Callable[[int], None] = lambda position: None  # bytes of the file
    decided: Callable[[LogReport], None] = lambda report: None  # before the first event is stored
    stored: Callable[[LogReport], None] = lambda report: None


def import_log(
    path: Path,
    reader: Reader,
    submit: Submit,
    now: datetime,
    options: LogOptions,
    watcher: Watcher | None = None,
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> LogReport:
    """Store what the log tells.

    Raises BadLog when it cannot be read, OSError when the file cannot, and StoreUnavailable or Overloaded
    when the store does not take a batch; what the watcher heard of by then is stored.
    """
    watcher = watcher or Watcher()
    source = source_name(options.source or path.name.split(".")[0])
    records: Iterator[Record] = reader(path, watcher.read)
    with staged(records, options.zone) as log:
        counts, reach = log.counts(), Reach(log)
        roles = decide_roles(
            log,
            counts,
            reach,
            source,
            journey_type=options.journey_type,
            legs=options.legs,
            labels=options.labels,
        )
        teller = Teller(log, roles, reach, source)
        report = LogReport(source, counts, roles, teller.untold_links)
        watcher.decided(report)
        _store(log, teller, submit, to_us(now), report, watcher, sleep)
    return report


def _store(
    log: Staged,
    teller: Teller,
    submit: Submit,
    received_us: int,
    report: LogReport,
    watcher: Watcher,
    sleep: Callable[[float], None],
) -> None:
    def committed(about: tuple[int, Told], receipt: Receipt) -> None:
        read, told = about
        report.events_read += read
        report.events_told += len(told.events)
        report.events_stored += receipt.events_stored
        report.events_duplicate += receipt.events_duplicate
        _note_faults(report, told.held)
        watcher.stored(report)

    sender = Sender(submit, committed, sleep=sleep)
    last = 0
    while found := log.events(last, EVENTS_PER_BATCH):
        last = found[-1][0]
        told = teller.tell(found, received_us)
        batch = FactBatch(events=told.events, quarantined=told.held, size=told.size)
        sender.send(batch, (len(found), told))
    sender.finish()


def _note_faults(report: LogReport, held: list[Quarantined]) -> None:
    report.events_quarantined += len(held)
    report.reasons.update(item.reason for item in held)
    report.faults += [item.message for item in held[: FAULTS_SHOWN - len(report.faults)]]
