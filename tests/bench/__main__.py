"""`python -m tests.bench`: measure the real server, one store after the other."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path
from types import FrameType

from tests.bench.driving import Plan
from tests.bench.machine import described
from tests.bench.measure_events import measure_events, measure_single
from tests.bench.measure_letters import measure_letters
from tests.bench.measure_reads import measure_reads
from tests.bench.measure_replay import measure_replay
from tests.bench.measure_spans import measure_spans
from tests.bench.profiling import watcher
from tests.bench.spans import COLLECTOR, KEYS, SHAPES, VARIED
from tests.bench.stores import STORES, NoDatabase

_KINDS = ("spans", "events", "single", "reads", "letters", "replay")


def main() -> None:
    """Measure what was asked for, and print it."""
    options = _options()
    plan = _plan(options)
    signal.signal(signal.SIGTERM, _stop)
    print(described(), flush=True)
    for store in STORES if options.store == "both" else (options.store,):
        for kind in options.only or _KINDS:
            try:
                _measure(kind, store, plan, options)
            except NoDatabase as exc:
                print(f"\n{kind}, {store}: not measured: {exc}")


def _stop(number: int, _: FrameType | None) -> None:
    """End as after Ctrl-C: the server stopped, its database and folder gone."""
    sys.exit(128 + number)


def _measure(kind: str, store: str, plan: Plan, options: argparse.Namespace) -> None:
    watch = watcher(options.profile, f"{kind}-{store}", plan.seconds)
    if kind == "spans":
        measure_spans(store, plan, options.shape, options.keys, watch)
    elif kind == "events":
        measure_events(store, plan, watch)
    elif kind == "single":
        measure_single(store, plan, watch)
    elif kind == "letters":
        measure_letters(store, options.letters or (10_000 if options.quick else 100_000), 20_000)
    elif kind == "replay":
        measure_replay(store, options.letters or (1_000 if options.quick else 10_000))
    else:
        measure_reads(store, plan.journeys)


def _plan(options: argparse.Namespace) -> Plan:
    seconds = options.seconds or (3.0 if options.quick else 10.0)
    levels = (100_000, 5_000_000) if options.full else (100_000,)
    journeys = options.journeys or (20_000 if options.quick else 1_000_000 if options.full else 100_000)
    return Plan(seconds, levels, journeys)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--store", choices=(*STORES, "both"), default="both")
    parser.add_argument("--only", choices=_KINDS, action="append", help="may be given several times")
    effort = parser.add_mutually_exclusive_group()
    effort.add_argument("--quick", action="store_true", help="3 s each, 20,000 journeys")
    effort.add_argument("--full", action="store_true", help="up to 5 M spans and 1 M journeys stored")
    parser.add_argument("--seconds", type=float, help="how long to measure each")
    parser.add_argument("--journeys", type=int, help="how many journeys the screens are measured with")
    parser.add_argument("--letters", type=int, help="how many dead letters are stored")
    parser.add_argument("--shape", choices=SHAPES, default=COLLECTOR, help="whose spans a request holds")
    parser.add_argument("--keys", choices=KEYS, default=VARIED, help="whether all spans have the same keys")
    parser.add_argument("--profile", type=Path, help="a folder for flame graphs of the server (py-spy)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
