"""Doing things at once and in order: what shares a key is done one after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def lanes_of(keys: Sequence[str]) -> list[list[int]]:
    """The positions of equal keys together, in order; what has no key ("") is a lane of its own."""
    lanes: list[list[int]] = []
    by_key: dict[str, list[int]] = {}
    for position, key in enumerate(keys):
        lane = by_key.get(key) if key else None
        if lane is None:
            lane = []
            lanes.append(lane)
            if key:
                by_key[key] = lane
        lane.append(position)
    return lanes


def run_in_lanes(
    executor: Executor,
    items: Sequence[Item],
    keys: Sequence[str],
    act: Callable[[Item], Result],
    *,
    stops_lane: Callable[[Result], bool],
    skipped: Result,
) -> list[Result]:
    """What `act` gives for each item, in the order of the items. Those of one key never overlap; after a
    result that stops their lane the rest of them is not tried and gets `skipped`."""
    results = [skipped] * len(items)

    def run(lane: list[int]) -> None:
        for position in lane:
            results[position] = act(items[position])
            if stops_lane(results[position]):
                return

    for future in [executor.submit(run, lane) for lane in lanes_of(keys)]:
        future.result()
    return results
