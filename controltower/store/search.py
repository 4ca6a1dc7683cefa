"""One search field for everything that a person may have in hand."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select

from controltower.domain.identifiers import JOINING_KINDS, TRACE, Identifier, key_of
from controltower.store.journey_rows import JourneyRow
from controltower.store.journeys import journey_trace_ids
from controltower.store.letter_rows import LetterRow
from controltower.store.letters import letters_called
from controltower.store.lookup import Match, list_matches, spellings
from controltower.store.membership import Place, find_shown, place, rows_in
from controltower.store.tables import trace_link
from controltower.store.traces import find_journeys_of_trace, is_trace

_MANY = 200  # matches that are looked at, so that a common e-mail address still shows its newest orders
_ID_BYTES = 16
MOST_LETTERS = 20  # of one message: it may have died in several queues


@dataclass(frozen=True, slots=True)
class Hit:
    """Something that the text names."""

    kind: str  # journey, trace or dead_letter
    label_kind: str  # the kind of identifier or label that matched
    value: str
    journey: JourneyRow | None
    trace_id: bytes | None = None
    letter: LetterRow | None = None


def search(c: Connection, text: str, *, limit: int = 20) -> list[Hit]:
    """What `text` names: ids first, then exact values (newest journeys first), then those it begins.

    A journey is listed once, with its best match.
    """
    matches = list_matches(c, text, limit=max(limit, _MANY))
    places = place(c, {match.key for match in matches})
    ranked = sorted(
        (m for m in matches if m.key in places), key=lambda match: _rank(match, places[match.key])
    )
    best = {places[match.key].id: match for match in reversed(ranked)}
    ids = sorted(best, key=lambda id: _rank(best[id], places[best[id].key]))[:limit]
    rows = rows_in(c, ids)
    hits = [*_by_id(c, text.strip()), *_letters(c, text.strip())]
    for id in ids:
        kind, value = best[id].kind, best[id].value
        if rows[id].event_count:
            hits.append(Hit("journey", kind, value, rows[id]))
        else:
            # Only spans name it: there is nothing to see but their traces.
            traces = journey_trace_ids(c, id, limit=limit)
            hits.extend(Hit("trace", kind, value, None, trace_id) for trace_id in traces)
    return _distinct(hits or _by_span(c, text, limit))[:limit]


def _by_id(c: Connection, text: str) -> list[Hit]:
    """The trace or journey whose 32 hexadecimal digits were pasted."""
    try:
        given = bytes.fromhex(text)
    except ValueError:
        return []
    if len(given) != _ID_BYTES or len(text) != 2 * _ID_BYTES:
        return []
    # An event may name a trace whose spans never came.
    owners = find_journeys_of_trace(c, given)
    hits = [Hit("journey", TRACE, text.lower(), row) for row in owners]
    if is_trace(c, given):
        hits.append(Hit("trace", TRACE, text.lower(), owners[0] if owners else None, given))
    journey = find_shown(c, {given}).get(given)
    if journey is not None:
        hits.append(Hit("journey", "journey", text.lower(), journey))
    return hits


def _letters(c: Connection, text: str) -> list[Hit]:
    """The dead letters with this id, or of the message with this id."""
    found = letters_called(c, text, MOST_LETTERS)
    kinds = ["dead letter" if row.id.hex() == text.lower() else "message id" for row in found]
    return [Hit("dead_letter", kind, text, None, letter=row) for kind, row in zip(kinds, found, strict=True)]


def _by_span(c: Connection, text: str, limit: int) -> list[Hit]:
    """The traces whose spans carry exactly this identifier.

    What only spans name is stored by key alone, so the key of every kind that spans carry is looked for.
    """
    keys = {
        key_of(name): name
        for kind in JOINING_KINDS
        for value in spellings(text)
        if (name := Identifier(kind, value))
    }
    query = select(trace_link.c.key, trace_link.c.trace_id).where(trace_link.c.key.in_(keys))
    rows = c.execute(query.order_by(trace_link.c.key, trace_link.c.trace_id).limit(limit))
    return [Hit("trace", *keys[row.key], None, row.trace_id) for row in rows]


def _rank(match: Match, spot: Place) -> tuple[bool, str, int, bytes]:
    """Exact matches by the newest journey; those that go on by their values."""
    return (not match.exact, "" if match.exact else match.value, -spot.started_us, spot.id)


def _distinct(hits: list[Hit]) -> list[Hit]:
    seen: dict[tuple[str, bytes | None], Hit] = {}
    for hit in hits:
        key = (hit.kind, _id_of(hit))
        seen.setdefault(key, hit)
    return list(seen.values())


def _id_of(hit: Hit) -> bytes | None:
    if hit.letter is not None:
        return hit.letter.id
    return hit.trace_id if hit.kind == "trace" or hit.journey is None else hit.journey.id
