"""Measuring the way in: spans, events in batches, single events."""

from __future__ import annotations

import gc
import random
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tests.bench.events import OPEN_ORDERS, STEPS, Orders, batch_requests, single_requests
from tests.bench.figures import Figure, Result, latency_figures, load_figures, load_notes
from tests.bench.load import Load, Prepared, Ready, Source, drive
from tests.bench.machine import Usage, peak_memory_mb
from tests.bench.spans import SPANS, SPANS_A_TRACE, SpanSource
from tests.bench.stores import SQLITE, Store
from tests.bench.towers import running_tower_on, used
from tests.browser.running import Tower

_SPAN_CONNECTIONS = 6
_BATCH_CONNECTIONS = 8
_SINGLE_CONNECTIONS = 64
_BATCH = 100
_FASTEST_EVENTS = 40_000  # a second: so many are made before the clock starts
_FASTEST_SINGLE = 25_000
_SPAN_TARGETS = {SQLITE: (150_000, 120_000)}
_SPAN_TARGETS_POSTGRESQL = (100_000, 80_000)
_SAMPLED_ORDERS = 25


@dataclass(frozen=True)
class Effort:
    """How long and how much to measure."""

    seconds: float
    stored_spans: Sequence[int]  # measure with so many stored
    journeys: int


def measure_spans(store_name: str, effort: Effort, shape: str, watch: Callable[[int], None]) -> list[Result]:
    """Trace requests, at each fill level; the level is reached through the server itself."""
    targets = _SPAN_TARGETS.get(store_name, _SPAN_TARGETS_POSTGRESQL)
    results = []
    with running_tower_on(store_name) as (store, tower):
        source = SpanSource(tower.otlp_http, shape=shape, templates=40, seed=random.getrandbits(32))
        sent = 0
        for level in effort.stored_spans:
            filled = drive(
                tower.otlp_http, source, connections=_SPAN_CONNECTIONS, facts=max(SPANS, level - sent)
            )
            sent += filled.facts
            watch(tower.process.pid)
            load, spent = _driven(store, tower, tower.otlp_http, source, _SPAN_CONNECTIONS, effort.seconds)
            target = targets[0] if level < 1_000_000 else targets[1]
            result = Result(
                f"spans, {store_name}, from {sent / 1e6:.1f} M stored on",
                f"{SPANS} spans a request of {source.body_bytes // 1024} KiB ({shape}), 12 attributes a span, "
                f"{SPANS_A_TRACE} spans a trace, OTLP protobuf, {_SPAN_CONNECTIONS} connections, "
                f"{load.seconds:.1f} s, {load.facts:,} spans",
                [Figure("stored", load.rate, "spans/s", target)],
            )
            sent += load.facts
            _finish(result, load, spent, "span")
            result.figures.append(Figure("server memory, peak", peak_memory_mb(tower.process.pid), "MB", 400, True))
            _check(result, store, "spans", sent)
            _add_disk(result, store, sent)
            results.append(result)
            result.show()
    return results


def measure_events(store_name: str, effort: Effort, watch: Callable[[int], None]) -> list[Result]:
    """Batches of 100 events, stored and projected before the reply."""
    return _measure_orders(
        store_name,
        effort,
        watch,
        title="events in batches of 100",
        connections=_BATCH_CONNECTIONS,
        target=10_000,
        p99=None,
        prepare=lambda address, orders: batch_requests(
            address, orders, count=int(effort.seconds * _FASTEST_EVENTS) // _BATCH, size=_BATCH
        ),
    )


def measure_single(store_name: str, effort: Effort, watch: Callable[[int], None]) -> list[Result]:
    """One event a request."""
    return _measure_orders(
        store_name,
        effort,
        watch,
        title="single events",
        connections=_SINGLE_CONNECTIONS,
        target=4_000,
        p99=100.0,
        prepare=lambda address, orders: single_requests(
            address, orders, count=int(effort.seconds * _FASTEST_SINGLE)
        ),
    )


def _measure_orders(
    store_name: str,
    effort: Effort,
    watch: Callable[[int], None],
    *,
    title: str,
    connections: int,
    target: float,
    p99: float | None,
    prepare: Callable[[str, Orders], list[Prepared]],
) -> list[Result]:
    with running_tower_on(store_name) as (store, tower):
        orders = Orders(secrets.token_hex(3), random.Random(1))
        # The first tenth warms up: 500 orders become open, caches and statements are there.
        requests = prepare(tower.http, orders)
        warm_up, rest = requests[: len(requests) // 50], requests[len(requests) // 50 :]
        size = sum(len(r.data) for r in rest[:100]) // sum(r.facts for r in rest[:100])
        before = drive(tower.http, Ready(warm_up), connections=connections)
        watch(tower.process.pid)
        load, spent = _driven(store, tower, tower.http, Ready(rest), connections, effort.seconds)
        result = Result(
            f"{title}, {store_name}",
            f"{size} bytes an event, {len(STEPS)} events an order, {OPEN_ORDERS} orders open at once, "
            f"projected before the reply, {connections} connections, {load.seconds:.1f} s, {load.facts:,} events",
            [Figure("stored and projected", load.rate, "events/s", target)],
        )
        _finish(result, load, spent, "event", p99=p99)
        result.figures.append(Figure("server memory, peak", peak_memory_mb(tower.process.pid), "MB"))
        _check(result, store, "events", before.facts + load.facts)
        result.figures.append(Figure("disk", store.disk_bytes() / (before.facts + load.facts), "bytes/event"))
        result.notes.extend(_check_journeys(tower, orders.done[:_SAMPLED_ORDERS]))
        result.show()
    return [result]


def _driven(
    store: Store, tower: Tower, address: str, source: Source, connections: int, seconds: float
) -> tuple[Load, Usage]:
    gc.collect()
    gc.disable()  # a pause of the driver's would count as the server's
    before = used(store, tower)
    load = drive(address, source, connections=connections, seconds=seconds)
    spent = used(store, tower).since(before)
    gc.enable()
    return load, spent


def _finish(result: Result, load: Load, spent: Usage, unit: str, *, p99: float | None = None) -> None:
    result.figures.extend(latency_figures(load.latencies, p99=p99))
    result.figures.extend(load_figures(load, spent, unit))
    result.notes.extend(load_notes(load))


def _check(result: Result, store: Store, what: str, expected: int) -> None:
    """Acknowledged is stored, exactly."""
    found = store.count(what)
    verdict = "all there, each once" if found == expected else f"WRONG, the store has {found:,}"
    result.notes.append(f"{expected:,} {what} acknowledged since the start: {verdict}")


def _add_disk(result: Result, store: Store, spans: int) -> None:
    result.figures.append(Figure("disk", store.disk_bytes() / spans, "bytes/span", 100, True))
    sizes = [f"{name} {size / spans:.1f}" for name, size in store.sizes()[:7]]
    result.notes.append(f"bytes a span by table and index: {', '.join(sizes) or 'not known'}")


def _check_journeys(tower: Tower, orders: Sequence[str]) -> list[str]:
    """Whether orders whose events were all sent first are journeys with all of them."""
    token = tower.create_token("viewer")
    wrong = [name for name in orders if not _is_done(tower.get("/api/v1/search", token, q=name))]
    if wrong:
        return [f"WRONG: {len(wrong)} of {len(orders)} orders are not complete journeys, such as {wrong[0]}"]
    return [f"{len(orders)} of {len(orders)} sampled orders are found by name as done journeys of {len(STEPS)} events"]


def _is_done(found: Any) -> bool:
    journeys = [hit["journey"] for hit in found["hits"] if hit.get("journey")]
    return any(j["status"] == "done" and j["event_count"] == len(STEPS) for j in journeys)
