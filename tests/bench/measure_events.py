"""Measuring the way in of events: stored and projected into journeys before the reply."""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tests.bench.driving import Plan, Watch, add_check, add_costs, driven
from tests.bench.events import OPEN_ORDERS, STEPS, Orders, batch_requests, single_requests
from tests.bench.figures import Figure, Result
from tests.bench.load import Prepared, Ready, drive
from tests.bench.towers import running_tower_on
from tests.running import Tower

_BATCH = 100
_WARM_UP = 50  # one in so many requests is sent before the clock starts
_SAMPLED_ORDERS = 25


@dataclass(frozen=True)
class _Kind:
    """A way to send events."""

    title: str
    connections: int
    target: float  # events a second
    fastest: int  # events a second: so many are made before the clock starts
    prepare: Callable[[str, Orders, int], list[Prepared]]
    p99: float | None = None  # milliseconds


def _batches(address: str, orders: Orders, events: int) -> list[Prepared]:
    return batch_requests(address, orders, count=events // _BATCH, size=_BATCH)


_IN_BATCHES = _Kind(f"events in batches of {_BATCH}", 32, 10_000, 60_000, _batches)
_SINGLE = _Kind("single events", 64, 4_000, 25_000, single_requests, p99=100.0)


def measure_events(store_name: str, plan: Plan, watch: Watch) -> None:
    """Batches of 100."""
    _measure(_IN_BATCHES, store_name, plan, watch)


def measure_single(store_name: str, plan: Plan, watch: Watch) -> None:
    """One event a request."""
    _measure(_SINGLE, store_name, plan, watch)


def _measure(kind: _Kind, store_name: str, plan: Plan, watch: Watch) -> None:
    with running_tower_on(store_name) as (store, tower):
        orders = Orders(secrets.token_hex(3), random.Random(1))
        requests = kind.prepare(tower.http, orders, int(plan.seconds * kind.fastest))
        first = len(requests) // _WARM_UP
        before = drive(tower.http, Ready(requests[:first]), connections=kind.connections)
        watch(tower.process.pid)
        load, spent = driven(
            store,
            tower,
            tower.http,
            Ready(requests[first:]),
            connections=kind.connections,
            seconds=plan.seconds,
        )
        size = sum(len(r.data) for r in requests) // sum(r.facts for r in requests)
        result = Result(
            f"{kind.title}, {store_name}",
            (
                f"{size} bytes an event, head of the request included; {len(STEPS)} events an order, "
                f"{OPEN_ORDERS} orders open at once",
                f"{kind.connections} connections, {load.seconds:.1f} s, {load.facts:,} events",
            ),
        )
        stored = before.facts + load.facts
        result.figures.append(Figure("stored and projected", load.rate, "events/s", kind.target))
        add_costs(result, load, spent, tower, "event", p99=kind.p99)
        add_check(result, store, "events", stored)
        result.figures.append(Figure("disk", store.disk_bytes() / stored, "bytes/event"))
        result.notes.append(_check_journeys(tower, orders.done[:_SAMPLED_ORDERS]))
        result.show()


def _check_journeys(tower: Tower, orders: Sequence[str]) -> str:
    """Whether the first orders, all of whose events were sent, are journeys with all of them."""
    token = tower.create_token("viewer")
    wrong = [name for name in orders if not _is_done(tower.get("/api/v1/search", token, q=name))]
    if wrong:
        return f"WRONG: {len(wrong)} of {len(orders)} orders are not complete journeys, such as {wrong[0]}"
    return f"{len(orders)} sampled orders are found by name, each a done journey of {len(STEPS)} events"


def _is_done(found: Any) -> bool:
    journeys = [hit["journey"] for hit in found["hits"] if hit.get("journey")]
    return any(j["status"] == "done" and j["event_count"] == len(STEPS) for j in journeys)
