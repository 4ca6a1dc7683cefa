"""What processes used of this machine, read from /proc."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

_TICK = os.sysconf("SC_CLK_TCK")
_MIB = 1024 * 1024


class Usage(NamedTuple):
    """CPU seconds so far, of each party and of the whole machine."""

    server: float  # its child processes included
    database: float  # the processes of the database server; 0 on SQLite, which lives in the server
    driver: float
    busy: float  # everybody, the three above included

    def since(self, before: Usage) -> Usage:
        """What was used from `before` until this reading."""
        return Usage(*(now - then for now, then in zip(self, before, strict=True)))

    @property
    def others(self) -> float:
        """What processes used that have no part in the measurement: noise."""
        return max(0.0, self.busy - self.server - self.database - self.driver)


def usage(server: int, database: Iterable[int] = ()) -> Usage:
    """A reading; `database` are the process ids of the database server."""
    return Usage(
        server=sum(cpu_seconds(pid) for pid in (server, *children_of(server))),
        database=sum(cpu_seconds(pid) for pid in database),
        driver=sum(os.times()[:2]),
        busy=_busy_seconds(),
    )


def cpu_seconds(pid: int) -> float:
    """CPU seconds that a process used, its threads included; 0 when it is gone."""
    with suppress(OSError):
        # The name in brackets may hold spaces.
        columns = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(columns[11]) + int(columns[12])) / _TICK
    return 0.0


def children_of(pid: int) -> list[int]:
    """The processes that a process has started and that still run."""
    return [int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in _words(task / "children")]


def _words(path: Path) -> list[str]:
    with suppress(OSError):
        return path.read_text().split()
    return []


def peak_memory_mb(pid: int) -> float:
    """The most memory that a process and its children each ever held, in MB of 1,000,000 bytes."""
    return _peak_mb(pid) + sum(_peak_mb(child) for child in children_of(pid))


def _peak_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    return 0.0


def described() -> str:
    """This machine in a line."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1024**3
    load = os.getloadavg()[0]
    return (
        f"{os.cpu_count()} x {_processor()}, {memory:.0f} GiB, Linux {platform.release()}, "
        f"Python {platform.python_version()}, load {load:.1f} before the start"
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _busy_seconds() -> float:
    # user nice system idle iowait irq softirq ...: all but idle and iowait.
    ticks = [int(n) for n in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:8]]
    return (sum(ticks) - ticks[3] - ticks[4]) / _TICK
