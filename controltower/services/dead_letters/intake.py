"""Taking dead letters over: when `take` returns, they are kept, and on their journeys.

Two commits, each of which may be repeated: the letters with their bytes, then the events that put them on
their journeys. A broker's message is settled only after both, so a crash in between brings it again, and the
second time changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import TimeoutError as StillWaiting
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec

from controltower.domain.components import NO_TITLE, title_of
from controltower.domain.dead_letters import (
    NEW,
    OUTSTANDING,
    SOURCE,
    UNKNOWN_TYPE,
    UNPLACED,
    DeadLetter,
    clipped,
    death_of,
    id_of,
    payload_hash,
    replayed_id_of,
    scaled,
    strongest_of,
)
from controltower.domain.errors import StoreUnavailable
from controltower.domain.facts import FAILED, Event
from controltower.domain.failure_rules import RuleBook
from controltower.domain.fingerprints import fingerprint_of
from controltower.domain.identifiers import Identifier, key_of
from controltower.domain.messages import REPLAY_ATTEMPT
from controltower.domain.processes import FAILURE_SUFFIXES
from controltower.domain.replays import DIED_AGAIN, SENDING, SENT
from controltower.domain.times import from_us
from controltower.services.failure_rules import RuleShelf, rule_book
from controltower.services.ingest import FactBatch, Ingest
from controltower.store.engine import Connection, Database, transaction
from controltower.store.letter_rows import LetterRow
from controltower.store.letters import NewDeath, NewLetter, add_deaths, add_letters, find_letters, mark_each
from controltower.store.replays import settle_items

LETTER_KIND = "dead_letter"
MOST_SAID = 2000  # characters of an error message that are kept beside the letter
RECEIPT_SECONDS = 60.0
FRESH, KNOWN = "new", "known"
"""What became of a letter that was handed over, beside DIED_AGAIN."""


class Taken(NamedTuple):
    """What became of letters that were handed over; one of each for each letter, in order."""

    ids: tuple[bytes, ...] = ()
    outcomes: tuple[str, ...] = ()

    @property
    def new(self) -> int:
        """Letters that were not known before."""
        return self.outcomes.count(FRESH)

    @property
    def died_again(self) -> int:
        """Known ones that died another time."""
        return self.outcomes.count(DIED_AGAIN)

    @property
    def repeated(self) -> int:
        """Deaths that were known already."""
        return self.outcomes.count(KNOWN)


class _Read(NamedTuple):
    """A letter with everything that is computed of it."""

    id: bytes
    death: bytes
    letter: DeadLetter
    fingerprint: str
    failure_class: str

    @property
    def attempt(self) -> int:
        """The attempt that it says it died in, 0 when it says none."""
        told = self.letter.message.header(REPLAY_ATTEMPT)
        return int(told) if told.isascii() and told.isdecimal() and len(told) < 6 else 0


@dataclass(frozen=True, slots=True)
class LetterIntake:
    """Takes letters over."""

    db: Database
    ingest: Ingest
    rules: RuleShelf
    now_us: Callable[[], int]

    def take(self, letters: Sequence[DeadLetter]) -> Taken:
        """Keep letters and put them on their journeys. The same letters again change nothing.

        Raises StoreUnavailable or Overloaded; some of it may then be kept, and repeating it is harmless.
        """
        if not letters:
            return Taken()
        now_us = self.now_us()
        with transaction(self.db) as c:
            read = _read(c, letters, rule_book(c, self.rules))
            taken = _keep(c, read, now_us)
        events = [event_of(one.id, one.death, one.letter) for one in read]
        size = sum(len(event.payload) for event in events)
        try:
            self.ingest.submit(FactBatch(events=events, size=size)).result(RECEIPT_SECONDS)
        except StillWaiting as exc:
            raise StoreUnavailable(f"the store has not answered for {RECEIPT_SECONDS:.0f} s") from exc
        return taken


def event_of(letter_id: bytes, death: bytes, letter: DeadLetter) -> Event:
    """The event that puts a death of a letter on its journey; the same death is the same event."""
    name = f"{letter_id.hex()}.{death.hex()}"
    plain = letter.type or UNKNOWN_TYPE
    told_type = plain if plain.endswith(FAILURE_SUFFIXES) else f"{plain}.failed"
    code = letter.error_code or letter.error_class
    message = letter.error_message[:MOST_SAID]
    identifiers = (*letter.identifiers, Identifier(LETTER_KIND, letter_id.hex()))
    document = {
        "specversion": "1.0",
        "id": name,
        "source": SOURCE,
        "type": told_type,
        "time": from_us(letter.failed_us).isoformat(),
        "datacontenttype": "application/json",
        "data": {
            "outcome": FAILED,
            "system": letter.system,
            "dead_letter": letter_id.hex(),
            "taken_from": letter.source,
            "queue": letter.place,
            "error": {"code": code, "message": message},
            "identifiers": _grouped(identifiers),
        },
    }
    return Event(
        SOURCE,
        name,
        told_type,
        letter.failed_us,
        blake2b(f"{SOURCE}\0{name}".encode(), digest_size=16).digest(),
        identifiers,
        letter.trace_id,
        letter.system or letter.source,
        FAILED,
        code,
        message,
        letter.channel,
        payload=msgspec.json.encode(document),
        content_type="application/cloudevents+json",
    )


def _grouped(identifiers: Iterable[Identifier]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for kind, value in identifiers:
        found.setdefault(kind, []).append(value)
    return found


def _read(c: Connection, letters: Sequence[DeadLetter], book: RuleBook) -> list[_Read]:
    named = {key for letter in letters if (key := replayed_id_of(letter)) is not None}
    known = find_letters(c, named) if named else {}
    found = []
    for letter in letters:
        replayed = replayed_id_of(letter)
        letter_id = replayed if replayed in known and replayed is not None else id_of(letter)
        code = letter.error_code or letter.error_class
        diagnosis = book.diagnose(letter.system, code, letter.error_message)
        found.append(
            _Read(letter_id, death_of(letter), letter, _fingerprint(letter), diagnosis.failure_class)
        )
    return found


def _fingerprint(letter: DeadLetter) -> str:
    """Exception type and first own frame where both are known; else code and the words of the message."""
    if letter.error_class and letter.error_frame:
        return fingerprint_of(letter.system, letter.error_class, letter.error_frame)
    return fingerprint_of(letter.system, letter.error_code or letter.error_class, letter.error_message)


def _keep(c: Connection, read: Sequence[_Read], now_us: int) -> Taken:
    fresh = add_deaths(c, [_new_death(one) for one in read], now_us)
    first = {one.id: one for one in reversed(read)}
    new = add_letters(c, [_new_letter(one) for one in first.values()], now_us)
    outcomes = _outcomes(read, new, fresh)
    again = [one for one, outcome in zip(read, outcomes, strict=True) if outcome == DIED_AGAIN]
    for one in sorted(again, key=lambda one: one.letter.failed_us):
        _die_again(c, one, now_us)
    return Taken(tuple(one.id for one in read), tuple(outcomes))


def _outcomes(
    read: Sequence[_Read], new: Collection[bytes], fresh: Collection[tuple[bytes, bytes]]
) -> list[str]:
    """What each is: the first of a new letter is new, each further death of it another death."""
    outcomes = []
    seen: set[tuple[bytes, bytes]] = set()
    letters: set[bytes] = set()
    for one in read:
        death = one.id, one.death
        if one.id in new and one.id not in letters:
            outcomes.append(FRESH)
        else:
            outcomes.append(DIED_AGAIN if death in fresh and death not in seen else KNOWN)
        seen.add(death)
        letters.add(one.id)
    return outcomes


def _new_death(one: _Read) -> NewDeath:
    letter = one.letter
    return NewDeath(
        one.id,
        one.death,
        letter.failed_us,
        one.attempt,
        letter.place,
        one.fingerprint,
        letter.error_class,
        letter.error_code,
        letter.error_message[:MOST_SAID],
        letter.deaths,
    )


def _new_letter(one: _Read) -> NewLetter:
    letter = one.letter
    strongest = strongest_of(letter.identifiers)
    title = title_of(letter.identifiers)
    values: dict[str, Any] = {
        "id": one.id,
        "source": letter.source,
        "place": clipped(letter.place),
        "origin_connection": letter.origin_connection,
        "origin_place": letter.origin_place,
        "message_id": letter.message.message_id,
        "type": clipped(letter.type),
        "system": clipped(letter.system),
        "order_key": "" if strongest is None else f"{strongest.kind}:{strongest.value}",
        "anchor": None if strongest is None else key_of(strongest),
        "title": title[2] if title != NO_TITLE else letter.message.message_id,
        **_told_of_failure(one),
        "occurred_us": letter.occurred_us,
        "first_failed_us": letter.failed_us,
        "amount_e4": scaled(letter.amount),
        "currency": letter.currency,
        "due_us": letter.due_us or None,
        "impact": UNPLACED,
        "payload_hash": payload_hash(letter.message),
        "content_type": letter.message.content_type,
        "size": len(letter.message.body),
    }
    return NewLetter(values, letter.message, letter.identifiers)


def _told_of_failure(one: _Read) -> dict[str, Any]:
    letter = one.letter
    return {
        "failure_class": one.failure_class,
        "fingerprint": one.fingerprint,
        "error_class": letter.error_class,
        "error_code": letter.error_code,
        "error_message": letter.error_message[:MOST_SAID],
        "error_frame": letter.error_frame,
        "failed_us": letter.failed_us,
    }


def _die_again(c: Connection, one: _Read, now_us: int) -> None:
    """The same letter, dead once more: whatever was under way with it is over, and it is a problem again."""
    row = find_letters(c, [one.id])[one.id]
    values: Mapping[str, Any] = {"id": one.id, "deaths": row.deaths + 1, "changed_us": now_us}
    if _is_of_an_earlier_attempt(one, row):
        mark_each(c, [values])
        return
    if row.state in OUTSTANDING:
        words = {one.id: f"It died again: {one.letter.error_message[:200] or one.letter.error_class}"}
        settle_items(c, words, DIED_AGAIN, (SENDING, SENT), now_us)
    reopened = {
        "state": NEW,
        "plan_id": None,
        "confirm_due_us": None,
        "settled_us": None,
        "settled_by": "",
        "settled_why": "",
        "purge_us": None,
    }
    mark_each(c, [{**values, **_told_of_failure(one), **reopened}])


def _is_of_an_earlier_attempt(one: _Read, row: LetterRow) -> bool:
    """Whether what died was sent before what is under way now, so that it says nothing about that."""
    return one.attempt < row.attempts and replayed_id_of(one.letter) is not None
