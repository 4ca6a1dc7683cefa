"""A tower as a user runs it, on a store that is about to be measured."""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.bench.stores import Store, empty_store
from tests.running import COMMAND, LOG, Tower

_STARTS_WITHIN = 90.0


@contextmanager
def new_store(name: str) -> Iterator[Store]:
    """An empty store with a home of its own; both are gone after the block."""
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="controltower-bench-")))
        yield stack.enter_context(empty_store(name, home))


@contextmanager
def tower_on(store: Store) -> Iterator[Tower]:
    """`controltower up` over a store, for the length of the block."""
    http, otlp_http, otlp_grpc = (f"127.0.0.1:{port}" for port in _free_ports(3))
    environment = {k: v for k, v in os.environ.items() if not k.startswith("CONTROLTOWER_")} | {
        "CONTROLTOWER_HOME": str(store.home),
        "CONTROLTOWER_HTTP": http,
        "CONTROLTOWER_OTLP_HTTP": otlp_http,
        "CONTROLTOWER_OTLP_GRPC": otlp_grpc,
        "CONTROLTOWER_DATABASE_URL": store.url,
    }
    connections = store.home / "connections.toml"
    if connections.exists():
        environment["CONTROLTOWER_CONNECTIONS"] = str(connections)
    with (store.home / LOG).open("w") as log:
        process = subprocess.Popen([COMMAND, "up"], env=environment, stdout=log, stderr=log)
    tower = Tower(store.home, http, otlp_http, environment, process)
    try:
        _wait_until_ready(tower)
        yield tower
    finally:
        tower.stop()


@contextmanager
def running_tower_on(name: str) -> Iterator[tuple[Store, Tower]]:
    """A tower over an empty store of this name."""
    with new_store(name) as store, tower_on(store) as tower:
        yield store, tower


def _wait_until_ready(tower: Tower) -> None:
    give_up_at = time.monotonic() + _STARTS_WITHIN
    # The last line that it prints, once every listener accepts connections.
    while "OpenTelemetry:" not in tower.log:
        if tower.process.poll() is not None or time.monotonic() > give_up_at:
            raise RuntimeError(f"the tower did not become ready:\n{tower.log}")
        time.sleep(0.05)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [int(one.getsockname()[1]) for one in sockets]
    for one in sockets:
        one.close()
    return ports
