"""What replay policies look at, and what each came to when it last looked."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, or_, select, tuple_, update

from controltower.domain.dead_letters import NEW
from controltower.domain.times import from_us, to_us
from controltower.store.bulk import bulk_of
from controltower.store.dead_letter_tables import dead_letter, replay_policy
from controltower.store.letter_rows import COLUMNS, LetterRow, letter_row

_ESCAPE = "\\"


class Look(NamedTuple):
    """What a policy came to when it last looked."""

    at: datetime
    said: str


def list_candidates(
    c: Connection,
    patterns: Mapping[str, Sequence[str]],
    *,
    since: datetime,
    until: datetime,
    max_attempts: int,
    after: tuple[int, bytes] | None,
    limit: int,
    now: datetime,
) -> list[LetterRow]:
    """New letters, as they came and nobody's, that died at or after `since` and before `until` and whose
    columns match these patterns; the one that died first comes first. `after` is a row's `cursor`.
    """
    table = dead_letter.c
    query = select(*COLUMNS).where(
        table.state == NEW,
        table.settled_us.is_(None),
        table.failed_us >= to_us(since),
        table.failed_us < to_us(until),
        table.attempts < max_attempts,
        table.edit == 0,
        table.owner == "",
        or_(table.snoozed_us.is_(None), table.snoozed_us <= to_us(now)),
        *(_matches(table[name], told) for name, told in patterns.items() if told),
    )
    if after is not None:
        query = query.where(tuple_(table.failed_us, table.id) > tuple_(*after))
    return [letter_row(row) for row in c.execute(query.order_by(table.failed_us, table.id).limit(limit))]


def _matches(column: ColumnElement[str], patterns: Iterable[str]) -> ColumnElement[bool]:
    return or_(*(column.ilike(_like(pattern), escape=_ESCAPE) for pattern in patterns))


def _like(pattern: str) -> str:
    plain = pattern.replace(_ESCAPE, _ESCAPE * 2).replace("%", f"{_ESCAPE}%").replace("_", f"{_ESCAPE}_")
    return plain.replace("*", "%")


def lease_policy(c: Connection, name: str, worker: str, now_us: int, until_us: int) -> bool:
    """Take or keep the right to apply a policy; False while another worker has it."""
    bulk_of(c).insert_new(replay_policy, [(name, "", 0, 0, "")])
    table = replay_policy.c
    free = (table.leased_us <= now_us) | (table.leased_by == worker)
    claim = update(replay_policy).where(table.name == name, free)
    return c.execute(claim.values(leased_by=worker, leased_us=until_us)).rowcount == 1


def note_look(c: Connection, name: str, said: str, now: datetime) -> None:
    """Keep what a policy came to."""
    change = update(replay_policy).where(replay_policy.c.name == name)
    c.execute(change.values(looked_us=to_us(now), said=said))


def last_looks(c: Connection, names: Collection[str]) -> dict[str, Look]:
    """What these policies came to; those that have not looked yet are left out."""
    table = replay_policy.c
    rows = c.execute(select(replay_policy).where(table.name.in_(names), table.looked_us > 0))
    return {row.name: Look(from_us(row.looked_us), row.said) for row in rows}
