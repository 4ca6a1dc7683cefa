"""Which dead letters an address or a form means: some by their ids, or those that a filter means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from werkzeug.datastructures import MultiDict

from controltower.domain.errors import BadPayload
from controltower.store.letter_rows import LetterFilter
from controltower.web.cursors import read_key
from controltower.web.letter_filters import FIELDS, read_filter

LETTER = "letter"
MOST_NAMED = 1000


@dataclass(frozen=True, slots=True)
class Choice:
    """The letters that somebody chose."""

    letters: LetterFilter | Sequence[bytes]
    query: str  # the same as a query string

    @property
    def selection(self) -> str:
        """What a plan remembers of it: the filter as people see it, "" for letters that were named."""
        return self.query if isinstance(self.letters, LetterFilter) else ""


def read_choice(args: MultiDict[str, str]) -> Choice:
    """The choice that an address or a form spells. Raises BadPayload when it is none."""
    named = args.getlist(LETTER)
    if named:
        return choose_named(named)
    given = {name: args[name].strip() for name in FIELDS if args.get(name, "").strip()}
    if not given:
        raise BadPayload("letter: name a dead letter, or filter the list of them; nothing is chosen")
    return Choice(read_letter_filter(given), urlencode(given))


def choose_named(named: Sequence[str]) -> Choice:
    """The letters with these ids. Raises BadPayload."""
    if len(named) > MOST_NAMED:
        raise BadPayload(f"letter: expected at most {MOST_NAMED} ids, found {len(named)}; use a filter")
    keys = [read_key(one) for one in named]
    wrong = next((text for text, key in zip(named, keys, strict=True) if key is None), None)
    if wrong is not None:
        raise BadPayload(f"letter: expected ids of dead letters, found {wrong[:40]!r}")
    found = [key for key in dict.fromkeys(keys) if key is not None]
    return Choice(found, urlencode([(LETTER, key.hex()) for key in found]))


def read_letter_filter(given: Mapping[str, str]) -> LetterFilter:
    """The filter of these fields. Raises BadPayload for what no letter can have."""
    unknown = sorted(given.keys() - set(FIELDS))
    if unknown:
        raise BadPayload(f"{unknown[0]}: is not a field of the filter; there are {', '.join(FIELDS)}")
    return read_filter(given)
