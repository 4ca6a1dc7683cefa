"""Running a declaration and keeping what came out; at once, or when it is its turn."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from io import StringIO
from itertools import islice
from uuid import uuid4

from controltower.domain.errors import BadPayload, ControlTowerError, NotFound
from controltower.domain.identifiers import MAX_KIND_LENGTH, MAX_VALUE_LENGTH, Identifier, key_of
from controltower.domain.times import to_us
from controltower.services.reconciliation.declaration import (
    BadDeclaration,
    Declaration,
    parse_declaration,
    read_texts,
)
from controltower.services.reconciliation.findings import (
    DIFFERENT,
    LATE,
    MISSING_LEFT,
    MISSING_RIGHT,
    UNREADABLE,
    Comparison,
    Finding,
)
from controltower.services.reconciliation.given import Given
from controltower.store.engine import Connection, Database, reading, transaction
from controltower.store.reconciliations import (
    FindingRow,
    RunFigures,
    RunRow,
    add_findings,
    add_run,
    delete_older_runs,
    get_run,
    list_abandoned,
    list_findings,
    mark_done,
    mark_failed,
)

MOST_FINDINGS = 100_000  # that are kept of one run; all are counted
RUNS_KEPT = 100  # of one declaration
SCHEDULE = "schedule"
GIVEN_UP_AFTER = timedelta(hours=6)
_AT_ONCE = 5_000

def run_declaration(
    db: Database,
    text: str,
    name: str,
    given: Mapping[str, Given],
    *,
    by: str,
    clock: Callable[[], datetime],
    run_id: bytes | None = None,
) -> RunRow:
    """Compare the sides, keep the result and return it; `given` holds the extracts by side: left, right.

    A side that is not given is read from stored events or from the newest file that it names. What goes
    wrong with an extract is noted in the run and raised: BadExtract, BadDeclaration, OSError as BadExtract.
    """
    declaration = parse_declaration(text, name)
    run_id = run_id or uuid4().bytes
    with transaction(db) as c:
        started = add_run(
            c, run_id, name=declaration.name, title=declaration.title, declaration=text, by=by, now=clock()
        )
    if not started:
        raise BadPayload(f"the run {run_id.hex()} was made already")
    try:
        result = _compare(db, declaration, given, clock)
        _keep(db, run_id, declaration, result, clock)
    except Exception as exc:
        problem = str(exc) if isinstance(exc, ControlTowerError) else f"{type(exc).__name__}"
        with transaction(db) as c:
            mark_failed(c, run_id, problem, clock())
        raise
    with reading(db) as c:
        return get_run(c, run_id)


def _compare(
    db: Database, declaration: Declaration, given: Mapping[str, Given], clock: Callable[[], datetime]
) -> Comparison:
    # Not at the top: it brings pandas, 50 MB that a tower need not carry before it compares anything.
    from controltower.services.reconciliation.sides import compare_sides

    return compare_sides(db, declaration, given, clock)


def _keep(
    db: Database, run_id: bytes, declaration: Declaration, result: Comparison, clock: Callable[[], datetime]
) -> None:
    kept = result.findings[:MOST_FINDINGS]
    rows = (_row(place, one, declaration) for place, one in enumerate(kept))
    figures = RunFigures(
        left_title=declaration.left.title,
        right_title=declaration.right.title,
        key=declaration.key,
        link=declaration.link,
        link_part=declaration.link_part,
        left_rows=result.left_rows,
        right_rows=result.right_rows,
        left_keys=result.left_keys,
        right_keys=result.right_keys,
        without_key=result.without_key,
        matched=result.matched,
        not_due=result.not_due,
        counts=dict(result.counts),
        kept=len(kept),
    )
    while part := list(islice(rows, _AT_ONCE)):
        with transaction(db) as c:
            add_findings(c, run_id, part)
    with transaction(db) as c:
        mark_done(c, run_id, figures, clock())
        delete_older_runs(c, declaration.name, RUNS_KEPT)


def _row(place: int, finding: Finding, declaration: Declaration) -> FindingRow:
    value = finding.key[declaration.link_part]
    joins = declaration.link and len(declaration.link) <= MAX_KIND_LENGTH and len(value) <= MAX_VALUE_LENGTH
    journey_key = key_of(Identifier(declaration.link, value)) if joins else None
    return FindingRow(
        place,
        finding.kind,
        tuple(_storable(part) for part in finding.key),
        finding.check,
        _storable(finding.left),
        _storable(finding.right),
        _storable(finding.difference),
        journey_key,
    )


def _storable(text: str) -> str:
    """PostgreSQL keeps no NUL."""
    return text.replace("\0", "\ufffd")


@dataclass(frozen=True, slots=True)
class Known:
    """A declaration that can be run by its name; `problem` says why it cannot."""

    name: str
    text: str
    declaration: Declaration | None
    problem: str = ""


def list_known(folder: str) -> list[Known]:
    """The declarations of the tower and of the user's folder ("" for none), by name.

    A file with a mistake is listed with it.
    """
    known = []
    for name, text in sorted(read_texts(folder).items()):
        try:
            known.append(Known(name, text, parse_declaration(text, name)))
        except BadDeclaration as exc:
            known.append(Known(name, text, None, str(exc)))
    return known


def get_known(folder: str, name: str) -> Known:
    """The declaration of that name; NotFound when there is none."""
    for one in list_known(folder):
        if one.name == name:
            return one
    raise NotFound(f"There is no reconciliation {name[:80]!r}.")


def run_due_once(db: Database, folder: str, clock: Callable[[], datetime]) -> bool:
    """Run one declaration whose turn it is; False when none is due.

    A turn has an id of its own, so that of any number of workers one makes it.
    """
    now = clock()
    with transaction(db) as c:
        for abandoned in list_abandoned(c, now - GIVEN_UP_AFTER):
            mark_failed(c, abandoned, "whoever made it stopped before it ended", now)
    for known in list_known(folder):
        declaration = known.declaration
        if declaration is None or declaration.every is None:
            continue
        run_id = _turn(declaration.name, declaration.every, now)
        if _was_made(db, run_id):
            continue
        try:
            run_declaration(db, known.text, known.name, {}, by=SCHEDULE, clock=clock, run_id=run_id)
        except BadPayload:
            return True  # it is noted in the run, or another worker was first
        return True
    return False


def _turn(name: str, every: timedelta, now: datetime) -> bytes:
    number = to_us(now) // (every // timedelta(microseconds=1))
    return blake2b(f"{name}\0{every}\0{number}".encode(), digest_size=16).digest()


def _was_made(db: Database, run_id: bytes) -> bool:
    with reading(db) as c:
        try:
            get_run(c, run_id)
        except NotFound:
            return False
    return True


def kind_words(figures: RunFigures) -> dict[str, str]:
    """What each kind of finding means in a run."""
    return {
        MISSING_LEFT: f"missing in {figures.left_title}",
        MISSING_RIGHT: f"missing in {figures.right_title}",
        DIFFERENT: "different",
        LATE: "late",
        UNREADABLE: "unreadable",
    }


def findings_csv(c: Connection, run: RunRow, kind: str = "") -> Iterator[str]:
    """The findings as CSV, line by line, safe to open in a spreadsheet."""
    key = run.figures.key or ("key",)
    yield _line(["finding", *key, "check", run.figures.left_title, run.figures.right_title, "difference"])
    after = -1
    while page := list_findings(c, run.id, kind, after, 1_000):
        after = page[-1].place
        for one in page:
            yield _line(
                [one.kind, *one.key, one.check_title, one.left_value, one.right_value, one.difference]
            )


def _line(cells: list[str]) -> str:
    text = StringIO()
    csv.writer(text).writerow([_harmless(cell) for cell in cells])
    return text.getvalue()


def _harmless(cell: str) -> str:
    """A spreadsheet takes a text that begins like this for a formula; a number is none."""
    if cell[:1] in ("=", "+", "-", "@", "\t", "\r") and not cell[1:].replace(".", "", 1).isdecimal():
        return "'" + cell
    return cell
