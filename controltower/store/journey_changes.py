"""What a changed component becomes in the tables: its journey row, its systems, its share of the figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import NamedTuple

from controltower.domain.components import Component
from controltower.domain.fingerprints import fingerprint_of
from controltower.domain.journeys import Journey
from controltower.store import tables
from controltower.store.bulk import Row
from controltower.store.components import write_state

OLD_COLUMNS = (
    "id",
    "state",
    "hidden",
    "process",
    "status",
    "stage",
    "channel",
    "reported_status",
    "systems",
    "started_us",
    "failed_us",
)
FILED_BY = ("hidden", "status", "channel", "reported_status", "started_us", "failed_us")
row_filing = itemgetter(*(list(tables.journey.columns.keys()).index(name) for name in FILED_BY))


class Old(NamedTuple):
    """A journey row as it was when this projection loaded it."""

    id: bytes
    reached: list[str]
    hidden: bool
    process: str
    status: str
    stage: str
    channel: str
    reported_status: str
    systems: str
    started_us: int
    failed_us: int | None


NOTHING = Journey(
    process="",
    process_version=0,
    status="",
    stage="",
    stage_since_us=0,
    started_us=0,
    last_event_us=0,
    reached=(),
    failure=None,
    systems=(),
    channel="",
    amount="",
    currency="",
    customer="",
    reported_status="",
    event_count=0,
    conflicts=0,
)


def journey_row(
    component: Component, journey: Journey, reached: list[str], *, hidden: bool, now_us: int
) -> Row:
    """The row of a component, in the order of the table's columns."""
    failure = journey.failure
    return (
        component.id,
        hidden,
        journey.process,
        journey.process_version,
        journey.status,
        journey.stage,
        journey.stage_since_us,
        journey.started_us,
        journey.last_event_us,
        component.title[2],
        journey.customer,
        journey.channel,
        journey.amount,
        journey.currency,
        journey.reported_status,
        failure.stage if failure else "",
        failure.system if failure else "",
        failure.code if failure else "",
        failure.message if failure else "",
        fingerprint_of(failure.system, failure.code, failure.message) if failure else "",
        journey.progress,
        "\n".join(journey.discrepancies) if not hidden else "",
        failure.failed_us if failure and not hidden else None,
        _barred(journey.systems),
        journey.event_count,
        now_us,
        write_state(component, [] if hidden else reached),
    )


def _barred(systems: Iterable[str]) -> str:
    joined = "|".join(systems)
    return f"|{joined}|" if joined else ""


def system_rows(journey_id: bytes, journey: Journey, olds: Sequence[Old]) -> list[Row]:
    """Its rows of journey_system; none when they are there already."""
    same = len(olds) == 1 and olds[0].id == journey_id and not olds[0].hidden
    if same and olds[0].started_us == journey.started_us and olds[0].systems == _barred(journey.systems):
        return []
    return [(journey_id, system, journey.started_us) for system in journey.systems]


def count(journey: Journey, reached: list[str], counts: Counter[tuple[str, str, str]]) -> None:
    """Add a shown journey to the figures of the home page."""
    for key in _counted(
        journey.process, journey.status, journey.stage, journey.channel, journey.reported_status, reached
    ):
        counts[key] += 1


def count_old(old: Old, counts: Counter[tuple[str, str, str]]) -> None:
    """Take the row that stood there before out of the figures."""
    if old.hidden:
        return
    for key in _counted(old.process, old.status, old.stage, old.channel, old.reported_status, old.reached):
        counts[key] -= 1


def _counted(
    process: str, status: str, stage: str, channel: str, reported_status: str, reached: list[str]
) -> list[tuple[str, str, str]]:
    keys = [
        ("status", process, status),
        ("channel", process, channel),
        ("reported_status", process, reported_status),
    ]
    if status == "in_flight":
        keys.append(("waiting", process, stage))
    keys.append(("stage", process, stage))
    keys.extend(("reached", process, name) for name in reached)
    return keys
