"""Working on dead letters: whose they are, what was found out, given up and taken back, edited, revealed.

Every deed moves letters by compare-and-set and leaves an entry in the audit in the same transaction; one on
many letters does so batch by batch, and may be repeated where it was cut off.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from controltower.domain.dead_letters import (
    DISCARDED,
    INVESTIGATING,
    LIVE,
    NEW,
    PURGE_AFTER,
    REPLAYABLE,
    RESOLVED,
    payload_hash,
)
from controltower.domain.edits import access_to, changed_fields
from controltower.domain.errors import BadPayload, Conflict, NotFound
from controltower.domain.messages import Message
from controltower.domain.times import from_us, to_us
from controltower.services.dead_letters.forms import check_form
from controltower.store.audit import Deed, record
from controltower.store.engine import Connection, Database, reading, transaction
from controltower.store.letter_groups import GroupNote, notes_of, save_note
from controltower.store.letter_rows import LetterFilter, LetterRow
from controltower.store.letters import add_edit, chosen_ids, find_letters, get_body, get_letter, mark

MOST_AT_ONCE = 100_000
BATCH = 1000
MAX_REASON = 500
MAX_WORD = 200
MAX_TAGS = 20

_FINGERPRINT = re.compile(r"[0-9a-f]{16}")

Chosen = LetterFilter | Sequence[bytes]
"""Which letters: a filter, or the letters themselves."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What people do with dead letters. Bulk deeds return how many letters they changed."""

    db: Database

    def assign(self, chosen: Chosen, owner: str, *, by: str, now: datetime) -> int:
        """Make them somebody's; "" makes them nobody's."""
        return self._change(chosen, LIVE, "assigned", {"owner": _word("owner", owner)}, by=by, now=now)

    def investigate(self, chosen: Chosen, *, by: str, now: datetime) -> int:
        """Say that somebody is on it; who says so becomes their owner."""
        values = {"state": INVESTIGATING, "owner": by}
        return self._change(chosen, REPLAYABLE, "investigating", values, by=by, now=now)

    def snooze(self, chosen: Chosen, until: datetime | None, *, by: str, now: datetime) -> int:
        """Take them out of sight until a time; None takes them back. Raises BadPayload for a time past."""
        if until is not None and until <= now:
            raise BadPayload("until: expected a time in the future")
        values = {"snoozed_us": None if until is None else to_us(until)}
        return self._change(chosen, LIVE, "snoozed" if until else "woken", values, by=by, now=now)

    def link_ticket(self, chosen: Chosen, ticket: str, *, by: str, now: datetime) -> int:
        """Note the ticket that they are worked on in; "" forgets it."""
        return self._change(chosen, LIVE, "ticket", {"ticket": _word("ticket", ticket)}, by=by, now=now)

    def tag(self, chosen: Chosen, tags: Sequence[str], *, by: str, now: datetime) -> int:
        """Give them these tags, in place of those that they had."""
        plain = sorted({_word("tag", tag).replace("|", " ").strip() for tag in tags} - {""})[:MAX_TAGS]
        values = {"tags": f"|{'|'.join(plain)}|" if plain else ""}
        return self._change(chosen, LIVE, "tagged", values, by=by, now=now)

    def discard(self, chosen: Chosen, why: str, *, by: str, now: datetime) -> int:
        """Give them up; they can be taken back until they are purged, PURGE_AFTER from now."""
        values = {"state": DISCARDED, **_closed(_reason(why), by, now)}
        return self._change(chosen, REPLAYABLE, "discarded", values, why=why, by=by, now=now)

    def resolve(self, chosen: Chosen, why: str, *, by: str, now: datetime) -> int:
        """Say that they were put right in another way."""
        values = {"state": RESOLVED, **_closed(_reason(why), by, now)}
        return self._change(chosen, REPLAYABLE, "resolved", values, why=why, by=by, now=now)

    def restore(self, chosen: Chosen, *, by: str, now: datetime) -> int:
        """Take closed letters back."""
        values = {"state": NEW, "settled_us": None, "settled_by": "", "settled_why": "", "purge_us": None}
        return self._change(chosen, (DISCARDED, RESOLVED), "restored", values, by=by, now=now)

    def edit(self, letter_id: bytes, message: Message, *, by: str, why: str, now: datetime) -> LetterRow:
        """Keep an edited copy of a letter, which replays then send; the original stays.

        Raises BadPayload when nothing or something locked is changed, Conflict when the letter is not to be
        had any more.
        """
        with transaction(self.db) as c:
            row = get_letter(c, letter_id)
            if row.state not in REPLAYABLE:
                raise Conflict(f"It is {row.state.replace('_', ' ')}; it cannot be edited now.")
            before = get_body(c, letter_id, row.edit).message
            _check_edit(before, message)
            check_form(before.body, message.body)
            if not add_edit(c, row, message, payload_hash(message), by=by, why=_reason(why), now=now):
                raise Conflict("Somebody changed it meanwhile; look at it again.")
            detail = {"edit": row.edit + 1, "fields": list(changed_fields(before, message))}
            record(c, [Deed(by, "edited", f"dead_letter/{letter_id.hex()}", why, detail)], now)
            return get_letter(c, letter_id)

    def reveal(self, letter_id: bytes, why: str, *, by: str, now: datetime) -> None:
        """Note that somebody looked at what is masked, and why, before they are shown it."""
        with transaction(self.db) as c:
            get_letter(c, letter_id)
            record(c, [Deed(by, "revealed", f"dead_letter/{letter_id.hex()}", _reason(why))], now)

    def note_group(self, fingerprint: str, change: Mapping[str, str], *, by: str, now: datetime) -> GroupNote:
        """Change what is said about a group: owner, state ("" or investigating), ticket, note."""
        if _FINGERPRINT.fullmatch(fingerprint) is None:
            raise NotFound(f"{fingerprint[:64]!r} is not a group of dead letters.")
        if change.get("state", "") not in ("", INVESTIGATING):
            raise BadPayload(f"state: expected nothing or {INVESTIGATING}")
        with transaction(self.db) as c:
            before = notes_of(c, [fingerprint]).get(fingerprint, GroupNote())
            told = {name: _word(name, value, MAX_REASON) for name, value in change.items()}
            said = {**_said(before), **told}
            after = GroupNote(said["owner"], said["state"], said["ticket"], said["note"], now, by)
            save_note(c, fingerprint, after, by=by, now=now)
            detail = {"before": _said(before), "after": _said(after)}
            record(c, [Deed(by, "noted", f"group/{fingerprint}", "", detail)], now)
            return after

    def _change(
        self,
        chosen: Chosen,
        expected: Sequence[str],
        action: str,
        values: Mapping[str, Any],
        *,
        by: str,
        now: datetime,
        why: str = "",
    ) -> int:
        # A transaction a batch: a deed on a hundred thousand letters must not keep facts from coming in.
        with reading(self.db) as c:
            ids = _ids(c, chosen, now)
        changed = 0
        for start in range(0, len(ids), BATCH):
            batch = ids[start : start + BATCH]
            with transaction(self.db) as c:
                before = find_letters(c, batch)
                moved = mark(c, batch, expected, {**values, "changed_us": to_us(now)})
                record(c, [_deed(action, before[one], values, by, why) for one in batch if one in moved], now)
            changed += len(moved)
        return changed


def _ids(c: Connection, chosen: Chosen, now: datetime) -> list[bytes]:
    if isinstance(chosen, LetterFilter):
        return chosen_ids(c, chosen, now, MOST_AT_ONCE)
    return list(dict.fromkeys(chosen))


def _closed(why: str, by: str, now: datetime) -> dict[str, Any]:
    return {
        "settled_us": to_us(now),
        "settled_by": by,
        "settled_why": why,
        "purge_us": to_us(now + PURGE_AFTER),
        "snoozed_us": None,
    }


def _deed(action: str, row: LetterRow, values: Mapping[str, Any], by: str, why: str) -> Deed:
    after = {name: value for name, value in values.items() if name in _TOLD}
    before = {name: _plain(getattr(row, _TOLD[name])) for name in after}
    subject = f"dead_letter/{row.id.hex()}"
    return Deed(
        by, action, subject, why, {"before": before, "after": {k: _told(k, v) for k, v in after.items()}}
    )


_TOLD = {
    "state": "state",
    "owner": "owner",
    "ticket": "ticket",
    "tags": "tags",
    "snoozed_us": "snoozed_until",
}


def _told(name: str, value: Any) -> Any:
    return from_us(value).isoformat() if name == "snoozed_us" and value is not None else value


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return list(value) if isinstance(value, tuple) else value


def _said(note: GroupNote) -> dict[str, str]:
    return {"owner": note.owner, "state": note.state, "ticket": note.ticket, "note": note.note}


def _reason(why: str) -> str:
    plain = " ".join(why.split())
    if not plain:
        raise BadPayload("reason: say why, for those who ask later")
    return _word("reason", plain, MAX_REASON)


def _word(name: str, value: str, most: int = MAX_WORD) -> str:
    plain = " ".join(value.split())
    if len(plain) > most:
        raise BadPayload(f"{name}: expected at most {most} characters, found {len(plain)}")
    return plain


def _check_edit(before: Message, after: Message) -> None:
    if (before.body, before.headers, before.content_type) == (after.body, after.headers, after.content_type):
        raise BadPayload("body: nothing is changed")
    touched = {name for name, _ in set(before.headers) ^ set(after.headers)}
    locked = sorted(name for name in touched if access_to(name) == "locked")
    if locked:
        raise BadPayload(f"headers: {locked[0]} cannot be edited")
