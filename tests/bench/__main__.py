"""`python -m tests.bench`: measure the real server, one store after the other."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.bench.machine import described
from tests.bench.measure_facts import Effort, measure_events, measure_single, measure_spans
from tests.bench.profiling import watcher
from tests.bench.spans import COLLECTOR, SHAPES
from tests.bench.stores import STORES, NoDatabase

_KINDS = ("spans", "events", "single")


def main() -> None:
    """Measure what was asked for, and print it."""
    options = _options()
    effort = _effort(options)
    print(described(), flush=True)
    for store in STORES if options.store == "both" else (options.store,):
        for kind in options.only or _KINDS:
            try:
                _measure(kind, store, effort, options)
            except NoDatabase as exc:
                print(f"\n{kind}, {store}: not measured: {exc}")


def _measure(kind: str, store: str, effort: Effort, options: argparse.Namespace) -> None:
    watch = watcher(options.profile, f"{kind}-{store}", effort.seconds)
    if kind == "spans":
        measure_spans(store, effort, options.shape, watch)
    elif kind == "events":
        measure_events(store, effort, watch)
    elif kind == "single":
        measure_single(store, effort, watch)


def _effort(options: argparse.Namespace) -> Effort:
    seconds = options.seconds or (3.0 if options.quick else 10.0)
    levels = (100_000, 5_000_000) if options.full else (100_000,)
    journeys = options.journeys or (20_000 if options.quick else 1_000_000 if options.full else 100_000)
    return Effort(seconds, levels, journeys)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--store", choices=(*STORES, "both"), default="both")
    parser.add_argument("--only", choices=_KINDS, action="append", help="may be given several times")
    effort = parser.add_mutually_exclusive_group()
    effort.add_argument("--quick", action="store_true", help="3 s each, 20,000 journeys")
    effort.add_argument("--full", action="store_true", help="up to 5 M spans and 1 M journeys stored")
    parser.add_argument("--seconds", type=float, help="how long to measure each")
    parser.add_argument("--journeys", type=int, help="how many journeys the screens are measured with")
    parser.add_argument("--shape", choices=SHAPES, default=COLLECTOR, help="whose spans a request holds")
    parser.add_argument("--profile", type=Path, help="a folder for flame graphs of the server (py-spy)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
