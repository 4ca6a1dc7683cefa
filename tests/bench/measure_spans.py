"""Measuring the way in of spans."""

from __future__ import annotations

import random

from tests.bench.driving import Plan, Watch, add_check, add_costs, driven
from tests.bench.figures import Figure, Result
from tests.bench.load import drive
from tests.bench.spans import COLLECTOR, REPEATED, SDK, SPANS, SPANS_A_TRACE, VARIED, SpanSource
from tests.bench.stores import POSTGRESQL, SQLITE, Store
from tests.bench.towers import running_tower_on

_CONNECTIONS = 6
_TEMPLATES = 40
_MANY = 1_000_000
_TARGETS = {SQLITE: (150_000, 120_000), POSTGRESQL: (100_000, 80_000)}  # with few, with many stored
_MOST_BYTES = 100
_SHAPES = {COLLECTOR: "of four services", SDK: "of one service"}
_KEYS = {REPEATED: "the same keys on every span", VARIED: "keys by the kind of span"}


def measure_spans(store_name: str, plan: Plan, shape: str, keys: str, watch: Watch) -> None:
    """Trace requests, at each fill level; the level is reached through the server itself."""
    few, many = _TARGETS[store_name]
    with running_tower_on(store_name) as (store, tower):
        address = tower.otlp_http
        source = SpanSource(
            address, shape=shape, keys=keys, templates=_TEMPLATES, seed=random.getrandbits(32)
        )
        stored = 0
        for level in plan.span_levels:
            missing = max(SPANS, level - stored)
            stored += drive(address, source, connections=_CONNECTIONS, facts=missing).facts
            watch(tower.process.pid)
            load, spent = driven(
                store, tower, address, source, connections=_CONNECTIONS, seconds=plan.seconds
            )
            result = Result(
                f"spans, {store_name}, from {stored / 1e6:.1f} M stored on",
                (
                    f"{SPANS} spans a request of {source.body_bytes // 1024} KiB, {_SHAPES[shape]}",
                    f"12 attributes a span, {_KEYS[keys]}; {SPANS_A_TRACE} spans a trace; OTLP protobuf",
                    f"{_CONNECTIONS} connections, {load.seconds:.1f} s, {load.facts:,} spans",
                ),
            )
            result.figures.append(Figure("stored", load.rate, "spans/s", few if level < _MANY else many))
            stored += load.facts
            add_costs(result, load, spent, tower, "span")
            add_check(result, store, "spans", stored)
            _add_disk(result, store, stored)
            result.show()


def _add_disk(result: Result, store: Store, spans: int) -> None:
    bytes_a_span = store.disk_bytes() / spans
    result.figures.append(Figure("disk", bytes_a_span, "bytes/span", _MOST_BYTES, is_most=True))
    sizes = [f"{name} {size / spans:.1f}" for name, size in store.sizes()[:6]]
    result.notes.append(f"bytes a span by table and index: {', '.join(sizes) or 'not known'}")
