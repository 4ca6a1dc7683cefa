"""A tower that a test may kill and start again, on the same addresses and the same store."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_COMMAND = str(Path(sys.executable).with_name("controltower"))
_STARTS_WITHIN = 60.0
_READY = "OpenTelemetry:"  # begins the last line that a tower prints before it serves


@dataclass
class Tower:
    """A tower that is running, or was."""

    home: Path
    http: str  # host:port
    otlp_http: str
    environment: dict[str, str]
    process: subprocess.Popen[bytes] | None = None
    before_start: Callable[[], None] | None = None  # runs in the new process
    log_path: Path = Path()

    def __post_init__(self) -> None:
        self.log_path = self.home / "printed.log"

    @property
    def log(self) -> str:
        """What it printed since it was last started."""
        return self.log_path.read_text() if self.log_path.exists() else ""

    def launch(self) -> subprocess.Popen[bytes]:
        """Start it."""
        self.home.mkdir(parents=True, exist_ok=True)
        with self.log_path.open("w") as log:
            self.process = subprocess.Popen(
                [_COMMAND, "up"], env=self.environment, stdout=log, stderr=log, preexec_fn=self.before_start
            )
        return self.process

    def start(self) -> None:
        """Start it, and return once every listener accepts connections."""
        process = self.launch()
        give_up_at = time.monotonic() + _STARTS_WITHIN
        while _READY not in self.log:
            assert process.poll() is None, f"the tower ended at once:\n{self.log}"
            assert time.monotonic() < give_up_at, f"the tower did not become ready:\n{self.log}"
            time.sleep(0.02)

    def children(self) -> list[int]:
        """The processes that it has started: its writer."""
        assert self.process is not None
        tasks = Path(f"/proc/{self.process.pid}/task").glob("*/children")
        return [int(child) for task in tasks for child in task.read_text().split()]

    def kill(self) -> None:
        """End it as a crash would: its writer is left alone."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def terminate(self, within: float) -> int:
        """Ask it to stop; its exit code. Raises TimeoutExpired when it takes longer than `within` seconds."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(within)


@contextmanager
def a_tower(home: Path, database_url: str = "") -> Iterator[Tower]:
    """A tower that has not been started; killed at the end of the block."""
    http, otlp_http, otlp_grpc = (f"127.0.0.1:{port}" for port in _free_ports(3))
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("CONTROLTOWER_")}
    environment = inherited | {
        "CONTROLTOWER_HOME": str(home),
        "CONTROLTOWER_DATABASE_URL": database_url,
        "CONTROLTOWER_HTTP": http,
        "CONTROLTOWER_OTLP_HTTP": otlp_http,
        "CONTROLTOWER_OTLP_GRPC": otlp_grpc,
    }
    tower = Tower(home, http, otlp_http, environment)
    try:
        yield tower
    finally:
        tower.kill()


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports: list[int] = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports
