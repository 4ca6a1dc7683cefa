"""Groups of dead letters as screens and the API show them, with what they are and what helped before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from controltower.domain.dead_letters import STATES
from controltower.domain.failure_rules import CLASS_WORDS, NO_DIAGNOSIS, Diagnosis, RuleBook
from controltower.domain.masking import mask_text
from controltower.store.engine import Connection
from controltower.store.letter_groups import (
    GroupNote,
    LetterGroup,
    Remedy,
    list_groups,
    newest_of,
    notes_of,
    remedies_of,
    trends_of,
)
from controltower.store.letter_rows import LetterFilter, LetterRow
from controltower.web.letter_filters import url_of
from controltower.web.letter_words import IMPACT_WORDS
from controltower.web.sparklines import Sparkline, draw_sparkline

_UNNAMED = {"queue": "No queue", "type": "No type", "system": "No system", "class": "Unknown"}


@dataclass(frozen=True, slots=True)
class GroupView:
    """A group of dead letters."""

    by: str
    group: LetterGroup
    newest: LetterRow | None  # None when it was settled a moment ago
    diagnosis: Diagnosis
    note: GroupNote
    trend: Sparkline
    hours: Sequence[int]
    remedies: Sequence[Remedy]

    @property
    def title(self) -> str:
        """What people would call it."""
        if self.by == "impact":
            return IMPACT_WORDS.get(self.group.key, self.group.key)
        if self.by == "class":
            return CLASS_WORDS.get(self.group.key, self.group.key)
        if self.by != "fingerprint":
            return self.group.key or _UNNAMED[self.by]
        return title_of(self.newest) if self.newest else self.group.key

    @property
    def states(self) -> list[tuple[str, int]]:
        """How many are in each state, in the order of their life."""
        return [(state, self.group.states[state]) for state in STATES if self.group.states.get(state)]

    @property
    def owner(self) -> str:
        """Who has the next move: whoever took it, or else who the rule says."""
        return self.note.owner or self.diagnosis.owner

    def url(self, fields: Mapping[str, str]) -> str:
        """Where it is shown: on a page of its own, or as a list of its letters."""
        if self.by == "fingerprint":
            return url_of(f"/dead-letters/groups/{self.group.key}", {})
        return self.letters_url(fields)

    def letters_url(self, fields: Mapping[str, str]) -> str:
        """Where its letters are listed."""
        return url_of("/dead-letters/letters", {**fields, self.by: self.group.key})


def title_of(row: LetterRow) -> str:
    """What went wrong with a letter, in a few words."""
    return row.error_class or row.error_code or mask_text(row.error_message)[:80] or "No reason was given"


def load_groups(
    c: Connection, by: str, wanted: LetterFilter, book: RuleBook, now: datetime, most: int
) -> tuple[list[GroupView], int]:
    """The groups of a filter that matter most, and how many there are."""
    groups = list_groups(c, by, wanted, now)
    shown = groups[:most]
    keys = [group.key for group in shown]
    newest = newest_of(c, by, shown, wanted, now)
    trends = trends_of(c, by, keys, wanted, now)
    is_kind = by == "fingerprint"
    notes = notes_of(c, keys) if is_kind else {}
    remedies = remedies_of(c, keys) if is_kind else {}
    views = []
    for group in shown:
        row = newest.get(group.key)
        views.append(
            GroupView(
                by=by,
                group=group,
                newest=row,
                diagnosis=diagnose(book, row) if is_kind and row else NO_DIAGNOSIS,
                note=notes.get(group.key, GroupNote()),
                trend=draw_sparkline(trends[group.key]),
                hours=trends[group.key],
                remedies=remedies.get(group.key, ()),
            )
        )
    return views, len(groups)


def diagnose(book: RuleBook, row: LetterRow) -> Diagnosis:
    """What the rules say of the failure of a letter."""
    return book.diagnose(row.system, row.error_code or row.error_class, row.error_message)
