"""Dead letters in groups: counts, worth and trend by fingerprint or another key, ranked by impact."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, select

from controltower.domain.dead_letters import DISCARDED, LIVE, REPLAYABLE, unscaled
from controltower.domain.replays import CONFIRMED, FAILED_ITEMS
from controltower.domain.times import from_us, to_us
from controltower.store.bulk import bulk_of
from controltower.store.dead_letter_tables import dead_letter, dead_letter_group, replay_item
from controltower.store.engine import POSTGRESQL
from controltower.store.letter_rows import GROUP_KEYS, LetterFilter, LetterRow
from controltower.store.letters import find_letters
from controltower.store.membership import in_chunks

TREND_HOURS = 24
MOST_LOOKED_AT = 10_000  # letters, for what a filter offers to choose from
DISCARD = "discard"
_KIND = (*GROUP_KEYS.values(), "currency", "state")
_FAR = 1 << 62


@dataclass(slots=True)
class LetterGroup:
    """The letters that share a value of the grouping key."""

    key: str
    letters: int = 0
    states: dict[str, int] = field(default_factory=dict)
    first_failed_us: int = _FAR
    failed_us: int = 0
    worth: dict[str, int] = field(default_factory=dict)  # currency -> ten-thousandths
    due_us: int | None = None  # the nearest promise at stake

    @property
    def first_failed_at(self) -> datetime:
        """When the first of them died."""
        return from_us(self.first_failed_us)

    @property
    def failed_at(self) -> datetime:
        """When the last of them died."""
        return from_us(self.failed_us)

    @property
    def due_at(self) -> datetime | None:
        """The nearest promise at stake."""
        return None if self.due_us is None else from_us(self.due_us)

    @property
    def amounts(self) -> list[tuple[str, str]]:
        """What is at stake, the largest sum first: amount and currency."""
        ranked = sorted(self.worth.items(), key=lambda one: -one[1])
        return [(unscaled(value), currency) for currency, value in ranked if value]


@dataclass(frozen=True, slots=True)
class GroupNote:
    """What people said about the letters of one fingerprint."""

    owner: str = ""
    state: str = ""
    ticket: str = ""
    note: str = ""
    changed_at: datetime | None = None
    changed_by: str = ""


@dataclass(frozen=True, slots=True)
class Remedy:
    """What was done about letters of a fingerprint, and how often that worked."""

    name: str  # replay, redirect, discard, or the edit of which fields
    confirmed: int
    tried: int


def list_groups(c: Connection, by: str, wanted: LetterFilter, now: datetime) -> list[LetterGroup]:
    """Every group of a filter, ranked by impact: what is promised soonest within the next day, then what is
    worth most, then how many. `by` is a key of GROUP_KEYS.
    """
    table = dead_letter.c
    # SQLite reads the index in its own order and sorts nothing; PostgreSQL hashes, and each column costs.
    names = (GROUP_KEYS[by], "currency", "state") if c.dialect.name == POSTGRESQL else _KIND
    kinds = [table[name] for name in names]
    # All live letters are in one index, in this order: reading it through is faster than to choose by state.
    among = replace(wanted, states=LIVE) if wanted.is_live else wanted
    query = (
        select(
            *kinds,
            func.count().label("letters"),
            func.sum(table.amount_e4).label("worth"),
            func.min(table.failed_us).label("first_us"),
            func.max(table.failed_us).label("last_us"),
            func.min(table.due_us).label("due_us"),
        )
        .where(*among.conditions(now))
        .group_by(*kinds)
    )
    groups: dict[str, LetterGroup] = {}
    for row in c.execute(query):
        if not wanted.states or row.state in wanted.states:
            key = getattr(row, GROUP_KEYS[by])
            _add(groups.setdefault(key, LetterGroup(key)), row)
    return sorted(groups.values(), key=lambda group: _rank(group, now))


def _add(group: LetterGroup, row: Any) -> None:
    group.letters += row.letters
    group.states[row.state] = group.states.get(row.state, 0) + row.letters
    group.first_failed_us = min(group.first_failed_us, row.first_us)
    group.failed_us = max(group.failed_us, row.last_us)
    group.worth[row.currency] = group.worth.get(row.currency, 0) + int(row.worth or 0)
    if row.due_us is not None:
        group.due_us = row.due_us if group.due_us is None else min(group.due_us, row.due_us)


def _rank(group: LetterGroup, now: datetime) -> tuple[bool, int, int, int, str]:
    soon = group.due_us is not None and group.due_us <= to_us(now + timedelta(days=1))
    worth = max(group.worth.values(), default=0)
    return (not soon, -worth, -group.letters, -group.failed_us, group.key)


def newest_of(
    c: Connection, by: str, groups: Iterable[LetterGroup], wanted: LetterFilter, now: datetime
) -> dict[str, LetterRow]:
    """The letter of each group that died last, to tell it by."""
    key = dead_letter.c[GROUP_KEYS[by]]
    died = {group.key: group.failed_us for group in groups}
    found: dict[str, bytes] = {}
    for chunk in in_chunks(sorted(set(died.values()))):
        # Thousands may have died in the same second; only one of each group leaves the database.
        turn = func.row_number().over(partition_by=(key, dead_letter.c.failed_us), order_by=dead_letter.c.id)
        ranked = (
            select(dead_letter.c.id, key.label("key"), dead_letter.c.failed_us, turn.label("turn"))
            .where(dead_letter.c.failed_us.in_(chunk), *wanted.conditions(now))
            .subquery()
        )
        for row in c.execute(select(ranked).where(ranked.c.turn == 1)):
            if died.get(row.key) == row.failed_us:
                found[row.key] = bytes(row.id)
    letters = find_letters(c, found.values())
    return {key: letters[one] for key, one in found.items() if one in letters}


def trends_of(
    c: Connection, by: str, keys: Collection[str], wanted: LetterFilter, now: datetime
) -> dict[str, list[int]]:
    """How many letters of each group died in each of the last TREND_HOURS hours, the oldest first."""
    column = dead_letter.c[GROUP_KEYS[by]]
    begin_us = to_us(now - timedelta(hours=TREND_HOURS))
    hour = (dead_letter.c.failed_us - begin_us) // 3_600_000_000
    query = (
        select(column.label("key"), hour.label("hour"), func.count().label("letters"))
        .where(dead_letter.c.failed_us >= begin_us, *wanted.conditions(now))
        .group_by(column, hour)
    )
    found = {key: [0] * TREND_HOURS for key in keys}
    for row in c.execute(query):
        if row.key in found:
            found[row.key][min(int(row.hour), TREND_HOURS - 1)] += row.letters
    return found


def notes_of(c: Connection, fingerprints: Sequence[str]) -> dict[str, GroupNote]:
    """What people said about these groups."""
    table = dead_letter_group.c
    rows = c.execute(select(dead_letter_group).where(table.fingerprint.in_(fingerprints)))
    return {
        row.fingerprint: GroupNote(
            row.owner, row.state, row.ticket, row.note, from_us(row.changed_us), row.changed_by
        )
        for row in rows
    }


def save_note(c: Connection, fingerprint: str, note: GroupNote, *, by: str, now: datetime) -> None:
    """Keep what was said about a group, in place of what was said before."""
    row = (fingerprint, note.owner, note.state, note.ticket, note.note, to_us(now), by)
    bulk_of(c).replace(dead_letter_group, [row])


def remedies_of(c: Connection, fingerprints: Collection[str]) -> dict[str, list[Remedy]]:
    """What was done before about letters of each fingerprint, the one that worked most often first.

    Only what came to an end counts: confirmed by the business, without effect, died again, or refused by the
    target.
    """
    tried: dict[str, dict[str, list[int]]] = {one: {} for one in fingerprints}
    for row in c.execute(_ended_items(fingerprints)):
        counts = tried[row.fingerprint].setdefault(row.remedy, [0, 0])
        counts[0] += row.items if row.state == CONFIRMED else 0
        counts[1] += row.items
    for row in c.execute(_discarded(fingerprints)):
        tried[row.fingerprint][DISCARD] = [0, row.letters]
    return {one: _ranked(remedies) for one, remedies in tried.items()}


def _ended_items(fingerprints: Collection[str]) -> Select[Any]:
    item = replay_item.c
    return (
        select(item.fingerprint, item.remedy, item.state, func.count().label("items"))
        .where(item.fingerprint.in_(fingerprints), item.state.in_((CONFIRMED, *FAILED_ITEMS)))
        .group_by(item.fingerprint, item.remedy, item.state)
    )


def _discarded(fingerprints: Collection[str]) -> Select[Any]:
    letter = dead_letter.c
    return (
        select(letter.fingerprint, func.count().label("letters"))
        .where(
            letter.fingerprint.in_(fingerprints), letter.settled_us.is_not(None), letter.state == DISCARDED
        )
        .group_by(letter.fingerprint)
    )


def _ranked(tried: Mapping[str, Sequence[int]]) -> list[Remedy]:
    found = [Remedy(name, confirmed, total) for name, (confirmed, total) in tried.items()]
    return sorted(found, key=lambda one: (-(one.confirmed / one.tried), -one.tried, one.name))


def letters_by_origin(
    c: Connection, chosen: LetterFilter | Sequence[bytes], now: datetime
) -> list[tuple[str, str, int]]:
    """Connection and place that chosen letters came from, and how many of them can be sent again now; the
    most first.
    """
    table = dead_letter.c
    columns = (table.origin_connection, table.origin_place)
    counts: Counter[tuple[str, str]] = Counter()
    for conditions in _conditions(chosen, now):
        query = select(*columns, func.count()).where(table.state.in_(REPLAYABLE), *conditions)
        for row in c.execute(query.group_by(*columns)):
            counts[row[0], row[1]] += row[2]
    return [(*origin, letters) for origin, letters in counts.most_common()]


def _conditions(
    chosen: LetterFilter | Sequence[bytes], now: datetime
) -> Iterator[Sequence[ColumnElement[bool]]]:
    if isinstance(chosen, LetterFilter):
        yield chosen.conditions(now)
        return
    for chunk in in_chunks(chosen):
        yield [dead_letter.c.id.in_(chunk)]


def letter_choices(c: Connection) -> dict[str, list[str]]:
    """The values of `queue`, `type` and `system` that the newest MOST_LOOKED_AT live letters have, sorted."""
    names = ("queue", "type", "system")
    columns = [dead_letter.c[GROUP_KEYS[name]] for name in names]
    live = select(*columns).where(dead_letter.c.settled_us.is_(None))
    newest = live.order_by(dead_letter.c.failed_us.desc()).limit(MOST_LOOKED_AT).subquery()
    rows = c.execute(select(*newest.c).distinct()).all()
    return {name: sorted({row[place] for row in rows} - {""}) for place, name in enumerate(names)}
