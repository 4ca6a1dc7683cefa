"""What lineage knows of dead letters: their journeys, and so whether a replay is safe and has worked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from controltower.domain.dead_letters import NO_EFFECT
from controltower.domain.identifiers import Bond, bond_of, key_of
from controltower.domain.outcomes import Fact
from controltower.domain.processes import Process
from controltower.domain.times import to_us
from controltower.domain.verdicts import Newer, Subject, Verdict, confirmation_of, judge
from controltower.store.engine import Connection
from controltower.store.journey_rows import JourneyRow
from controltower.store.journey_samples import load_facts
from controltower.store.journeys import find_journeys, unchanged_journeys
from controltower.store.letter_rows import LetterRow, idempotency_key
from controltower.store.letters import NO_PAPERS, Papers, find_papers
from controltower.store.newer import TooManyChanges, find_newer_change

_CHANGE = "change"


class Lineage(NamedTuple):
    """A letter and its journey."""

    letter: LetterRow
    subject: Subject
    journey: JourneyRow | None
    process: Process | None
    facts: Sequence[Fact]

    @property
    def verdict(self) -> Verdict:
        """Whether sending it again is safe."""
        return judge(self.subject, self.process, self.facts)

    def verdict_before(self, state: str) -> Verdict:
        """The verdict as it is when the letter is taken to be in `state`: that before it was held."""
        subject = self.subject._replace(is_unsettled=state == NO_EFFECT)
        return judge(subject, self.process, self.facts)

    @property
    def confirmation(self) -> Fact | None:
        """What shows that the business moved past its failure; None while nothing does."""
        return confirmation_of(self.subject, self.process, self.facts)


def lineage_of(
    c: Connection, letters: Iterable[LetterRow], processes: Mapping[str, Process]
) -> dict[bytes, Lineage]:
    """The lineage of each letter, as the store knows it at this moment."""
    rows = list(letters)
    journeys = find_journeys(c, {row.anchor for row in rows if row.anchor is not None})
    facts = load_facts(c, {journey.id for journey in journeys.values()})
    papers = find_papers(c, [row.id for row in rows])
    found = {}
    for row in rows:
        journey = journeys.get(row.anchor) if row.anchor is not None else None
        found[row.id] = Lineage(
            row,
            _with_newer(c, _subject(row, papers.get(row.id, NO_PAPERS)), papers.get(row.id, NO_PAPERS)),
            journey,
            processes.get(journey.process) if journey else None,
            facts.get(journey.id, ()) if journey else (),
        )
    return found


def changed_since(c: Connection, letters: Iterable[LetterRow], moment: datetime) -> list[LetterRow]:
    """Those of the letters whose journey changed after a moment, is another one now, or is not known; and
    those about a record that changes on journeys of others.
    """
    rows = list(letters)
    unchanged = unchanged_journeys(c, {row.journey_id for row in rows if row.journey_id}, moment)
    papers = find_papers(c, [row.id for row in rows])
    return [
        row
        for row in rows
        if row.journey_id not in unchanged or _is_about_a_record(papers.get(row.id, NO_PAPERS))
    ]


def _is_about_a_record(papers: Papers) -> bool:
    return any(one.kind.rpartition(".")[2] == _CHANGE for one in papers.identifiers)


def _subject(row: LetterRow, papers: Papers) -> Subject:
    edits = range(row.edit + 1)
    return Subject(
        type=row.type,
        occurred_us=to_us(row.occurred_at),
        failed_us=to_us(row.failed_at),
        legs=tuple(sorted(one for one in papers.identifiers if bond_of(one.kind) is Bond.LEG)),
        idempotency_keys=tuple(idempotency_key(row.id, edit, papers.headers) for edit in edits),
        is_unsettled=row.state == NO_EFFECT,
    )


def _with_newer(c: Connection, subject: Subject, papers: Papers) -> Subject:
    """A change of a record is a journey of its own: whether a newer one was processed stands on another."""
    if not _is_about_a_record(papers):
        return subject
    keys = {key_of(one) for one in papers.identifiers if bond_of(one.kind) is Bond.LABEL}
    try:
        newer = find_newer_change(c, subject.type, subject.occurred_us, keys) if keys else None
    except TooManyChanges:
        return subject._replace(is_often_changed=True)
    return subject if newer is None else subject._replace(newer=Newer(newer.digest, newer.type, newer.system))
