"""Declared acknowledgements: the receiver of a replay says itself that it did its work."""

from __future__ import annotations

from datetime import datetime

from controltower.domain.dead_letters import NO_EFFECT, REPLAYING, RESOLVED, WAITING
from controltower.domain.errors import Conflict
from controltower.domain.replays import SENDING, SENT
from controltower.services.dead_letters.following import resolve
from controltower.store.engine import Connection, Database, transaction
from controltower.store.letter_rows import LetterRow
from controltower.store.letters import get_letter
from controltower.store.replays import items_of_letter

MAX_WORDS = 300
_SENT = (REPLAYING, WAITING, NO_EFFECT)


def acknowledge(db: Database, letter_id: bytes, words: str, *, by: str, now: datetime) -> LetterRow:
    """Resolve a letter whose replay was sent, on the word of its receiver; the same word again changes
    nothing. `words` may say more, or nothing.

    Raises NotFound; Conflict when no replay of it was sent that somebody could have received.
    """
    with transaction(db) as c:
        row = get_letter(c, letter_id)
        if row.state == RESOLVED:
            return row
        if not _was_sent(c, row):
            raise Conflict(f"It is {row.state.replace('_', ' ')}: no replay of it waits for this word.")
        said = " ".join(words.split())[:MAX_WORDS]
        why = f"{by} acknowledged the replay{f': {said}' if said else '.'}"
        if not resolve(c, {row.id: row}, {row.id: why}, now, by=by, expected=_SENT):
            raise Conflict("It changed at the same moment; look at it again.")
        return get_letter(c, letter_id)


def _was_sent(c: Connection, row: LetterRow) -> bool:
    """A receiver may be faster than the note that it was sent; what is only held was not sent."""
    if row.state != REPLAYING:
        return row.state in _SENT
    under_way = (one.state for one in items_of_letter(c, row.id) if one.plan_id == row.plan_id)
    return any(state in (SENDING, SENT) for state in under_way)
