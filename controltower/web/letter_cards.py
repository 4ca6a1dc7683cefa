"""Dead letters beside what they are about: whether each can be sent again, and how that is going."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from controltower.domain.dead_letters import INVESTIGATING, NEW, REPLAYABLE
from controltower.domain.processes import Process
from controltower.domain.verdicts import KIND_WORDS, SAFE, Verdict
from controltower.services.dead_letters.lineage import lineage_of
from controltower.store.engine import Connection
from controltower.store.letter_rows import LetterRow

_ONLY_DEAD = (NEW, INVESTIGATING)


class LetterCard(NamedTuple):
    """A dead letter, and the verdict on it while it can be sent again."""

    letter: LetterRow
    verdict: Verdict | None

    @property
    def is_safe(self) -> bool:
        """Whether one click sends it."""
        return self.verdict is not None and self.verdict.kind == SAFE

    @property
    def verdict_words(self) -> str:
        """The verdict as people say it."""
        return KIND_WORDS[self.verdict.kind] if self.verdict else ""

    @property
    def is_told(self) -> bool:
        """Whether its state says more than that it is dead."""
        return self.letter.state not in _ONLY_DEAD

    @property
    def title(self) -> str:
        """What people call it."""
        return self.letter.type or self.letter.message_id or "message"


def list_letter_cards(
    c: Connection, letters: Sequence[LetterRow], processes: Mapping[str, Process]
) -> list[LetterCard]:
    """The letters in their order, those that can be sent again with their verdicts."""
    lineages = lineage_of(c, [row for row in letters if row.state in REPLAYABLE], processes)
    return [LetterCard(row, lineages[row.id].verdict if row.id in lineages else None) for row in letters]
