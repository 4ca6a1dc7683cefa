"""Dead letters in groups: counts, worth and trend by fingerprint or another key, ranked by impact."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select

from controltower.domain.dead_letters import REPLAYABLE, unscaled
from controltower.domain.times import from_us, to_us
from controltower.store.bulk import bulk_of
from controltower.store.dead_letter_tables import dead_letter, dead_letter_group, replay_item
from controltower.store.letter_rows import COLUMNS, GROUP_KEYS, LetterFilter, LetterRow, letter_row
from controltower.store.membership import in_chunks

MOST_GROUPS = 500
TREND_HOURS = 24
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
    newest_id: bytes = b""

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

    name: str  # replay, edit, redirect, discard
    confirmed: int
    tried: int


def list_groups(c: Connection, by: str, wanted: LetterFilter, now: datetime) -> list[LetterGroup]:
    """Every group of a filter, ranked by impact: what is promised soonest within the next day, then what is
    worth most, then how many. `by` is a key of GROUP_KEYS.
    """
    key = dead_letter.c[GROUP_KEYS[by]]
    table = dead_letter.c
    query = (
        select(
            key.label("key"),
            table.currency,
            table.state,
            func.count().label("letters"),
            func.sum(table.amount_e4).label("worth"),
            func.min(table.failed_us).label("first_us"),
            func.max(table.failed_us).label("last_us"),
            func.min(table.due_us).label("due_us"),
        )
        .where(*wanted.conditions(now))
        .group_by(key, table.currency, table.state)
    )
    groups: dict[str, LetterGroup] = {}
    for row in c.execute(query):
        _add(groups.setdefault(row.key, LetterGroup(row.key)), row)
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
    c: Connection, by: str, keys: Iterable[str], wanted: LetterFilter, now: datetime
) -> dict[str, LetterRow]:
    """The letter of each group that died last, to tell it by."""
    column = dead_letter.c[GROUP_KEYS[by]]
    found: dict[str, LetterRow] = {}
    for key in keys:
        query = select(*COLUMNS).where(column == key, *wanted.conditions(now))
        row = c.execute(query.order_by(dead_letter.c.failed_us.desc()).limit(1)).one_or_none()
        if row is not None:
            found[key] = letter_row(row)
    return found


def trends_of(c: Connection, by: str, keys: Sequence[str], now: datetime) -> dict[str, list[int]]:
    """How many letters of each group died in each of the last TREND_HOURS hours, the oldest first."""
    column = dead_letter.c[GROUP_KEYS[by]]
    begin_us = to_us(now - timedelta(hours=TREND_HOURS))
    hour = (dead_letter.c.failed_us - begin_us) // 3_600_000_000
    query = (
        select(column.label("key"), hour.label("hour"), func.count().label("letters"))
        .where(column.in_(keys), dead_letter.c.failed_us >= begin_us, dead_letter.c.settled_us.is_(None))
        .group_by(column, hour)
    )
    found = {key: [0] * TREND_HOURS for key in keys}
    for row in c.execute(query):
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


def remedies_of(c: Connection, fingerprint: str) -> list[Remedy]:
    """What was done before about letters of this fingerprint, the one that worked most often first.

    Only what came to an end counts: confirmed by the business, without effect, died again, or refused by the
    target.
    """
    item = replay_item.c
    ended = ("confirmed", "no_effect", "died_again", "unsendable")
    query = (
        select(item.remedy, item.state, func.count().label("items"))
        .where(item.fingerprint == fingerprint, item.state.in_(ended))
        .group_by(item.remedy, item.state)
    )
    tried: dict[str, list[int]] = {}
    for row in c.execute(query):
        counts = tried.setdefault(row.remedy, [0, 0])
        counts[0] += row.items if row.state == "confirmed" else 0
        counts[1] += row.items
    discarded = c.execute(
        select(func.count())
        .select_from(dead_letter)
        .where(dead_letter.c.fingerprint == fingerprint, dead_letter.c.state == "discarded")
    ).scalar_one()
    found = [Remedy(name, confirmed, total) for name, (confirmed, total) in tried.items()]
    if discarded:
        found.append(Remedy("discard", 0, discarded))
    return sorted(found, key=lambda one: (-(one.confirmed / one.tried), -one.tried, one.name))


def group_choices(c: Connection, by: str, wanted: LetterFilter, now: datetime) -> Mapping[str, int]:
    """The values of a grouping key among the letters of a filter, with how many there are of each."""
    key = dead_letter.c[GROUP_KEYS[by]]
    query = select(key, func.count()).where(*wanted.conditions(now)).group_by(key).order_by(key)
    return {row[0]: row[1] for row in c.execute(query)}


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
