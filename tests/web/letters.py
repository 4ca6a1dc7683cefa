"""Dead letters for the tests of the web."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from controltower.domain.dead_letters import DeadLetter
from controltower.domain.identifiers import Identifier
from controltower.domain.messages import Death, Message
from controltower.domain.processes import Process
from controltower.services.dead_letters.following import follow_once
from controltower.services.dead_letters.intake import LetterIntake
from controltower.services.failure_rules import RuleShelf
from controltower.store.engine import reading
from controltower.store.letter_rows import LetterRow
from controltower.store.letters import get_letter
from tests.builders import an_event, us
from tests.web.tower import Tower

_WORTH = {"amount": "129.90", "currency": "EUR", "customer": "Jane Doe"}
BODY = b'{"order":"1001","total":129.90,"customer":{"name":"Jane Doe","email":"jane@example.com"}}'


@dataclass
class Letters:
    """Takes letters over for a tower, as brokers and the API do."""

    tower: Tower
    processes: dict[str, Process]

    def take(self, *letters: DeadLetter) -> list[str]:
        """Keep them; their ids as addresses have them."""
        now_us = self.tower.clock.now_us
        taken = LetterIntake(self.tower.db, self.tower.ingest, RuleShelf(), now_us).take(letters)
        self.follow()
        return [one.hex() for one in taken.ids]

    def one(self, order: str = "1001", **parts: Any) -> str:
        """A letter of its own, on the journey of an order that was captured and accepted."""
        at = self.tower.clock()
        self.tower.store(
            an_event(
                "order.captured",
                ("order", order),
                at=at - timedelta(hours=2),
                amount="129.90",
                currency="EUR",
            ),
            an_event("order.accepted", ("order", order), at=at - timedelta(hours=1), source="/oms"),
        )
        return self.take(self.letter(order, **parts))[0]

    def letter(self, order: str = "1001", **parts: Any) -> DeadLetter:
        """A message that the middleware could not post to the ERP."""
        at = us(parts.pop("at", self.tower.clock() - timedelta(minutes=10)))
        body, headers = parts.pop("body", BODY), parts.pop("headers", (("x-tenant", "eu"),))
        content_type = parts.pop("content_type", "application/json")
        letter = DeadLetter(
            source="bus",
            place="erp.post.dlq",
            position=f"{order}-{at}",
            message=Message(body, headers, content_type, f"m-{order}"),
            origin_connection="bus",
            origin_place="erp.post",
            type="order.posted",
            system="middleware",
            identifiers=(Identifier("order", order),),
            deaths=(Death("erp.post", "rejected", 3, at),),
            error_class="",
            error_code="SKU_UNMAPPED",
            error_message="No mapping for SKU TBL-1",
            error_frame="",
            occurred_us=at,
            failed_us=at,
        )
        return letter._replace(**parts)

    def follow(self) -> None:
        """Let the worker put them on their journeys."""
        while follow_once(self.tower.db, self.processes, self.tower.clock()):
            pass

    def row(self, letter_id: str) -> LetterRow:
        """The letter as it is now."""
        with reading(self.tower.db) as c:
            return get_letter(c, bytes.fromhex(letter_id))
