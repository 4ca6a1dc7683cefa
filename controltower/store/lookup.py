"""Finding identifiers and labels by what a person typed."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Column, ColumnElement, Connection, Table, and_, select

from controltower.store.tables import identifier, label

_LAST = chr(0x10FFFF)


class Match(NamedTuple):
    """An identifier or label that matches; `key` leads to the journeys."""

    key: bytes  # of the identifier, or the anchor of the facts that carry the label
    kind: str
    value: str
    exact: bool


def spellings(text: str) -> tuple[str, ...]:
    """What to look for when a person types `text`, the likeliest first.

    People add and drop the '#' of an order name, and type e-mail addresses and tracking numbers in any case.
    """
    # Neither database takes a NUL or half a surrogate pair.
    plain = text.encode("utf-8", "ignore").decode().replace("\0", "").strip()
    bare = plain.removeprefix("#").strip()
    if not bare:
        return ()
    cases = (plain, bare, f"#{bare}", bare.casefold(), bare.upper(), f"#{bare.upper()}")
    return tuple(dict.fromkeys(cases))


def list_matches(c: Connection, text: str, *, limit: int) -> list[Match]:
    """Identifiers and labels that start with `text`, at most `limit` each; exact first, then by value."""
    wanted = spellings(text)
    matches: list[Match] = []
    for table, key in ((identifier, identifier.c.key), (label, label.c.anchor)) if wanted else ():
        found = _read(c, table, key, table.c.value.in_(wanted), limit, exact=True)
        for prefix in wanted:
            room = limit - len(found)
            if room > 0:
                # A range, not LIKE: it uses the index on both databases and takes % and _ for what they are.
                longer = and_(table.c.value > prefix, table.c.value < prefix + _LAST)
                found.update(dict.fromkeys(_read(c, table, key, longer, room, exact=False)))
        matches.extend(list(found)[:limit])
    return sorted(matches, key=lambda match: (not match.exact, match.value, match.kind, match.key))


def _read(
    c: Connection, table: Table, key: Column[bytes], where: ColumnElement[bool], limit: int, *, exact: bool
) -> dict[Match, None]:
    query = select(key, table.c.kind, table.c.value).where(where).order_by(table.c.value).limit(limit)
    return {Match(row[0], row.kind, row.value, exact): None for row in c.execute(query)}
