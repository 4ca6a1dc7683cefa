"""Handing letters on: what an edge needs of services.dead_letters.intake."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from collectors.dead_letters.requests import Misunderstood, read_request
from collectors.mapping.telling import Mapping as PayloadMapping
from controltower.domain.dead_letters import DeadLetter
from controltower.domain.errors import BadPayload
from controltower.domain.facts import Quarantined
from controltower.domain.times import to_us
from controltower.services.dead_letters.intake import KNOWN, Taken
from controltower.services.ingest import Receipt

EDGE = "dead-letters"
AT_ONCE = 500  # letters of one transaction


class LetterTaker(Protocol):
    """Takes letters over; services.dead_letters.intake.LetterIntake is the real one."""

    def take(self, letters: Sequence[DeadLetter]) -> Taken:
        """Keep letters; when it returns they are on disk, and the same again changes nothing.

        Raises StoreUnavailable or Overloaded.
        """


class Outcome(NamedTuple):
    """What became of a letter."""

    id: bytes
    status: str  # new, died_again, known


def take_all(taker: LetterTaker, letters: Sequence[DeadLetter]) -> list[Outcome]:
    """Keep any number of letters; one outcome for each. Raises as LetterTaker.take; those before are kept."""
    return list(_taken(taker, letters))


def _taken(taker: LetterTaker, letters: Sequence[DeadLetter]) -> Iterator[Outcome]:
    for begin in range(0, len(letters), AT_ONCE):
        taken = taker.take(letters[begin : begin + AT_ONCE])
        yield from map(Outcome, taken.ids, taken.outcomes)


def held_back(fault: Misunderstood, limit: int) -> Quarantined:
    """What is no letter, to be kept until somebody has put it right."""
    error = fault.fault
    return Quarantined(EDGE, error.reason, str(error), fault.content_type, fault.payload[:limit])


@dataclass(frozen=True, slots=True)
class ReadAgain:
    """Quarantined bytes that are letters by now."""

    letters: Sequence[DeadLetter]
    taker: LetterTaker

    def store(self) -> Receipt:
        """Keep them; each is an event on its journey."""
        statuses = [one.status for one in take_all(self.taker, self.letters)]
        known = statuses.count(KNOWN)
        return Receipt(
            new_events=tuple(status != KNOWN for status in statuses),
            events_stored=len(statuses) - known,
            events_duplicate=known,
            segments_stored=0,
            quarantined=0,
        )


def held_decoder(
    taker: LetterTaker, mappings: Mapping[str, PayloadMapping]
) -> Callable[[bytes, str, Mapping[str, str], datetime], ReadAgain]:
    """Reads quarantined bytes again, as the request that brought them would be read."""

    def decode_held(
        payload: bytes, content_type: str, _headers: Mapping[str, str], now: datetime
    ) -> ReadAgain:
        reading = read_request(payload, content_type, mappings, now_us=to_us(now))
        if reading.faults:
            first = reading.faults[0]
            where = f"item {first.index}: " if first.index else ""
            raise BadPayload(f"{where}{first.fault}")
        return ReadAgain([one.letter for one in reading.letters], taker)

    return decode_held
