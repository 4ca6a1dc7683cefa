"""Where the server spends its time: py-spy, when it is installed, records while the load runs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

_PROGRAM = Path(sys.executable).with_name("py-spy")


def watcher(folder: Path | None, name: str, seconds: float) -> Callable[[int], None]:
    """A function that starts to record a process; it does nothing without a folder."""

    def watch(pid: int) -> None:
        if folder is None:
            return
        folder.mkdir(parents=True, exist_ok=True)
        target = folder / f"{name}.txt"
        options = [
            "--format",
            "raw",
            "--rate",
            "200",
            "--gil",
            "--threads",
            "--duration",
            str(max(1, int(seconds) - 1)),
        ]
        subprocess.Popen(
            [_PROGRAM, "record", *options, "--output", target, "--pid", str(pid)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    return watch
