"""Importing a CSV file through a mapping.

Rows become events in batches, each committed whole. A row that cannot be understood goes to quarantine with
its number and what is wrong. The ids of events come from the rows, so importing a file again - after it broke
off, or with more rows - changes nothing that is there.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import msgspec

from collectors.cloudevents import JSON_EVENT, event_from_attributes
from collectors.files.csv_rows import MAX_KEPT, RawRow, cells_by_column, read_header, read_rows
from collectors.files.rows_of import opened_lines
from collectors.mapping.csv_mapping import CsvMapping, find_built_in
from controltower.domain.errors import BadPayload, Overloaded
from controltower.domain.facts import Event, Quarantined
from controltower.domain.times import to_us
from controltower.services.ingest import FactBatch, Receipt

EDGE = "import"
CONTENT_TYPE = "text/csv"
ROWS_PER_BATCH = 1_000
BATCHES_IN_FLIGHT = 3
FAULTS_SHOWN = 50
OVERLOAD_TRIES = 60

Submit = Callable[[FactBatch], "Future[Receipt]"]


class RowFault(NamedTuple):
    """A row that went to quarantine; the header is row 1."""

    row: int
    reason: str
    message: str


@dataclass(slots=True)
class ImportReport:
    """What became of the rows so far."""

    rows: int = 0
    events_stored: int = 0
    events_duplicate: int = 0
    rows_quarantined: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    faults: list[RowFault] = field(default_factory=list)  # the first of them


class _Batch(NamedTuple):
    facts: FactBatch
    rows: int
    faults: list[RowFault]


def import_csv(
    path: Path,
    mapping: CsvMapping,
    submit: Submit,
    now: datetime,
    progress: Callable[[ImportReport], None] | None = None,
    *,
    table: str = "",
    sleep: Callable[[float], None] = time.sleep,
) -> ImportReport:
    """Store what the file, or `table` of an SQLite file, tells; `progress` hears of every committed batch.

    Raises BadPayload when the header does not fit the mapping, OSError when the file cannot be read, and
    StoreUnavailable or Overloaded when the store does not take a batch; what was reported by then is stored.
    """
    report = ImportReport()
    waiting: deque[tuple[_Batch, Future[Receipt]]] = deque()
    with opened_lines(path, table, mapping.delimiter) as lines:
        for batch in _batches(lines, path.name, mapping, to_us(now)):
            if len(waiting) == BATCHES_IN_FLIGHT:
                _settle(*waiting.popleft(), report, progress)
            waiting.append((batch, _submit(submit, batch.facts, sleep)))
    while waiting:
        _settle(*waiting.popleft(), report, progress)
    return report


def decode_held(payload: bytes, content_type: str, headers: Mapping[str, str], now: datetime) -> FactBatch:
    """Read a quarantined row, which carries its header line, again; raises BadPayload with what is wrong."""
    name = headers.get("mapping", "")
    mapping = find_built_in(name)
    if mapping is None:
        raise BadPayload(
            f"the mapping {name!r} is not part of the tower: correct the file and import it again"
        )
    batch = next(_batches(BytesIO(payload), "", mapping, to_us(now)), None)
    if batch is None:
        raise BadPayload("there is no row after the header")
    if batch.faults:
        raise BadPayload(batch.faults[0].message)
    return batch.facts


def _batches(lines: Iterable[bytes], file: str, mapping: CsvMapping, now_us: int) -> Iterator[_Batch]:
    rows = read_rows(lines, mapping.delimiter)
    header = read_header(rows, mapping.columns)
    while part := list(islice(rows, ROWS_PER_BATCH)):
        yield _batch_of(part, header, file, mapping, now_us)


def _batch_of(rows: list[RawRow], header: RawRow, file: str, mapping: CsvMapping, now_us: int) -> _Batch:
    events: list[Event] = []
    held: list[Quarantined] = []
    faults: list[RowFault] = []
    for row in rows:
        try:
            events += _events_of(row, header, mapping, now_us)
        except BadPayload as exc:
            faults.append(RowFault(row.number, exc.reason, str(exc)))
            held.append(_quarantined(row, header, exc, file, mapping))
    size = sum(len(event.payload) for event in events) + sum(len(item.payload) for item in held)
    return _Batch(FactBatch(events=events, quarantined=held, size=size), len(rows), faults)


def _events_of(row: RawRow, header: RawRow, mapping: CsvMapping, now_us: int) -> list[Event]:
    """All events of the row, or none when one of them is bad."""
    told = mapping.events_of(cells_by_column(header, row))
    return [
        event_from_attributes(
            attributes, msgspec.json.encode(attributes), received_us=now_us, content_type=JSON_EVENT
        )
        for attributes in told
    ]


def _quarantined(
    row: RawRow, header: RawRow, fault: BadPayload, file: str, mapping: CsvMapping
) -> Quarantined:
    payload = header.raw.rstrip(b"\r\n") + b"\n" + row.raw[:MAX_KEPT]
    headers = msgspec.json.encode({"mapping": mapping.name, "file": file, "row": str(row.number)}).decode()
    return Quarantined(
        EDGE, fault.reason, f"{file} row {row.number}: {fault}", CONTENT_TYPE, payload, headers
    )


def _submit(submit: Submit, batch: FactBatch, sleep: Callable[[float], None]) -> Future[Receipt]:
    """Hand a batch over; when the tower is busy with others, wait as a sender would."""
    for _ in range(OVERLOAD_TRIES):
        try:
            return submit(batch)
        except Overloaded as exc:
            sleep(exc.retry_after)
    return submit(batch)


def _settle(
    batch: _Batch,
    future: Future[Receipt],
    report: ImportReport,
    progress: Callable[[ImportReport], None] | None,
) -> None:
    receipt = future.result()
    report.rows += batch.rows
    report.events_stored += receipt.events_stored
    report.events_duplicate += receipt.events_duplicate
    report.rows_quarantined += len(batch.faults)
    report.reasons.update(fault.reason for fault in batch.faults)
    report.faults += batch.faults[: FAULTS_SHOWN - len(report.faults)]
    if progress:
        progress(report)
