"""Runs of reconciliations and their findings."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Row, select, tuple_, update

from controltower.domain.errors import NotFound
from controltower.domain.times import from_us, to_us
from controltower.store.bulk import bulk_of
from controltower.store.tables import reconciliation_finding, reconciliation_run

RUNNING = "running"
DONE = "done"
FAILED = "failed"


@dataclass(frozen=True, slots=True)
class RunFigures:
    """What came out of a run."""

    left_title: str = ""
    right_title: str = ""
    key: tuple[str, ...] = ()  # what the parts of the key are called
    link: str = ""  # the kind of identifier by which a key leads to a journey
    link_part: int = 0  # which part of the key that is
    left_rows: int = 0
    right_rows: int = 0
    left_keys: int = 0
    right_keys: int = 0
    without_key: int = 0
    matched: int = 0
    not_due: int = 0
    counts: dict[str, int] = field(default_factory=dict)  # findings by kind, those not kept included
    kept: int = 0  # findings that are kept

    @property
    def findings(self) -> int:
        """How many findings there were."""
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run."""

    id: bytes
    name: str
    title: str
    started_at: datetime
    finished_at: datetime | None
    state: str
    started_by: str
    problem: str
    declaration: str
    figures: RunFigures

    @property
    def cursor(self) -> tuple[int, bytes]:
        """Where the page after this row begins."""
        return to_us(self.started_at), self.id


class FindingRow(NamedTuple):
    """Something that did not agree."""

    place: int
    kind: str
    key: tuple[str, ...]
    check_title: str
    left_value: str
    right_value: str
    difference: str
    journey_key: bytes | None  # of the identifier by which its journey is found


_figures = msgspec.json.Decoder(RunFigures)


def add_run(
    c: Connection, run_id: bytes, *, name: str, title: str, declaration: str, by: str, now: datetime
) -> bool:
    """Note that a run begins; False when there is one of this id already."""
    row = (run_id, name, title, to_us(now), None, RUNNING, by, "", declaration, "{}")
    return bool(bulk_of(c).insert_new(reconciliation_run, [row]))


def add_findings(c: Connection, run_id: bytes, findings: Iterable[FindingRow]) -> None:
    """Keep findings of a run."""
    rows = [(run_id, one[0], one[1], msgspec.json.encode(one[2]).decode(), *one[3:]) for one in findings]
    bulk_of(c).insert(reconciliation_finding, rows)


def mark_done(c: Connection, run_id: bytes, figures: RunFigures, now: datetime) -> bool:
    """Move a run from running to done; False when it is not running any more."""
    packed = msgspec.json.encode(figures).decode()
    ended = _running(run_id).values(state=DONE, finished_us=to_us(now), figures=packed)
    return c.execute(ended).rowcount == 1


def mark_failed(c: Connection, run_id: bytes, problem: str, now: datetime) -> bool:
    """Move a run from running to failed; False when it is not running any more."""
    ended = _running(run_id).values(state=FAILED, finished_us=to_us(now), problem=problem)
    return c.execute(ended).rowcount == 1


def list_runs(
    c: Connection, name: str = "", before: tuple[int, bytes] | None = None, limit: int = 50
) -> list[RunRow]:
    """A page of runs, newest first, of one declaration or of all; `before` is a row's `cursor`."""
    table = reconciliation_run.c
    query = select(reconciliation_run)
    if name:
        query = query.where(table.name == name)
    if before is not None:
        query = query.where(tuple_(table.started_us, table.id) < tuple_(*before))
    page = query.order_by(table.started_us.desc(), table.id.desc()).limit(limit)
    return [_run(row) for row in c.execute(page)]


def get_run(c: Connection, run_id: bytes) -> RunRow:
    """The run; NotFound when there is none."""
    row = c.execute(select(reconciliation_run).where(reconciliation_run.c.id == run_id)).one_or_none()
    if row is None:
        raise NotFound(f"there is no reconciliation run {run_id.hex()}")
    return _run(row)


def list_findings(
    c: Connection, run_id: bytes, kind: str = "", after: int = -1, limit: int = 100
) -> list[FindingRow]:
    """A page of the findings of a run, of one kind or of all, in their order; `after` is a row's `place`."""
    table = reconciliation_finding.c
    query = select(reconciliation_finding).where(table.run_id == run_id, table.place > after)
    if kind:
        query = query.where(table.kind == kind)
    return [
        FindingRow(
            row.place,
            row.kind,
            tuple(msgspec.json.decode(row.key)),
            row.check_title,
            row.left_value,
            row.right_value,
            row.difference,
            row.journey_key,
        )
        for row in c.execute(query.order_by(table.place).limit(limit))
    ]


def delete_older_runs(c: Connection, name: str, keep: int) -> int:
    """Delete all but the newest `keep` runs of a declaration with their findings; returns how many."""
    table = reconciliation_run.c
    query = select(table.id).where(table.name == name)
    old = c.execute(query.order_by(table.started_us.desc(), table.id.desc()).offset(keep)).scalars().all()
    if old:
        bulk_of(c).delete(reconciliation_finding, "run_id", old)
        bulk_of(c).delete(reconciliation_run, "id", old)
    return len(old)


def list_abandoned(c: Connection, started_before: datetime) -> list[bytes]:
    """The runs that began before then and have not ended: whoever made them died."""
    table = reconciliation_run.c
    query = select(table.id).where(table.state == RUNNING, table.started_us < to_us(started_before))
    return list(c.execute(query.order_by(table.started_us, table.id)).scalars())


def _running(run_id: bytes) -> Any:
    table = reconciliation_run.c
    return update(reconciliation_run).where(table.id == run_id, table.state == RUNNING)


def _run(row: Row[*tuple[Any, ...]]) -> RunRow:
    return RunRow(
        id=row.id,
        name=row.name,
        title=row.title,
        started_at=from_us(row.started_us),
        finished_at=None if row.finished_us is None else from_us(row.finished_us),
        state=row.state,
        started_by=row.started_by,
        problem=row.problem,
        declaration=row.declaration,
        figures=_figures.decode(row.figures),
    )
