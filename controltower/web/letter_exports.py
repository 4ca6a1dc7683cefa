"""Dead letters as files: CSV for spreadsheets, NDJSON for programs; personal data in messages is masked."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import msgspec

from controltower.domain.masking import mask_text
from controltower.store.engine import Database, reading
from controltower.store.letter_rows import LetterFilter, LetterRow
from controltower.store.letters import list_letters
from controltower.web.api.letter_answers import dead_letter
from controltower.web.csv_cells import csv_line

PAGE_ROWS = 500
COLUMNS = (
    *("id", "state", "failed", "first_failed", "deaths", "attempts", "queue", "type", "system", "title"),
    *("journey", "class", "fingerprint", "error_class", "error_code", "error_message", "amount", "currency"),
    *("due", "impact", "owner", "ticket", "tags", "settled_by", "settled_why"),
)


def csv_lines(db: Database, wanted: LetterFilter, now: datetime) -> Iterator[str]:
    """The letters of a filter, one a line below a line of names."""
    yield csv_line(COLUMNS)
    for rows in _pages(db, wanted, now):
        yield "".join(csv_line(_cells(row)) for row in rows)


def json_lines(db: Database, wanted: LetterFilter, now: datetime) -> Iterator[bytes]:
    """The letters of a filter as the API tells them, one JSON object a line."""
    for rows in _pages(db, wanted, now):
        yield b"".join(msgspec.json.encode(dead_letter(row)) + b"\n" for row in rows)


def _pages(db: Database, wanted: LetterFilter, now: datetime) -> Iterator[list[LetterRow]]:
    before = None
    while True:
        # A short read for each page: a long one would keep the database from tidying up behind it.
        with reading(db) as c:
            rows = list_letters(c, wanted, now, before, PAGE_ROWS)
        if rows:
            yield rows
        if len(rows) < PAGE_ROWS:
            return
        before = rows[-1].cursor


def _cells(row: LetterRow) -> tuple[str, ...]:
    return (
        row.id.hex(),
        row.state,
        row.failed_at.isoformat(),
        row.first_failed_at.isoformat(),
        str(row.deaths),
        str(row.attempts),
        row.place,
        row.type,
        row.system,
        row.title,
        row.journey_id.hex() if row.journey_id else "",
        row.failure_class,
        row.fingerprint,
        row.error_class,
        row.error_code,
        mask_text(row.error_message),
        row.amount,
        row.currency,
        row.due_at.isoformat() if row.due_at else "",
        row.impact,
        row.owner,
        row.ticket,
        " ".join(row.tags),
        row.settled_by,
        row.settled_why,
    )
