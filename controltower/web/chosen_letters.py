"""Which dead letters an address or a form means: some by their ids, or those that a filter means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from werkzeug.datastructures import MultiDict

from controltower.domain.errors import BadPayload
from controltower.store.letter_rows import LetterFilter
from controltower.web import letter_filters as filters
from controltower.web.cursors import read_key

LETTER = "letter"
MOST_NAMED = 1000


@dataclass(frozen=True, slots=True)
class Choice:
    """The letters that somebody chose."""

    letters: LetterFilter | Sequence[bytes]
    selection: str = ""  # the filter as people see it, a query string; "" for letters that were named


def read_choice(args: MultiDict[str, str]) -> Choice:
    """The choice that an address or a form spells. Raises BadPayload when it is none."""
    named = args.getlist(LETTER)
    return choose_named(named) if named else choose_filtered(filters.given_fields(args))


def choose_named(named: Sequence[str]) -> Choice:
    """The letters with these ids. Raises BadPayload."""
    if len(named) > MOST_NAMED:
        raise BadPayload(f"letter: expected at most {MOST_NAMED} ids, found {len(named)}; use a filter")
    keys = [read_key(one) for one in named]
    wrong = next((text for text, key in zip(named, keys, strict=True) if key is None), None)
    if wrong is not None:
        raise BadPayload(f"letter: expected ids of dead letters, found {wrong[:40]!r}")
    return Choice([key for key in dict.fromkeys(keys) if key is not None])


def choose_filtered(given: Mapping[str, str]) -> Choice:
    """The letters that a filter means. Raises BadPayload for fields that there are not, and for no filter."""
    unknown = sorted(given.keys() - set(filters.FIELDS))
    if unknown:
        known = ", ".join(filters.FIELDS)
        raise BadPayload(f"{unknown[0]}: is not a field of the filter; there are {known}")
    if not given:
        raise BadPayload("letter: name a dead letter, or filter the list of them; nothing is chosen")
    return Choice(filters.read_filter(given), filters.spell(given))


def address_of(letters: Sequence[bytes]) -> str:
    """Letters that are named, as a query string."""
    return urlencode([(LETTER, one.hex()) for one in letters])
