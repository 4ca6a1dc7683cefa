"""Everything that a replay needs, on a real store, with a target in memory and a clock that tests move."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from controltower.domain.dead_letters import DeadLetter
from controltower.domain.errors import NotFound
from controltower.domain.facts import Event
from controltower.domain.identifiers import Identifier
from controltower.domain.messages import CONFIRMED, Death, Message, Outgoing, Sent
from controltower.domain.processes import ProcessBook
from controltower.services.dead_letters.following import expire_once, follow_once
from controltower.services.dead_letters.intake import LetterIntake, Taken
from controltower.services.failure_rules import RuleShelf
from controltower.services.ingest import FactBatch, Ingest
from controltower.services.replay.executing import Executor
from controltower.services.replay.planning import Planner, Wish
from controltower.services.replay.steering import start
from controltower.services.writers import InlineWriter
from controltower.store.engine import Database, reading
from controltower.store.letter_rows import LetterRow
from controltower.store.letters import get_letter
from controltower.store.replays import Item, Plan, get_plan, list_items
from tests.builders import NOW, an_event, order_to_cash, us

_numbers = itertools.count(1)


class MemoryTargets:
    """Takes every message, unless told otherwise."""

    def __init__(self, *names: str) -> None:
        self._names = names
        self.sent: list[Outgoing] = []
        self.rate = 0  # messages a second; 0 for no limit
        self.answer: Callable[[Outgoing], Sent] = lambda message: Sent(CONFIRMED)

    def names(self) -> Sequence[str]:
        return self._names

    def rate_of(self, connection: str) -> int:
        return self.rate

    def open(self, connection: str) -> MemoryTargets:
        if connection not in self._names:
            raise NotFound(f"No connection {connection!r} is declared.")
        return self

    def send(self, messages: Sequence[Outgoing]) -> list[Sent]:
        self.sent.extend(messages)
        return [self.answer(message) for message in messages]

    def close(self) -> None:
        """Nothing is open."""


def a_letter(
    order: str = "1001",
    *more: tuple[str, str],
    type: str = "order.posted",
    at: datetime = NOW,
    body: bytes = b'{"order": "1001"}',
    message_id: str = "",
    headers: tuple[tuple[str, str], ...] = (),
    position: str = "",
    error: str = "No mapping for SKU TBL-1",
    **rest: object,
) -> DeadLetter:
    """A message that the middleware could not post to the ERP."""
    number = next(_numbers)
    letter = DeadLetter(
        source="bus",
        place="erp.post.dlq",
        position=position or f"p{number}",
        message=Message(body, headers, "application/json", message_id or f"m{number}"),
        origin_connection="bus",
        origin_place="erp.post",
        type=type,
        system="middleware",
        identifiers=tuple(Identifier(*pair) for pair in (("order", order), *more) if pair[1]),
        deaths=(Death("erp.post", "rejected", 1, us(at)),),
        error_class="MappingError",
        error_code="SKU_UNMAPPED",
        error_message=error,
        error_frame="",
        occurred_us=us(at),
        failed_us=us(at),
    )
    return letter._replace(**rest)  # type: ignore[arg-type]


@dataclass
class Rig:
    """A tower without its edges."""

    db: Database
    targets: MemoryTargets = field(default_factory=lambda: MemoryTargets("bus", "erp"))
    now: datetime = NOW + timedelta(minutes=1)

    def __post_init__(self) -> None:
        self.processes = ProcessBook({"order-to-cash": order_to_cash()})
        self.ingest = Ingest(InlineWriter(self.db, self.processes), lambda: us(self.now))
        self.ingest.start()
        self.intake = LetterIntake(self.db, self.ingest, RuleShelf(), lambda: us(self.now))
        self.planner = Planner(self.db, self.processes, self.targets)
        self.executor = self.worker("one")

    def worker(self, name: str) -> Executor:
        return Executor(self.db, self.processes, self.targets, self.planner, name, lambda: self.now)

    def close(self) -> None:
        self.ingest.close()

    def pass_time(self, **parts: float) -> None:
        self.now += timedelta(**parts)

    def tell(self, type: str, *identifiers: tuple[str, str], at: datetime | None = None, **rest: Any) -> None:
        """A system reports that something was done."""
        self.post(an_event(type, *identifiers, at=at or self.now, **rest))

    def post(self, *events: Event) -> None:
        self.ingest.submit(FactBatch(events=events, size=1)).result(10)
        self.follow()

    def take(self, *letters: DeadLetter) -> Taken:
        taken = self.intake.take(letters)
        self.follow()
        return taken

    def follow(self) -> None:
        while follow_once(self.db, self.processes, self.now):
            pass

    def plan(self, *ids: bytes, by: str = "sam", **rest: object) -> Plan:
        return self.planner.make(Wish(ids, **rest), by=by, now=self.now)  # type: ignore[arg-type]

    def start(self, plan: Plan, *, by: str = "sam", may_force: bool = False, reason: str = "") -> None:
        start(self.db, plan.id, plan.digest, by=by, may_force=may_force, reason=reason, now=self.now)

    def work(self, worker: Executor | None = None, most: int = 10_000) -> None:
        """Let a worker do all that it can do now."""
        for _ in range(most):
            if not (worker or self.executor).run_once():
                return

    def expire(self) -> None:
        while expire_once(self.db, self.now):
            pass

    def letter(self, letter_id: bytes) -> LetterRow:
        with reading(self.db) as c:
            return get_letter(c, letter_id)

    def current(self, plan: Plan) -> Plan:
        with reading(self.db) as c:
            return get_plan(c, plan.id)

    def items(self, plan: Plan) -> list[Item]:
        with reading(self.db) as c:
            return list_items(c, plan.id, (), -1, 100_000)

    def states(self, plan: Plan) -> list[str]:
        return [item.state for item in self.items(plan)]


def died_again(sent: Outgoing, at: datetime, **rest: object) -> DeadLetter:
    """What comes back when the receiver gives a replay up again."""
    letter = a_letter(at=at, body=sent.message.body, message_id=sent.message.message_id, **rest)  # type: ignore[arg-type]
    return letter._replace(message=sent.message)
