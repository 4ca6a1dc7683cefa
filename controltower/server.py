"""Serving: several HTTP listeners and gRPC in one process and on one event loop, so that one group commit
serves all.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import uvloop
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.server.embed import Server

from controltower.domain.errors import BadSetting
from controltower.settings import Address

_log = logging.getLogger(__name__)

# Facts make many short-lived tuples and no cycles: at its default thresholds the collector spent a tenth of
# the time looking through modules that never change.
_GC_THRESHOLD = (50_000, 20, 50)
_BACKLOG = 1024
_READY_POLL = 0.02
_SHUTDOWN_SECONDS = 2.0

AsgiApp = Callable[..., Awaitable[None]]


@dataclass(frozen=True, slots=True)
class HttpListener:
    """An ASGI application and the address where it listens."""

    app: AsgiApp
    address: Address


class GrpcServer:
    """What serving needs of a gRPC server: grpc.aio.Server has it."""

    async def start(self) -> None:
        """Start to listen."""

    async def stop(self, grace: float | None) -> None:
        """Refuse new calls and give running ones `grace` seconds."""


def serve(
    listeners: Sequence[HttpListener],
    build_grpc: Callable[[], GrpcServer] | None,
    *,
    on_ready: Callable[[], None],
    on_stopping: Callable[[], None],
) -> None:
    """Serve until SIGTERM or SIGINT.

    `on_ready` is called once every listener accepts connections; `on_stopping`, in a thread, while they
    still do. `build_grpc` is called on the event loop. Raises BadSetting when an address cannot be listened
    at.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLD)
    logging.getLogger("_granian").setLevel(logging.ERROR)
    uvloop.run(_serve(listeners, build_grpc, on_ready, on_stopping))


async def _serve(
    listeners: Sequence[HttpListener],
    build_grpc: Callable[[], GrpcServer] | None,
    on_ready: Callable[[], None],
    on_stopping: Callable[[], None],
) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    for listener in listeners:
        await _check_free(listener.address)
    grpc_server = build_grpc() if build_grpc is not None else None
    if grpc_server is not None:
        await grpc_server.start()
    servers = [_http_server(listener) for listener in listeners]
    running = [asyncio.create_task(server.serve()) for server in servers]
    for listener in listeners:
        await _accepting(listener.address)
    on_ready()
    await stop.wait()
    await asyncio.to_thread(on_stopping)
    for server in servers:
        server.stop()
    if grpc_server is not None:
        await grpc_server.stop(5.0)
    # A client that stopped half-way through a request would be waited for without end.
    await asyncio.wait(running, timeout=_SHUTDOWN_SECONDS)


def _http_server(listener: HttpListener) -> Any:
    return Server(
        listener.app,
        address=listener.address.host,
        port=listener.address.port,
        interface=Interfaces.ASGINL,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(keep_alive=True),
        websockets=False,
        backlog=_BACKLOG,
        log_enabled=False,
    )


async def _check_free(address: Address) -> None:
    """Granian shares a taken port silently; two towers on one port would each get half of the facts."""
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(address.host, address.port), 1.0)
    except (OSError, TimeoutError):
        return
    writer.close()
    raise BadSetting(f"something listens at {address} already; stop it, or choose another address")


async def _accepting(address: Address) -> None:
    while True:
        try:
            _, writer = await asyncio.open_connection(address.host, address.port)
        except OSError:
            await asyncio.sleep(_READY_POLL)
        else:
            writer.close()
            return
