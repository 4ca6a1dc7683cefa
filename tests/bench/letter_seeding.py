"""Filling a store with dead letters about seeded orders: through the intake, without HTTP and brokers.

Two hundred kinds of failure, few of them frequent, as in life; most letters are new, a tenth is closed.
"""

from __future__ import annotations

import random
import time
from dataclasses import replace
from datetime import timedelta
from itertools import accumulate

from controltower.declared import declared_processes
from controltower.domain.dead_letters import LIVE, DeadLetter
from controltower.domain.identifiers import Identifier
from controltower.domain.messages import Death, Message
from controltower.domain.processes import ProcessBook
from controltower.domain.times import from_us
from controltower.services.dead_letters.desk import Desk
from controltower.services.dead_letters.following import follow_once
from controltower.services.dead_letters.intake import LetterIntake
from controltower.services.failure_rules import RuleShelf
from controltower.services.ingest import Ingest
from controltower.services.writers import InlineWriter
from controltower.settings import Settings
from controltower.store.engine import Database, open_database
from controltower.store.letter_rows import LetterFilter
from controltower.store.maintenance import checkpoint
from controltower.wiring import now_us
from tests.bench.seeding import order_name
from tests.bench.stores import Store

_KINDS = 200
_LETTERS_A_TAKE = 1_000
_DAY_US = 86_400_000_000
_DAYS = 14
_TYPES = ("order.posted", "order.released", "shipment.shipped", "invoice.issued", "payment.captured")
_SYSTEMS = ("middleware", "erp", "wms", "tax", "crm")
_WORDS = (
    "mapping",
    "address",
    "stock",
    "currency",
    "customer",
    "warehouse",
    "carrier",
    "tax",
    "price",
    "line",
)
_CUSTOMS = list(accumulate(1 / (rank + 1) for rank in range(_KINDS)))  # Zipf: the second half as often


def seed_letters(store: Store, letters: int, journeys: int) -> float:
    """Store so many letters about the first of so many seeded journeys; returns the seconds it took."""
    started = time.monotonic()
    database = open_database(store.url or f"sqlite:///{store.home / 'controltower.db'}")
    processes = ProcessBook(declared_processes(Settings()))
    ingest = Ingest(InlineWriter(database, processes), now_us)
    ingest.start()
    intake = LetterIntake(database, ingest, RuleShelf(), now_us)
    rng = random.Random(letters)
    for first in range(0, letters, _LETTERS_A_TAKE):
        intake.take(
            [_letter(number, journeys, rng) for number in range(first, min(letters, first + _LETTERS_A_TAKE))]
        )
        checkpoint(database)
    while follow_once(database, processes, from_us(now_us())):
        pass
    _close_some(database)
    checkpoint(database)
    ingest.close()
    database.dispose()
    return time.monotonic() - started


def _letter(number: int, journeys: int, rng: random.Random) -> DeadLetter:
    kind = rng.choices(range(_KINDS), cum_weights=_CUSTOMS)[0]
    failed_us = now_us() - rng.randrange(_DAYS * _DAY_US)
    order = order_name(number % max(1, journeys))
    queue = f"{_SYSTEMS[kind % 5]}.{kind % 20}"
    body = f'{{"order":"{order}","email":"customer{number}@example.org","lines":[{{"sku":"TBL-{kind}"}}]}}'
    return DeadLetter(
        source="bus",
        place=f"{queue}.dlq",
        position=str(number),
        message=Message(body.encode(), (("x-tenant", "eu"),), "application/json", f"m{number}"),
        origin_connection="bus",
        origin_place=queue,
        type=_TYPES[kind % 5],
        system=_SYSTEMS[kind % 5],
        identifiers=(Identifier("order", order),),
        deaths=(Death(queue, "rejected", 1, failed_us),),
        error_class="",
        error_code=f"E_{_WORDS[kind % 10].upper()}",
        error_message=f"{_WORDS[kind % 10]} {chr(97 + kind // 26)}{chr(97 + kind % 26)} refused for {order}",
        error_frame="",
        occurred_us=failed_us - 1_000_000,
        failed_us=failed_us,
        amount=f"{rng.randrange(9, 900)}.95",
        currency=rng.choice(("EUR", "EUR", "USD")),
        due_us=failed_us + rng.randrange(30) * _DAY_US,
    )


def _close_some(database: Database) -> None:
    at = from_us(now_us())
    old = LetterFilter(states=LIVE, until=at - timedelta(days=_DAYS * 0.9))
    desk = Desk(database)
    desk.discard(replace(old, system="crm"), "test data", by="bench", now=at)
    desk.resolve(old, "settled by hand", by="bench", now=at)
