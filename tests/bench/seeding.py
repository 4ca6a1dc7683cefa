"""Filling a store with journeys faster than through the server: the same functions, without HTTP and JSON.

Each journey gets one or two events, so that every status, stage, system and channel has its share. They start
one after the other over half a year, as in life: names and times grow, keys are random.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Iterator

from controltower.declared import declared_processes
from controltower.domain.facts import FAILED, OK, Event
from controltower.domain.identifiers import CORRELATION, Identifier
from controltower.settings import Settings
from controltower.store.engine import open_database, writing
from controltower.store.facts import commit_facts
from controltower.store.maintenance import checkpoint
from controltower.store.prepared import FactBatch, group_of, prepare
from controltower.store.schema import upgrade
from controltower.wiring import now_us
from tests.bench.stores import Store

_DAY_US = 86_400_000_000
_DAYS = 180
_JOURNEYS_A_COMMIT = 5_000
_CHANNELS = ("web", "app", "marketplace", "store")
_NAMES = ("Ada Lindqvist", "Grace Okafor", "Edsger Brandt", "Barbara Silva", "Tony Marchetti", "Hedy Novak")
# type, system, share of the journeys whose second event it is; the rest has only one event
_SECOND = (
    ("order.completed", "oms", 0.34),
    ("order.accepted", "oms", 0.05),
    ("order.posted", "erp", 0.05),
    ("order.posted.failed", "erp", 0.02),
    ("order.released", "oms", 0.04),
    ("shipment.shipped", "wms", 0.06),
    ("order.cancelled", "shop", 0.03),
)


def order_name(number: int) -> str:
    """The name of the order with this number."""
    return f"NW-{number:08d}"


def seed_journeys(store: Store, journeys: int) -> float:
    """Store so many journeys; returns the seconds it took. No tower may run on the store."""
    started = time.monotonic()
    database = open_database(store.url or f"sqlite:///{store.home / 'controltower.db'}")
    upgrade(database)
    processes = declared_processes(Settings())
    rng = random.Random(journeys)
    for first in range(0, journeys, _JOURNEYS_A_COMMIT):
        numbers = range(first, min(journeys, first + _JOURNEYS_A_COMMIT))
        received_us = now_us()
        events = [event for number in numbers for event in _events(number, journeys, rng, received_us)]
        with writing(database) as connection:
            batch = prepare(FactBatch(events=events))
            commit_facts(connection, group_of([batch], received_us), processes)
        checkpoint(database)
        if sys.stderr.isatty():
            print(f"\r    seeding: {numbers[-1] + 1:,} journeys", end="", file=sys.stderr, flush=True)
    database.dispose()
    return time.monotonic() - started


def _events(number: int, journeys: int, rng: random.Random, received_us: int) -> Iterator[Event]:
    started_us = received_us - _DAYS * _DAY_US * (journeys - number) // journeys
    identifiers = (
        Identifier(CORRELATION, rng.randbytes(16).hex()),
        Identifier("order", order_name(number)),
        Identifier("email", f"customer{number % 400_000}@example.org"),
    )
    yield _event("order.captured", "shop", identifiers, started_us, rng)
    draw = rng.random()
    for kind, system, share in _SECOND:
        draw -= share
        if draw < 0:
            yield _event(kind, system, identifiers[:2], started_us + rng.randrange(_DAY_US), rng)
            return


def _event(
    kind: str, system: str, identifiers: tuple[Identifier, ...], occurred_us: int, rng: random.Random
) -> Event:
    event_id = rng.randbytes(16).hex()
    failed = kind.endswith(".failed")
    return Event(
        source=f"https://{system}.northwind.example",
        id=event_id,
        type=f"com.northwind.{kind}",
        occurred_us=occurred_us,
        digest=rng.randbytes(16),
        identifiers=identifiers,
        system=system,
        outcome=FAILED if failed else OK,
        error_code="SKU_UNMAPPED" if failed else "",
        error_message="no item for this SKU" if failed else "",
        channel=rng.choice(_CHANNELS),
        amount=f"{rng.randrange(9, 900)}.95",
        currency="EUR",
        customer=rng.choice(_NAMES),
        status=kind.rpartition(".")[2],
        content_type="application/cloudevents+json",
        payload=f'{{"specversion":"1.0","id":"{event_id}","source":"{system}","type":"{kind}"}}'.encode(),
    )
