"""Documents to hand over, and somebody who takes the letters."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from collectors.dead_letters.documents import read_document
from controltower.domain.dead_letters import DeadLetter, death_of, id_of
from controltower.domain.errors import StoreUnavailable
from controltower.domain.replays import DIED_AGAIN
from controltower.services.dead_letters.intake import FRESH, KNOWN, Taken

NOW_US = 1_767_225_600_000_000  # 2026-01-01T00:00:00Z


class FakeTaker:
    """Keeps letters in memory, and tells repeats apart as the real intake does."""

    def __init__(self) -> None:
        self.letters: list[DeadLetter] = []
        self.is_down = False
        self.calls = 0
        self._known: dict[bytes, set[bytes]] = {}

    def take(self, letters: Sequence[DeadLetter]) -> Taken:
        self.calls += 1
        if self.is_down:
            raise StoreUnavailable("the store is away")
        self.letters += letters
        return Taken(tuple(map(id_of, letters)), tuple(map(self._outcome, letters)))

    def _outcome(self, letter: DeadLetter) -> str:
        deaths = self._known.setdefault(id_of(letter), set())
        outcome = KNOWN if death_of(letter) in deaths else DIED_AGAIN if deaths else FRESH
        deaths.add(death_of(letter))
        return outcome


def a_document(**changes: Any) -> dict[str, Any]:
    """A dead letter that says all that one can say; a change to None takes the field out."""
    document = {
        "message_id": "m-1001",
        "body": {"order": "1001", "lines": [{"sku": "TBL-DIN-OAK", "price": 849.00}]},
        "headers": {"x-tenant": "eu", "traceparent": "00-" + "a" * 32 + "-" + "b" * 16 + "-01"},
        "key": "1001",
        "type": "order.posted",
        "system": "middleware",
        "identifiers": {"order": "1001", "sku": ["TBL-DIN-OAK", "CHR-1"]},
        "correlation_id": "c-1001",
        "origin": {"connection": "middleware", "place": "erp.post"},
        "place": "erp.post.dead",
        "error": {
            "class": "MappingError",
            "code": "SKU_UNMAPPED",
            "message": "No ERP item is mapped to SKU TBL-DIN-OAK",
            "stack": "Traceback (most recent call last):\n"
            '  File "/app/middleware/posting.py", line 7, in post\n    map_sku(line)\n'
            "MappingError: No ERP item",
        },
        "deaths": [
            {"place": "erp.post", "reason": "rejected", "times": 3, "died_at": "2025-12-31T23:00:00Z"},
        ],
        "occurred_at": "2025-12-31T22:00:00Z",
        "failed_at": "2025-12-31T23:00:00Z",
        "total": {"amount": 849.00, "currency": "EUR"},
        "due_at": "2026-01-02T12:00:00Z",
        "customer": {"id": "C-7", "name": "Ines Almeida", "email": "ines@example.com"},
        "channel": "web",
    }
    return {name: value for name, value in (document | changes).items() if value is not None}


def encoded(document: object) -> bytes:
    """A document as a request body."""
    return json.dumps(document).encode()


def read(**changes: Any) -> DeadLetter:
    """The letter of `a_document`."""
    return read_document(encoded(a_document(**changes)), {}, now_us=NOW_US)
