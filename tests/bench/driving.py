"""Driving a tower and writing down what it cost, whatever the facts are."""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import dataclass

from tests.bench.figures import Figure, Result, latency_figures, load_figures, load_notes
from tests.bench.load import Load, Source, drive
from tests.bench.machine import Usage, peak_memory_mb, usage
from tests.bench.stores import Store
from tests.running import Tower

Watch = Callable[[int], None]


@dataclass(frozen=True)
class Plan:
    """How long and how much to measure."""

    seconds: float
    span_levels: tuple[int, ...]  # measure with so many spans stored
    journeys: int  # stored, when reading is measured


def used(store: Store, tower: Tower) -> Usage:
    """CPU seconds so far."""
    return usage(tower.process.pid, store.processes())


def driven(
    store: Store, tower: Tower, address: str, source: Source, *, connections: int, seconds: float
) -> tuple[Load, Usage]:
    """What the tower took in that time, and what it cost whom."""
    gc.collect()
    gc.disable()  # a pause of the driver's would count as the server's
    before = used(store, tower)
    load = drive(address, source, connections=connections, seconds=seconds)
    spent = used(store, tower).since(before)
    gc.enable()
    return load, spent


def add_costs(
    result: Result, load: Load, spent: Usage, tower: Tower, unit: str, *, p99: float | None = None
) -> None:
    """Write down latencies, CPU time and memory."""
    result.figures.extend(latency_figures(load.latencies, p99=p99))
    result.figures.extend(load_figures(load, spent, unit))
    peak = peak_memory_mb(tower.process.pid)
    result.figures.append(Figure("server memory, peak", peak, "MB", 400, is_most=True))
    result.notes.extend(load_notes(load))


def add_check(result: Result, store: Store, what: str, expected: int) -> None:
    """Write down whether what was acknowledged is what is stored."""
    found = store.count(what)
    verdict = "all there, each once" if found == expected else f"WRONG, the store has {found:,}"
    result.notes.append(f"{expected:,} {what} acknowledged since the start: {verdict}")
