"""What `controltower import` says while and after it imports an event log."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from collectors.files.ocel.importing import LogOptions, LogReport, Watcher, import_log
from collectors.files.ocel.recognising import Reader
from collectors.files.ocel.staging import LogCounts
from collectors.files.progress import Progress
from collectors.files.sending import Submit
from controltower.domain.errors import BadSetting
from controltower.domain.identifiers import JOINING_KINDS, Bond, bond_of


def run_import(
    path: Path,
    reader: Reader,
    submit: Submit,
    now: datetime,
    options: LogOptions,
    *,
    progress: Progress,
    say: Callable[[str], None],
) -> LogReport:
    """Import the log and say what is in it, what its types become and what was stored.

    When it is stopped by KeyboardInterrupt it says how far it came, and raises that again.
    """
    size = path.stat().st_size
    report: LogReport | None = None

    def decided(found: LogReport) -> None:
        nonlocal report
        report = found
        progress.clear()
        for line in describe(found):
            say(line)
        progress.begin()

    def stored(found: LogReport) -> None:
        progress.show("storing", found.events_read, found.counts.events, "events")

    watcher = Watcher(
        read=lambda position: progress.show("reading", position, size, "bytes"),
        decided=decided,
        stored=stored,
    )
    try:
        import_log(path, reader, submit, now, options, watcher)
    except KeyboardInterrupt:
        progress.clear()
        say(_stopped(report))
        raise
    progress.clear()
    assert report is not None
    for line in outcome(report):
        say(line)
    return report


def read_options(
    *, source: str, zone: str, journey_type: str, legs: Sequence[str], labels: Sequence[str]
) -> LogOptions:
    """The options as typed; raises BadSetting for one that cannot be understood."""
    pairs = [leg.rpartition("=") for leg in legs]
    for (name, _, kind), typed in zip(pairs, legs, strict=True):
        if not name or bond_of(kind) is not Bond.LEG:
            known = ", ".join(one for one in JOINING_KINDS if bond_of(one) is Bond.LEG)
            raise BadSetting(f"--leg {typed}: expected TYPE=KIND with a kind of leg: {known}")
    try:
        found = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError) as exc:
        raise BadSetting(f"--zone: no time zone is named {zone!r}") from exc
    return LogOptions(source, found, journey_type, {name: kind for name, _, kind in pairs}, labels)


def describe(report: LogReport) -> Iterator[str]:
    """What the log holds, and what its object types become."""
    counts = report.counts
    yield (
        f"{report.source}: {counts.events} events of {len(counts.event_types)} types, "
        f"{sum(counts.objects.values())} objects, {counts.event_object_links} event-object links, "
        f"{counts.object_object_links} object-object links"
    )
    if counts.first_at and counts.last_at:
        yield f"from {counts.first_at.isoformat()} to {counts.last_at.isoformat()}"
    for kind, role in report.roles.in_words():
        yield f"  {counts.objects[kind]} {kind} -> {role}"
    yield from _faults_of(counts, report.untold_links)


def outcome(report: LogReport) -> Iterator[str]:
    """What was stored and what was not."""
    yield (
        f"{report.events_read} events: {report.events_stored} events stored, "
        f"{report.events_duplicate} known already, {report.events_quarantined} in quarantine"
    )
    more = report.events_told + report.events_quarantined - report.events_read
    if more:
        yield f"  events that name several journeys were told once for each: {more} more than the log has"
    yield from (f"  {fault}" for fault in report.faults)


def _faults_of(counts: LogCounts, untold_links: int) -> Iterator[str]:
    if counts.events_without_time:
        yield f"  {counts.events_without_time} events have no time that can be read"
    if untold_links:
        yield f"  {untold_links} related objects are not shown: no event of their journey has room for them"


def _stopped(report: LogReport | None) -> str:
    if report is None:
        return "Stopped while reading; nothing was stored."
    return (
        f"Stopped after {report.events_read} of {report.counts.events} events. "
        "The same command goes on: what is stored already is not stored twice."
    )
