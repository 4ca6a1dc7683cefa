"""What the page of one dead letter shows, put together from the store."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from controltower.domain.dead_letters import OUTSTANDING, REPLAYABLE, SOURCE
from controltower.domain.edits import Access, access_to, is_secret
from controltower.domain.failure_rules import Diagnosis, RuleBook
from controltower.domain.masking import MASK, mask_value
from controltower.domain.messages import Message
from controltower.domain.outcomes import Fact
from controltower.domain.processes import Process
from controltower.domain.times import from_us, to_us
from controltower.domain.verdicts import KIND_WORDS, Verdict
from controltower.services.dead_letters.lineage import Lineage, lineage_of
from controltower.store.audit import Entry, list_entries
from controltower.store.engine import Connection
from controltower.store.journey_rows import JourneyRow
from controltower.store.letter_groups import Remedy, remedies_of
from controltower.store.letter_rows import DeathRow, LetterBody, LetterRow
from controltower.store.letters import get_body, get_letter, list_deaths, list_edits
from controltower.store.replays import Item, items_of_letter
from controltower.web.letter_views import diagnose
from controltower.web.letter_words import STATE_WORDS

AROUND = 3  # facts of its journey before its failure, and as many after
MOST_ENTRIES = 50


class HeaderView(NamedTuple):
    """A header as it may be shown."""

    name: str
    value: str
    access: Access
    is_hidden: bool


class FactView(NamedTuple):
    """A fact of the journey beside the failure."""

    fact: Fact
    at: datetime
    stage: str
    is_failed: bool
    is_this: bool  # the failure itself
    url: str


class AuditView(NamedTuple):
    """An entry of the audit, its detail in words."""

    entry: Entry
    changes: tuple[tuple[str, str, str], ...]  # what, before, after


@dataclass(frozen=True, slots=True)
class LetterView:
    """Everything about one letter."""

    row: LetterRow
    body: LetterBody  # what a replay would send
    headers: Sequence[HeaderView]
    deaths: Sequence[DeathRow]
    journey: JourneyRow | None
    verdict: Verdict
    evidence: Sequence[FactView]
    around: Sequence[FactView]
    attempts: Sequence[Item]
    edits: Sequence[tuple[int, datetime, str, str]]
    audit: Sequence[AuditView]
    diagnosis: Diagnosis
    remedies: Sequence[Remedy]

    @property
    def verdict_words(self) -> str:
        """The verdict in a word or two."""
        return KIND_WORDS[self.verdict.kind]

    @property
    def is_outstanding(self) -> bool:
        """Whether a replay of it is under way, so that what is shown may change."""
        return self.row.state in OUTSTANDING

    @property
    def reason_not_to_replay(self) -> str:
        """Why it cannot be replayed now; "" when it can."""
        if self.row.state in REPLAYABLE:
            return ""
        if self.is_outstanding:
            return "A replay of it is under way; there is never more than one."
        return f"It is {STATE_WORDS[self.row.state].lower()}; take it back first."


def load_letter(
    c: Connection, letter_id: bytes, processes: Mapping[str, Process], book: RuleBook, *, reveal: bool
) -> LetterView:
    """The view of a letter. Raises NotFound."""
    row = get_letter(c, letter_id)
    body = get_body(c, letter_id, row.edit)
    lineage = lineage_of(c, [row], processes)[row.id]
    verdict = lineage.verdict
    facts = _facts(lineage)
    return LetterView(
        row=row,
        body=body,
        headers=view_headers(body.message, reveal=reveal),
        deaths=list_deaths(c, letter_id),
        journey=lineage.journey,
        verdict=verdict,
        evidence=[one for one in facts if one.fact.digest in verdict.evidence],
        around=_around(facts, to_us(row.failed_at)),
        attempts=items_of_letter(c, letter_id),
        edits=list_edits(c, letter_id),
        audit=[_entry(one) for one in list_entries(c, subject=subject_of(row.id), limit=MOST_ENTRIES)],
        diagnosis=diagnose(book, row),
        remedies=remedies_of(c, [row.fingerprint])[row.fingerprint],
    )


def subject_of(letter_id: bytes) -> str:
    """What the audit calls a letter."""
    return f"dead_letter/{letter_id.hex()}"


def view_headers(message: Message, *, reveal: bool) -> list[HeaderView]:
    """The headers of a message; what proves who somebody is never shows."""
    found = []
    for name, value in message.headers:
        shown = MASK if is_secret(name) else value if reveal else mask_value(name, value)
        found.append(HeaderView(name, shown, access_to(name), shown != value))
    return found


def _facts(lineage: Lineage) -> list[FactView]:
    journey, process = lineage.journey, lineage.process
    if journey is None:
        return []
    letter_id = lineage.letter.id.hex()
    found = []
    for fact in sorted(lineage.facts):
        reading = process.read(fact.type) if process else None
        step = process.steps[reading.stage] if process and reading and reading.stage is not None else None
        stage = step.title if step else ""
        is_failed = fact.outcome == "failed" or bool(reading and reading.failed)
        is_this = fact.source == SOURCE and fact.id.startswith(letter_id)
        url = f"/journeys/{journey.id.hex()}#event-{fact.digest.hex()}"
        found.append(FactView(fact, from_us(fact.occurred_us), stage, is_failed, is_this, url))
    return found


def _around(facts: Sequence[FactView], failed_us: int) -> list[FactView]:
    """A few facts before the failure, the failure, and a few after."""
    before = [one for one in facts if one.fact.occurred_us < failed_us and not one.is_this]
    after = [one for one in facts if one.fact.occurred_us >= failed_us and not one.is_this]
    this = [one for one in facts if one.is_this]
    return sorted([*before[-AROUND:], *this[-1:], *after[:AROUND]], key=lambda one: one.fact)


def _entry(entry: Entry) -> AuditView:
    detail: dict[str, Any] = json.loads(entry.detail)
    before, after = detail.get("before") or {}, detail.get("after") or {}
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)] if after else []
    changes = [(name.replace("_us", ""), _told(before.get(name)), _told(after.get(name))) for name in names]
    if fields := detail.get("fields"):
        changes.append(("changed", "", ", ".join(map(str, fields))))
    return AuditView(entry, tuple(changes))


def _told(value: Any) -> str:
    if value is None or value == "":
        return "nothing"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
