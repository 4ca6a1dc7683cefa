"""Dead letters from brokers: what the connections file says of a place, and what its messages say."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from collectors.brokers.connections import Declared, LettersFrom
from collectors.dead_letters.reading import Said, read_letter
from collectors.dead_letters.taking import LetterTaker
from collectors.mapping.telling import Mapping as PayloadMapping
from controltower.domain.dead_letters import DeadLetter
from controltower.domain.messages import Received


class BrokerLetters:
    """Takes over what connections hand out."""

    def __init__(
        self,
        connections: Mapping[str, Declared],
        mappings: Mapping[str, PayloadMapping],
        taker: LetterTaker,
        now_us: Callable[[], int],
    ) -> None:
        self._declared = {
            (name, letters.place): letters
            for name, declared in connections.items()
            for letters in declared.table.letters
        }
        self._mappings = mappings
        self._taker = taker
        self._now_us = now_us

    def take(self, connection: str, received: Sequence[Received]) -> None:
        """Keep messages of a connection; when it returns they may be settled.

        Raises StoreUnavailable or Overloaded; some may be kept then, and taking them again changes nothing.
        """
        now_us = self._now_us()
        self._taker.take([self._letter(connection, one, now_us) for one in received])

    def _letter(self, connection: str, received: Received, now_us: int) -> DeadLetter:
        declared = self._declared.get((connection, received.place)) or LettersFrom(place=received.place)
        origin = declared.origin
        said = Said(
            type=declared.type,
            system=declared.system,
            origin_connection=(origin.connection if origin else "") or connection,
            origin_place=origin.place if origin else "",
        )
        return read_letter(connection, received, said, self._mappings.get(declared.mapping), now_us=now_us)
