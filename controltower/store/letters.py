"""Dead letters: taken over once, found, and moved from state to state by compare-and-set."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import ColumnElement, Connection, bindparam, func, select, tuple_, update

from controltower.domain.dead_letters import CLOSED, LIVE, NEW
from controltower.domain.errors import NotFound
from controltower.domain.identifiers import Identifier
from controltower.domain.messages import Death, Message
from controltower.domain.times import from_us, to_us
from controltower.store.bulk import Row, bulk_of
from controltower.store.components import read_identifiers, write_identifiers
from controltower.store.dead_letter_tables import dead_letter, dead_letter_body, dead_letter_death
from controltower.store.letter_rows import (
    COLUMNS,
    DeathRow,
    LetterBody,
    LetterFilter,
    LetterRow,
    letter_row,
)
from controltower.store.lookup import spellings
from controltower.store.membership import in_chunks
from controltower.store.packing import pack, unpack

_headers = msgspec.msgpack.Decoder(tuple[tuple[str, str], ...])
_deaths = msgspec.msgpack.Decoder(tuple[Death, ...])


class NewDeath(NamedTuple):
    """A death that is to be noted; see the table dead_letter_death."""

    letter_id: bytes
    death: bytes
    died_us: int
    attempt: int
    place: str
    fingerprint: str
    error_class: str
    error_code: str
    error_message: str
    history: tuple[Death, ...]


class NewLetter(NamedTuple):
    """A letter that is to be kept, with its bytes as they came."""

    values: Mapping[str, Any]  # the columns of dead_letter that a new letter has
    message: Message
    identifiers: Collection[Identifier]


def add_deaths(c: Connection, deaths: Sequence[NewDeath], now_us: int) -> set[tuple[bytes, bytes]]:
    """Note deaths; returns (letter, death) of those that were not noted before."""
    rows = {
        (one.letter_id, one.death): (
            one.letter_id,
            one.death,
            one.died_us,
            now_us,
            one.attempt,
            one.place,
            one.fingerprint,
            one.error_class,
            one.error_code,
            one.error_message,
            msgspec.msgpack.encode(one.history),
        )
        for one in deaths
    }
    return {(row[0], row[1]) for row in bulk_of(c).insert_new(dead_letter_death, list(rows.values()))}


def add_letters(c: Connection, letters: Sequence[NewLetter], now_us: int) -> set[bytes]:
    """Keep letters; returns the ids of those that were not there before. The ids must be distinct."""
    rows = [
        tuple(_new_value(letter, name, now_us) for name in dead_letter.columns.keys()) for letter in letters
    ]
    new = {row[0] for row in bulk_of(c).insert_new(dead_letter, rows)}
    kept = [letter for letter in letters if letter.values["id"] in new]
    bulk_of(c).insert(dead_letter_body, [_body_row(letter, now_us) for letter in kept])
    return new


_STARTS_AS: Mapping[str, Any] = {"state": NEW, "deaths": 1, "attempts": 0, "edit": 0}
_NUMBERS = frozenset(("amount_e4", "size"))
_MAYBE = frozenset(column.name for column in dead_letter.columns if column.nullable)


def _new_value(letter: NewLetter, name: str, now_us: int) -> Any:
    if name in letter.values:
        return letter.values[name]
    if name in _STARTS_AS:
        return _STARTS_AS[name]
    if name in ("taken_us", "changed_us"):
        return now_us
    if name in _MAYBE:
        return None
    return 0 if name in _NUMBERS else ""


def _body_row(letter: NewLetter, now_us: int) -> Row:
    message = letter.message
    return (
        letter.values["id"],
        0,
        msgspec.msgpack.encode(message.headers),
        pack(message.body),
        message.content_type,
        message.key,
        write_identifiers(tuple(letter.identifiers)),
        letter.values["payload_hash"],
        now_us,
        "",
        "",
    )


def add_edit(
    c: Connection, row: LetterRow, message: Message, hashed: bytes, *, by: str, why: str, now: datetime
) -> bool:
    """Keep an edited copy as the newest; False when the letter changed meanwhile. The original stays."""
    number = row.edit + 1
    moved = mark(
        c,
        [row.id],
        (row.state,),
        {"edit": number, "payload_hash": hashed, "changed_us": to_us(now)},
        edit=row.edit,
    )
    if not moved:
        return False
    bulk_of(c).insert(
        dead_letter_body,
        [
            (
                row.id,
                number,
                msgspec.msgpack.encode(message.headers),
                pack(message.body),
                message.content_type,
                message.key,
                b"",
                hashed,
                to_us(now),
                by,
                why,
            )
        ],
    )
    return True


def mark(
    c: Connection,
    ids: Iterable[bytes],
    expected: Collection[str],
    values: Mapping[str, Any],
    **also: Any,
) -> set[bytes]:
    """Change the letters that are in one of the `expected` states (and whose columns `also` equal what is
    given); returns which they were.
    """
    moved: set[bytes] = set()
    for chunk in in_chunks(ids):
        still = update(dead_letter).where(dead_letter.c.id.in_(chunk), dead_letter.c.state.in_(expected))
        for name, value in also.items():
            still = still.where(dead_letter.c[name] == value)
        rows = c.execute(still.values(**values).returning(dead_letter.c.id))
        moved.update(bytes(row.id) for row in rows)
    return moved


def mark_each(c: Connection, changes: Sequence[Mapping[str, Any]]) -> None:
    """Change letters one by one, each to values of its own; a change is {"id": ..., column: value, ...}, and
    all have the same columns."""
    if not changes:
        return
    columns = [name for name in changes[0] if name != "id"]
    statement = update(dead_letter).where(dead_letter.c.id == bindparam("letter"))
    values: dict[str, Any] = {name: bindparam(f"new_{name}") for name in columns}
    c.execute(
        statement.values(**values),
        [{"letter": one["id"], **{f"new_{name}": one[name] for name in columns}} for one in changes],
    )


def find_letters(c: Connection, ids: Iterable[bytes]) -> dict[bytes, LetterRow]:
    """The letters with these ids, as far as there are any."""
    found: dict[bytes, LetterRow] = {}
    for chunk in in_chunks(sorted(set(ids))):
        rows = c.execute(select(*COLUMNS).where(dead_letter.c.id.in_(chunk)))
        found.update((bytes(row.id), letter_row(row)) for row in rows)
    return found


def get_letter(c: Connection, letter_id: bytes) -> LetterRow:
    """The letter; NotFound when there is none."""
    row = find_letters(c, [letter_id]).get(letter_id)
    if row is None:
        raise NotFound(f"There is no dead letter {letter_id.hex()}.")
    return row


def get_body(c: Connection, letter_id: bytes, edit: int = 0) -> LetterBody:
    """The bytes of a letter, or of an edit of it; NotFound when there are none."""
    body = find_bodies(c, [(letter_id, edit)]).get((letter_id, edit))
    if body is None:
        raise NotFound(f"There is no dead letter {letter_id.hex()} with an edit {edit}.")
    return body


def find_bodies(c: Connection, keys: Collection[tuple[bytes, int]]) -> dict[tuple[bytes, int], LetterBody]:
    """The bytes of many letters at once, by letter and edit."""
    body = dead_letter_body.c
    found: dict[tuple[bytes, int], LetterBody] = {}
    for chunk in in_chunks(sorted({letter_id for letter_id, _ in keys})):
        joined = select(dead_letter_body, dead_letter.c.message_id).join(
            dead_letter, dead_letter.c.id == body.id
        )
        for row in c.execute(joined.where(body.id.in_(chunk))):
            key = bytes(row.id), row.edit
            if key in keys:
                found[key] = LetterBody(
                    row.edit,
                    Message(
                        unpack(row.body),
                        _headers.decode(row.headers),
                        row.content_type,
                        row.message_id,
                        row.key,
                    ),
                    tuple(read_identifiers(row.identifiers)),
                    bytes(row.payload_hash),
                    from_us(row.made_us),
                    row.made_by,
                    row.why,
                )
    return found


class Papers(NamedTuple):
    """What a letter is known by, without its body."""

    identifiers: tuple[Identifier, ...]
    headers: tuple[tuple[str, str], ...]  # as they came


NO_PAPERS = Papers((), ())
"""Those of a letter that was purged."""


def find_papers(c: Connection, ids: Iterable[bytes]) -> dict[bytes, Papers]:
    """The papers of many letters at once."""
    body = dead_letter_body.c
    found: dict[bytes, Papers] = {}
    for chunk in in_chunks(sorted(set(ids))):
        query = select(body.id, body.identifiers, body.headers).where(body.id.in_(chunk), body.edit == 0)
        for row in c.execute(query):
            found[bytes(row.id)] = Papers(
                tuple(read_identifiers(row.identifiers)), _headers.decode(row.headers)
            )
    return found


def list_edits(c: Connection, letter_id: bytes) -> list[tuple[int, datetime, str, str]]:
    """Number, time, author and reason of each edit, oldest first."""
    body = dead_letter_body.c
    query = select(body.edit, body.made_us, body.made_by, body.why).where(body.id == letter_id, body.edit > 0)
    return [
        (row.edit, from_us(row.made_us), row.made_by, row.why) for row in c.execute(query.order_by(body.edit))
    ]


def list_deaths(c: Connection, letter_id: bytes) -> list[DeathRow]:
    """Every death of a letter, newest first."""
    table = dead_letter_death.c
    rows = c.execute(select(dead_letter_death).where(table.id == letter_id))
    found = [
        DeathRow(
            from_us(row.died_us),
            from_us(row.taken_us),
            row.attempt,
            row.place,
            row.fingerprint,
            row.error_class,
            row.error_code,
            row.error_message,
            _deaths.decode(row.history),
        )
        for row in rows
    ]
    return sorted(found, key=lambda one: (one.died_at, one.taken_at), reverse=True)


def list_letters(
    c: Connection,
    wanted: LetterFilter,
    now: datetime,
    before: tuple[int, bytes] | None = None,
    limit: int = 50,
) -> list[LetterRow]:
    """A page of letters, the one that died last first; `before` is a row's `cursor`."""
    at = tuple_(dead_letter.c.failed_us, dead_letter.c.id)
    query = select(*COLUMNS).where(*wanted.conditions(now))
    if before is not None:
        query = query.where(at < tuple_(*before))
    page = query.order_by(dead_letter.c.failed_us.desc(), dead_letter.c.id.desc()).limit(limit)
    return [letter_row(row) for row in c.execute(page)]


def count_letters(c: Connection, wanted: LetterFilter, now: datetime) -> int:
    """How many letters a filter means."""
    return c.execute(select(func.count()).select_from(dead_letter).where(*_counted(wanted, now))).scalar_one()


def count_snoozed(c: Connection, wanted: LetterFilter, now: datetime) -> int:
    """How many of the letters of a filter are out of sight now."""
    asleep = dead_letter.c.snoozed_us > to_us(now)
    query = select(func.count()).select_from(dead_letter)
    return c.execute(query.where(asleep, *_counted(wanted, now))).scalar_one()


def _counted(wanted: LetterFilter, now: datetime) -> list[ColumnElement[bool]]:
    """The conditions of a filter, so that letters in some live states are counted in the index of all live
    letters, which has what most filters ask for: by the index of states, every row would be looked up.
    """
    if not wanted.is_live or set(wanted.states) == set(LIVE):
        return wanted.conditions(now)
    state = dead_letter.c.state.concat("")
    return [*replace(wanted, states=LIVE).conditions(now), state.in_(wanted.states)]


def chosen_ids(c: Connection, wanted: LetterFilter, now: datetime, limit: int) -> list[bytes]:
    """The ids of the letters that a filter means, in the order in which they failed first."""
    query = select(dead_letter.c.id).where(*wanted.conditions(now))
    ordered = query.order_by(dead_letter.c.first_failed_us, dead_letter.c.id).limit(limit)
    return [bytes(one) for one in c.execute(ordered).scalars()]


def letters_of_journey(c: Connection, journey_id: bytes, limit: int = 50) -> list[LetterRow]:
    """The letters of a journey, those that are still a problem first, then the newest."""
    query = select(*COLUMNS).where(dead_letter.c.journey_id == journey_id)
    rows = [letter_row(row) for row in c.execute(query.order_by(dead_letter.c.failed_us.desc()).limit(limit))]
    return sorted(rows, key=lambda row: row.state in CLOSED)


def letters_called(c: Connection, text: str, limit: int) -> list[LetterRow]:
    """The letter with this id, in hexadecimal, or letters of the message with this id, the newest first."""
    wanted = spellings(text)
    key = _key_of(wanted[0]) if wanted else None
    found = list(find_letters(c, [key]).values()) if key else []
    query = select(*COLUMNS).where(dead_letter.c.message_id.in_(wanted), dead_letter.c.message_id != "")
    rows = [letter_row(row) for row in c.execute(query.limit(limit)) if bytes(row.id) != key]
    return found + sorted(rows, key=lambda row: row.cursor, reverse=True)


def _key_of(text: str) -> bytes | None:
    try:
        key = bytes.fromhex(text)
    except ValueError:
        return None
    return key if len(key) == 16 else None


def overdue_letters(c: Connection, states: Sequence[str], now_us: int, limit: int) -> list[LetterRow]:
    """Letters in these states whose confirmation is overdue, the most overdue first."""
    query = select(*COLUMNS).where(dead_letter.c.confirm_due_us <= now_us, dead_letter.c.state.in_(states))
    return [letter_row(row) for row in c.execute(query.order_by(dead_letter.c.confirm_due_us).limit(limit))]


def live_count(c: Connection) -> int:
    """How many letters are still a problem."""
    return count_letters(c, LetterFilter(states=LIVE), from_us(0))


def purge(c: Connection, now_us: int, limit: int) -> int:
    """Delete closed letters whose purge date has passed, with their bytes; returns how many."""
    query = select(dead_letter.c.id).where(dead_letter.c.purge_us <= now_us, dead_letter.c.state.in_(CLOSED))
    ids = [bytes(one) for one in c.execute(query.limit(limit)).scalars()]
    bulk = bulk_of(c)
    for table in (dead_letter_body, dead_letter_death, dead_letter):
        bulk.delete(table, "id", ids)
    return len(ids)
