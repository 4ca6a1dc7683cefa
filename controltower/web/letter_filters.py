"""The filter of dead letters: read from the address, written back to it, offered as a form."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode

from controltower.domain.dead_letters import CLOSED, IMPACTS, LIVE, STATES
from controltower.domain.errors import BadPayload
from controltower.domain.failure_rules import CLASS_WORDS
from controltower.store.engine import Connection
from controltower.store.letter_groups import letter_choices
from controltower.store.letter_rows import GROUP_KEYS, LetterFilter
from controltower.web.cursors import read_key
from controltower.web.letter_words import IMPACT_WORDS, STATE_WORDS
from controltower.web.moments import read_moment

FIELDS = (
    *("text", "state", "queue", "type", "system", "class", "impact", "owner", "tag"),
    *("fingerprint", "source", "journey", "since", "until", "snoozed"),
)
SETS: Mapping[str, tuple[str, ...]] = {"closed": CLOSED, "all": ()}
"""Words for several states at once; no word at all means the live ones."""
SET_WORDS: Mapping[str, str] = {"closed": "All closed", "all": "All"}
SHOWN = "shown"
MOST_CHOICES = 200
_LABELS = {
    "class": "Failure class",
    "since": "Died since",
    "until": "Died before",
    "fingerprint": "Group",
    "snoozed": "Snoozed",
}


class ActiveFilter(NamedTuple):
    """One filter that is set, and the fields without it."""

    label: str
    value: str
    without: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Choices:
    """What the form offers, as (value, label)."""

    state: tuple[tuple[str, str], ...]
    queue: tuple[tuple[str, str], ...]
    type: tuple[tuple[str, str], ...]
    system: tuple[tuple[str, str], ...]
    failure_class: tuple[tuple[str, str], ...] = tuple(CLASS_WORDS.items())
    impact: tuple[tuple[str, str], ...] = tuple(IMPACT_WORDS.items())


def given_fields(args: Mapping[str, str]) -> dict[str, str]:
    """The filters that are set, in the order of the form; blank ones are left out."""
    return {name: args[name].strip() for name in FIELDS if args.get(name, "").strip()}


def read_filter(args: Mapping[str, str]) -> LetterFilter:
    """The filter that an address spells. Raises BadPayload for a word that is none of a list."""
    given = given_fields(args)
    _check("impact", given.get("impact", ""), IMPACTS)
    _check("class", given.get("class", ""), CLASS_WORDS)
    _check("snoozed", given.get("snoozed", ""), (SHOWN,))
    states = _read_states(given.get("state", ""))
    return LetterFilter(
        states=states,
        place=given.get("queue", ""),
        failure_class=given.get("class", ""),
        journey_id=_read_journey(given.get("journey", "")),
        since=_read_moment(given, "since"),
        until=_read_moment(given, "until"),
        with_snoozed="snoozed" in given or not set(states) & set(LIVE),
        fingerprint=given.get("fingerprint", ""),
        type=given.get("type", ""),
        system=given.get("system", ""),
        impact=given.get("impact", ""),
        source=given.get("source", ""),
        owner=given.get("owner", ""),
        tag=given.get("tag", ""),
        text=given.get("text", ""),
    )


def read_selection(selection: str, known_at: datetime) -> LetterFilter:
    """The filter of a query string, without what was taken over after somebody looked at the list."""
    return replace(read_filter(parse(selection)), known_at=known_at)


def parse(selection: str) -> dict[str, str]:
    """The fields that `spell` wrote."""
    return dict(parse_qsl(selection))


def spell(fields: Mapping[str, str]) -> str:
    """The filter as a query string."""
    return urlencode(fields)


def url_of(path: str, fields: Mapping[str, str], **more: str) -> str:
    """The address of `path` with these filters."""
    query = urlencode({**fields, **{name: value for name, value in more.items() if value}})
    return f"{path}?{query}" if query else path


def list_choices(c: Connection) -> Choices:
    """What there is to choose from."""
    found = letter_choices(c)
    known = {name: tuple((value, value) for value in found[name][:MOST_CHOICES]) for name in found}
    words = (*((state, STATE_WORDS[state]) for state in STATES), *SET_WORDS.items())
    return Choices(state=words, queue=known["queue"], type=known["type"], system=known["system"])


def list_active(fields: Mapping[str, str]) -> list[ActiveFilter]:
    """The set filters as people read them."""
    words = {"state": {**STATE_WORDS, **SET_WORDS}, "class": CLASS_WORDS, "impact": IMPACT_WORDS}
    return [
        ActiveFilter(
            _LABELS.get(name, name.capitalize()),
            words.get(name, {}).get(value, value),
            {other: told for other, told in fields.items() if other != name},
        )
        for name, value in fields.items()
    ]


def read_by(text: str) -> str:
    """The key to group by. Raises BadPayload for another word."""
    by = text.strip() or "fingerprint"
    _check("by", by, GROUP_KEYS)
    return by


def _read_states(word: str) -> tuple[str, ...]:
    if not word:
        return LIVE
    _check("state", word, (*STATES, *SETS))
    return SETS.get(word, (word,))


def _read_journey(text: str) -> bytes | None:
    if not text:
        return None
    key = read_key(text)
    if key is None:
        raise BadPayload(f"journey: expected the id of a journey, found {text[:40]!r}")
    return key


def _read_moment(given: Mapping[str, str], name: str) -> datetime | None:
    return read_moment(given[name], name) if name in given else None


def _check(name: str, word: str, known: Collection[str]) -> None:
    if word and word not in known:
        raise BadPayload(f"{name}: expected one of {', '.join(known)}, found {word[:40]!r}")
