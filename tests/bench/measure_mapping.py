"""Measuring what a mapping costs: from the bytes of a payload to the events that are handed to the store."""

from __future__ import annotations

import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from collectors.mapping.catalogue import load_built_in
from collectors.mapping.payloads import map_payload
from collectors.mapping.telling import Mapping
from tests.bench.figures import Figure, Result, percentile

SAMPLES = Path(__file__).parents[1] / "collectors" / "mapping" / "samples"
_MOST_US = 150.0
_ROUNDS = 300


def measure_mapping() -> None:
    """Map every sample of the shipped mappings many times, and print the cost of an event."""
    costs: list[float] = []
    by_mapping: dict[str, list[float]] = {}
    for mapping, payload, headers in _samples():
        found = _costs(mapping, payload, headers)
        costs += found
        by_mapping.setdefault(mapping.name, []).extend(found)
    dearest = sorted(((percentile(found, 0.5), name) for name, found in by_mapping.items()), reverse=True)
    Result(
        "mapping, one thread",
        (f"{len(by_mapping)} shipped mappings, their samples {_ROUNDS} times each",),
        [
            Figure("p50", percentile(costs, 0.5), "us an event", _MOST_US, is_most=True),
            Figure("p95", percentile(costs, 0.95), "us an event"),
            *(Figure(f"p50 of {name}", cost, "us an event") for cost, name in dearest[:5]),
        ],
    ).show()


def _samples() -> Iterator[tuple[Mapping, bytes, dict[str, str]]]:
    expected: list[dict[str, Any]] = tomllib.loads((SAMPLES / "expected.toml").read_text())["samples"]
    for sample in expected:
        mapping = load_built_in(sample["file"].partition("/")[0])
        yield mapping, (SAMPLES / sample["file"]).read_bytes(), sample.get("headers", {})


def _costs(mapping: Mapping, payload: bytes, headers: dict[str, str]) -> list[float]:
    """Microseconds for each event of the payload, once for every round."""
    costs = []
    for _ in range(_ROUNDS):
        start = time.perf_counter_ns()
        mapped = map_payload(mapping, payload, headers, received_us=0)
        spent = (time.perf_counter_ns() - start) / 1000
        costs += [spent / len(mapped.events)] * len(mapped.events)
    return costs


if __name__ == "__main__":
    measure_mapping()
