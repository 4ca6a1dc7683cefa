"""Lists of journeys, newest started first, by any combination of filters.

A page is read from one index, in its order, and stops after `limit` rows; what the index does not know is
checked on the way. So the index has to be the one that leaves least to check: the counts kept for the home
page tell which. SQLite, which keeps no statistics here, would choose blindly; for it the other conditions are
spelled so that no index can serve them. PostgreSQL has statistics, which such a spelling would hide from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Select, func, or_, select, tuple_

from controltower.domain.times import to_us
from controltower.store.engine import POSTGRESQL
from controltower.store.journey_rows import COLUMNS, JourneyRow, journey_row, newest_first
from controltower.store.lookup import list_matches
from controltower.store.membership import in_chunks, place, rows_in
from controltower.store.tables import journey, journey_count, journey_system

Cursor = tuple[int, bytes]

LOOKED_THROUGH = 10_000  # journeys, for one page
TEXT_MATCHES = 500  # identifiers, and as many labels, that the text filter looks at
_FEW = 20_000  # journeys that may be checked for a system one by one
_COUNTED = ("status", "stage", "channel", "reported_status")
# Those with an index (name, started_us, id).
_INDEXED = {
    name for name in _COUNTED if f"ix_journey_{name}_started_us_id" in {i.name for i in journey.indexes}
}


@dataclass(frozen=True, slots=True)
class JourneyFilter:
    """What a list of journeys is narrowed to; empty fields do not narrow."""

    process: str = ""
    status: str = ""
    stage: str = ""
    system: str = ""
    channel: str = ""
    reported_status: str = ""
    since_at: datetime | None = None  # started then or later
    until_at: datetime | None = None  # started before
    text: str = ""  # the beginning of an identifier or label
    fingerprint: str = ""  # of the open failure; see domain.fingerprints
    disputed: bool = False  # only those about which systems disagree


@dataclass(frozen=True, slots=True)
class JourneyPage:
    """Journeys, newest started first. `next` is where to look on, None when all was looked through."""

    rows: tuple[JourneyRow, ...]
    next: Cursor | None


def page_of_journeys(
    c: Connection, wanted: JourneyFilter, *, after: Cursor | None = None, limit: int = 50
) -> JourneyPage:
    """A page of the journeys that pass the filter; `after` is `next` of the page before, or a row's cursor.

    At most `LOOKED_THROUGH` journeys are looked at for one page, so that filters of which each matches many
    and all together none cost no more than others: a page may hold fewer than `limit` rows although more
    follow. Legs and traces that show on other journeys are not listed. A text that begins more than
    `TEXT_MATCHES` identifiers finds the journeys of that many only (see `is_broad`).
    """
    end: Cursor | None = None
    if wanted.text.strip():
        found = _list_by_text(c, wanted, after, limit + 1)
    elif wanted.fingerprint:
        found = _list_by_fingerprint(c, wanted, after, limit + 1)
    else:
        counts = _counts(c, wanted)
        if 0 in counts.values():
            return JourneyPage((), None)
        indexed = {name: count for name, count in counts.items() if name in _INDEXED}
        driver = min(indexed, key=lambda name: indexed[name], default="")
        by_system = bool(wanted.system) and indexed.get(driver, _FEW) >= _FEW
        found, end = (_by_system if by_system else _by_column)(c, wanted, after, limit + 1, driver)
    if len(found) > limit:
        return JourneyPage(tuple(found[:limit]), found[limit - 1].cursor)
    return JourneyPage(tuple(found), end)


def list_journeys(
    c: Connection, wanted: JourneyFilter, *, after: Cursor | None = None, limit: int = 50
) -> list[JourneyRow]:
    """The first journeys that pass the filter, however far one has to look for them."""
    rows: list[JourneyRow] = []
    while True:
        page = page_of_journeys(c, wanted, after=after, limit=limit - len(rows))
        rows.extend(page.rows)
        if len(rows) >= limit or page.next is None:
            return rows
        after = page.next


def _by_column(
    c: Connection, wanted: JourneyFilter, after: Cursor | None, limit: int, driver: str
) -> tuple[list[JourneyRow], Cursor | None]:
    """By the index of one filter, or of the time; and where the look ended that was not taken to the end."""
    at, key = journey.c.started_us, journey.c.id
    newest = (at.desc(), key.desc())
    conditions = dict(_equal(c, wanted, driver))
    driven = [conditions.pop(driver)] if driver else []
    others = list(conditions.values())
    if wanted.system:
        others.append(_names_system(wanted.system))
    begin = [journey.c.hidden.is_(False), *driven, *_within(wanted, after, at, key)]
    end = _end_of_look(c, select(at, key).where(*begin).order_by(*newest)) if others else None
    query = select(*COLUMNS).where(*begin, *others, *_not_before(end, at, key)).order_by(*newest)
    return [journey_row(row) for row in c.execute(query.limit(limit))], end


def _end_of_look(c: Connection, places: Select[Any]) -> Cursor | None:
    """The last of the places that may be looked at for one page; None when there are not so many."""
    last = c.execute(places.offset(LOOKED_THROUGH - 1).limit(1)).one_or_none()
    return None if last is None else (last[0], bytes(last[1]))


def _not_before(end: Cursor | None, at: Column[Any], key: Column[Any]) -> Iterable[ColumnElement[bool]]:
    if end is not None:
        yield at >= end[0]  # what an index can use
        yield tuple_(at, key) >= tuple_(*end)


def is_broad(c: Connection, text: str) -> bool:
    """Whether more identifiers or labels begin with `text` than the text filter looks at."""
    return len(list_matches(c, text, limit=TEXT_MATCHES)) >= TEXT_MATCHES


def _list_by_text(c: Connection, wanted: JourneyFilter, after: Cursor | None, limit: int) -> list[JourneyRow]:
    matches = list_matches(c, wanted.text, limit=TEXT_MATCHES)
    starts = {spot.id: spot.started_us for spot in place(c, {match.key for match in matches}).values()}
    return _list_among(c, starts, wanted, after, limit)


def _list_by_fingerprint(
    c: Connection, wanted: JourneyFilter, after: Cursor | None, limit: int
) -> list[JourneyRow]:
    """Looks at every open failure of the fingerprint, which its index has together; at no other journey."""
    found = c.execute(select(journey.c.id, journey.c.started_us).where(*_failing(wanted.fingerprint)))
    return _list_among(c, {row.id: row.started_us for row in found}, wanted, after, limit)


def _list_among(
    c: Connection, starts: Mapping[bytes, int], wanted: JourneyFilter, after: Cursor | None, limit: int
) -> list[JourneyRow]:
    """The page from these journeys, whose starts are given."""
    conditions = [
        journey.c.hidden.is_(False),
        *(condition for _, condition in _equal(c, wanted, "")),
        *_within(wanted, after, journey.c.started_us, journey.c.id),
    ]
    if wanted.system:
        conditions.append(_names_system(wanted.system))
    if wanted.fingerprint:
        conditions.extend(_failing(wanted.fingerprint))
    page: list[JourneyRow] = []
    newest = sorted(
        ((at, key) for key, at in starts.items() if after is None or (at, key) < after), reverse=True
    )
    for chunk in in_chunks((key for _, key in newest), 2 * limit):
        page.extend(newest_first(rows_in(c, chunk, *conditions).values()))
        if len(page) >= limit:
            break
    return page[:limit]


def _by_system(
    c: Connection, wanted: JourneyFilter, after: Cursor | None, limit: int, _: str
) -> tuple[list[JourneyRow], Cursor | None]:
    """As `_by_column`, by the index of the systems."""
    at, of = journey_system.c.started_us, journey_system.c.journey_id
    newest = (at.desc(), of.desc())
    begin = [journey_system.c.system == wanted.system, *_within(wanted, after, at, of)]
    others = [condition for _, condition in _equal(c, wanted, "")]
    end = _end_of_look(c, select(at, of).where(*begin).order_by(*newest)) if others else None
    query = (
        select(*COLUMNS)
        .join_from(journey_system, journey, journey.c.id == of)
        .where(*begin, _not_hidden(c), *others, *_not_before(end, at, of))
        .order_by(*newest)
        .limit(limit)
    )
    return [journey_row(row) for row in c.execute(query)], end


def _counts(c: Connection, wanted: JourneyFilter) -> dict[str, int]:
    """How many journeys each counted filter leaves, by itself."""
    values = {name: getattr(wanted, name) for name in _COUNTED if getattr(wanted, name)}
    if not values:
        return {}
    table = journey_count.c
    either = or_(*((table.measure == name) & (table.name == value) for name, value in values.items()))
    total = func.sum(table.journeys).label("total")
    rows = c.execute(select(table.measure, total).where(either).group_by(table.measure))
    return dict.fromkeys(values, 0) | {row.measure: int(row.total) for row in rows}


def _equal(
    c: Connection, wanted: JourneyFilter, driver: str
) -> Iterable[tuple[str, ColumnElement[bool]]]:
    """The condition of each filter, by its name."""
    plain = c.dialect.name == POSTGRESQL
    if wanted.disputed:
        yield "disputed", journey.c.discrepancies != ""
    for name in ("process", *_COUNTED):
        value = getattr(wanted, name)
        if value:
            column: Column[Any] = journey.c[name]
            yield name, column == value if plain or name == driver else column.concat("") == value


def _within(
    wanted: JourneyFilter, after: Cursor | None, started_us: Column[Any], key: Column[Any]
) -> Iterable[ColumnElement[bool]]:
    if wanted.since_at is not None:
        yield started_us >= to_us(wanted.since_at)
    if wanted.until_at is not None:
        yield started_us < to_us(wanted.until_at)
    if after is not None:
        yield tuple_(started_us, key) < tuple_(*after)


def _failing(fingerprint: str) -> Iterable[ColumnElement[bool]]:
    """As in the partial index ix_journey_failure_fingerprint."""
    return journey.c.failure_fingerprint == fingerprint, journey.c.failed_us.is_not(None)


def _names_system(system: str) -> ColumnElement[bool]:
    return journey.c.systems.contains(f"|{system}|", autoescape=True)


def _not_hidden(c: Connection) -> ColumnElement[bool]:
    """Spelled for SQLite so that no partial index promises it: the join must start from the system."""
    hidden = journey.c.hidden
    return hidden.is_(False) if c.dialect.name == POSTGRESQL else func.coalesce(hidden, True).is_(False)
