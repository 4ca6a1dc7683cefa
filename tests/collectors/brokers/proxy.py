"""A TCP proxy that cuts connections on demand."""

from __future__ import annotations

import socket
from contextlib import suppress
from threading import Event, Lock, Thread


class CuttingProxy:
    """Passes bytes on between its own port and a server, until it is told to cut."""

    def __init__(self, host: str, port: int) -> None:
        self._server = (host, port)
        self._lock = Lock()
        self._open: list[socket.socket] = []
        self._is_down = False
        self._may_speak = Event()
        self._may_speak.set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._start(self._accept)

    def cut(self) -> None:
        """End every connection at once; new ones work."""
        with self._lock:
            cut, self._open = self._open, []
        for one in cut:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def down(self) -> None:
        """Cut, and take nobody until `up`."""
        self._is_down = True
        self.cut()

    def up(self) -> None:
        """Take connections again."""
        self._is_down = False

    def hold(self) -> None:
        """From now on, keep back what clients say; servers are still heard."""
        self._may_speak.clear()

    def let_speak(self) -> None:
        """Pass it on again."""
        self._may_speak.set()

    def close(self) -> None:
        """End it all."""
        self._may_speak.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def _start(self, target, *args) -> None:
        Thread(target=target, args=args, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if self._is_down:
                    client.close()
                    continue
                server = socket.create_connection(self._server)
                with self._lock:
                    self._open += (client, server)
                self._start(self._pass_on, client, server, self._may_speak)
                self._start(self._pass_on, server, client)

    def _pass_on(self, here: socket.socket, there: socket.socket, may: Event | None = None) -> None:
        with suppress(OSError):
            while data := here.recv(65536):
                if may is not None:
                    may.wait()
                there.sendall(data)
        for end in (here, there):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
