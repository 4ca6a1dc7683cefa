"""Dead letters as the store hands them out, and the filters and orders of their lists."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Row, or_

from controltower.domain.dead_letters import LIVE, unscaled
from controltower.domain.identifiers import Identifier
from controltower.domain.messages import IDEMPOTENCY_KEY, Death, Message
from controltower.domain.times import from_us, to_us
from controltower.store.dead_letter_tables import dead_letter

COLUMNS = tuple(dead_letter.c)
GROUP_KEYS: Mapping[str, str] = {
    "fingerprint": "fingerprint",
    "queue": "place",
    "type": "type",
    "system": "system",
    "class": "failure_class",
    "impact": "impact",
}
"""By what letters may be grouped: the word in addresses, and its column."""


@dataclass(frozen=True, slots=True)
class LetterRow:
    """A dead letter without its bytes."""

    id: bytes
    state: str
    attempts: int
    plan_id: bytes | None
    source: str
    place: str
    origin_connection: str
    origin_place: str
    message_id: str
    type: str
    system: str
    order_key: str
    anchor: bytes | None
    journey_id: bytes | None
    title: str
    process: str
    stage: str
    failure_class: str
    fingerprint: str
    error_class: str
    error_code: str
    error_message: str
    error_frame: str
    occurred_at: datetime
    first_failed_at: datetime
    failed_at: datetime
    taken_at: datetime
    changed_at: datetime
    deaths: int
    amount: str  # decimal digits, "" for nothing
    currency: str
    due_at: datetime | None
    impact: str
    owner: str
    ticket: str
    tags: tuple[str, ...]
    snoozed_until: datetime | None
    edit: int
    payload_hash: bytes
    content_type: str
    size: int
    sent_at: datetime | None
    confirm_due_at: datetime | None
    settled_at: datetime | None
    settled_by: str
    settled_why: str
    purge_at: datetime | None

    @property
    def cursor(self) -> tuple[int, bytes]:
        """Where the page after this row begins."""
        return to_us(self.failed_at), self.id


def idempotency_key(letter_id: bytes, edit: int, headers: Iterable[tuple[str, str]]) -> str:
    """The key that every replay of a letter's bytes carries, or of an edit of them: the message's own when it
    came with one (`headers` are those that it came with), so that its receiver knows it.
    """
    own = (value for name, value in headers if name.casefold() == IDEMPOTENCY_KEY)
    key = next(own, "") or letter_id.hex()
    return f"{key}.{edit}" if edit else key


class LetterBody(NamedTuple):
    """The bytes of a letter, as they came (edit 0) or as somebody edited them."""

    edit: int
    message: Message
    identifiers: tuple[Identifier, ...]
    payload_hash: bytes
    made_at: datetime
    made_by: str
    why: str


class DeathRow(NamedTuple):
    """A time that a letter died."""

    died_at: datetime
    taken_at: datetime
    attempt: int  # 0: before any replay
    place: str
    fingerprint: str
    error_class: str
    error_code: str
    error_message: str
    history: tuple[Death, ...]  # as its broker told it


@dataclass(frozen=True, slots=True)
class LetterFilter:
    """Which letters. What is empty filters nothing."""

    states: tuple[str, ...] = LIVE
    fingerprint: str = ""
    place: str = ""
    type: str = ""
    system: str = ""
    failure_class: str = ""
    impact: str = ""
    source: str = ""
    owner: str = ""
    tag: str = ""
    text: str = ""  # anywhere in what names it or says what went wrong
    journey_id: bytes | None = None
    since: datetime | None = None  # died at or after
    until: datetime | None = None  # died before
    known_at: datetime | None = None  # taken over before: what came after somebody looked is not meant
    with_snoozed: bool = True

    @property
    def is_live(self) -> bool:
        """Whether it means only letters that are still a problem."""
        return bool(self.states) and set(self.states) <= set(LIVE)

    def conditions(self, now: datetime) -> list[ColumnElement[bool]]:
        """What rows have to meet."""
        table = dead_letter.c
        found: list[ColumnElement[bool]] = []
        if self.is_live:
            found.append(table.settled_us.is_(None))
        if self.states and set(self.states) != set(LIVE):
            found.append(table.state.in_(self.states))
        for name in ("fingerprint", "place", "type", "system", "failure_class", "impact", "source", "owner"):
            if value := getattr(self, name):
                found.append(table[name] == value)
        if self.tag:
            found.append(table.tags.contains(f"|{self.tag}|", autoescape=True))
        if self.text:
            found.append(_says(self.text))
        if self.journey_id is not None:
            found.append(table.journey_id == self.journey_id)
        if self.since is not None:
            found.append(table.failed_us >= to_us(self.since))
        if self.until is not None:
            found.append(table.failed_us < to_us(self.until))
        if self.known_at is not None:
            found.append(table.taken_us < to_us(self.known_at))
        if not self.with_snoozed:
            found.append(or_(table.snoozed_us.is_(None), table.snoozed_us <= to_us(now)))
        return found


def _says(text: str) -> ColumnElement[bool]:
    names = ("title", "message_id", "type", "error_message", "error_code", "error_class", "place", "ticket")
    return or_(*(dead_letter.c[name].icontains(text, autoescape=True) for name in names))


def letter_row(row: Row[Any]) -> LetterRow:
    """The letter of a result row that has `COLUMNS`."""
    return LetterRow(
        id=bytes(row.id),
        state=row.state,
        attempts=row.attempts,
        plan_id=_bytes(row.plan_id),
        source=row.source,
        place=row.place,
        origin_connection=row.origin_connection,
        origin_place=row.origin_place,
        message_id=row.message_id,
        type=row.type,
        system=row.system,
        order_key=row.order_key,
        anchor=_bytes(row.anchor),
        journey_id=_bytes(row.journey_id),
        title=row.title,
        process=row.process,
        stage=row.stage,
        failure_class=row.failure_class,
        fingerprint=row.fingerprint,
        error_class=row.error_class,
        error_code=row.error_code,
        error_message=row.error_message,
        error_frame=row.error_frame,
        occurred_at=from_us(row.occurred_us),
        first_failed_at=from_us(row.first_failed_us),
        failed_at=from_us(row.failed_us),
        taken_at=from_us(row.taken_us),
        changed_at=from_us(row.changed_us),
        deaths=row.deaths,
        amount=unscaled(row.amount_e4) if row.amount_e4 else "",
        currency=row.currency,
        due_at=_at(row.due_us),
        impact=row.impact,
        owner=row.owner,
        ticket=row.ticket,
        tags=tuple(row.tags.strip("|").split("|")) if row.tags else (),
        snoozed_until=_at(row.snoozed_us),
        edit=row.edit,
        payload_hash=bytes(row.payload_hash),
        content_type=row.content_type,
        size=row.size,
        sent_at=_at(row.sent_us),
        confirm_due_at=_at(row.confirm_due_us),
        settled_at=_at(row.settled_us),
        settled_by=row.settled_by,
        settled_why=row.settled_why,
        purge_at=_at(row.purge_us),
    )


def _at(us: int | None) -> datetime | None:
    return None if us is None else from_us(us)


def _bytes(value: bytes | None) -> bytes | None:
    return None if value is None else bytes(value)
