"""Background steps: APScheduler starts them, each does one piece of work and may die at any line.

This is the one place that catches everything a step raises: a step that failed is logged and runs again at
its next turn, and takes no other step down.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from controltower.domain.errors import ControlTowerError

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Step:
    """A piece of background work and how often it is started, in seconds."""

    name: str
    run: Callable[[], object]
    every: float


def start_steps(steps: tuple[Step, ...]) -> BackgroundScheduler:
    """Start every step at its interval, in threads; a step never overlaps itself. The caller shuts it down.
    """
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    scheduler = BackgroundScheduler(
        timezone="UTC",
        executors={"default": ThreadPoolExecutor(max_workers=6)},
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
    )
    for step in steps:
        scheduler.add_job(_guarded(step), "interval", seconds=step.every, id=step.name)
    scheduler.start()
    return scheduler


def _guarded(step: Step) -> Callable[[], None]:
    def run() -> None:
        try:
            step.run()
        except ControlTowerError as exc:
            _log.warning("%s: %s", step.name, exc)
        except Exception:  # noqa: BLE001
            _log.exception("%s failed", step.name)

    return run
