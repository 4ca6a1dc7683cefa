"""A writer in a process of its own, so that committing and receiving do not share an interpreter lock.

`ProcessWriter` starts ``python -m controltower.services.writer_process`` with one end of a socket pair.
Messages are framed by their length, 4 bytes big-endian: first a `_Hello`, then groups in one direction and
their outcomes in the other, all MessagePack. The writer ends when its socket is closed, whatever the reason,
and not before: a signal to the whole process group must not cut off what was received already.
"""

from __future__ import annotations

import gc
import logging
import os
import signal
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Sequence
from threading import Lock

import msgspec

from controltower.domain.errors import StoreUnavailable
from controltower.domain.process_files import parse_process
from controltower.domain.processes import ProcessBook
from controltower.services.committing import Outcome, commit_group
from controltower.store.engine import Database, open_database
from controltower.store.prepared import Group, read_group, write_group

_log = logging.getLogger(__name__)

_SOCKET_BYTES = 4 * 1024 * 1024
_ENDS_WITHIN = 30.0
_GC_THRESHOLD = (50_000, 20, 50)  # see controltower.server

ProcessFile = tuple[str, str]
"""The name and the text of a process file."""


class _Hello(msgspec.Struct, array_like=True):
    """What the writer has to know; a URL may hold a password, which no command line should."""

    database_url: str
    processes: list[ProcessFile]


class _Child:
    """A writer process that was started."""

    def __init__(self, hello: bytes) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            for end in (ours, theirs):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SOCKET_BYTES)
            self.process = subprocess.Popen(
                [sys.executable, "-m", __name__, str(theirs.fileno())],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
            )
        self.socket = ours
        self.is_gone = False
        _send(self.socket, hello)

    def end(self) -> None:
        """Let it finish, and wait for that."""
        self.is_gone = True
        self.socket.close()
        try:
            self.process.wait(_ENDS_WITHIN)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class ProcessWriter:
    """A Writer that commits in another process, and starts a new one when that has died."""

    def __init__(self, database_url: str, processes: Sequence[ProcessFile]) -> None:
        self._hello = msgspec.msgpack.encode(_Hello(database_url, list(processes)))
        self._child: _Child | None = None
        self._sent: deque[_Child] = deque()  # for each group under way, who has it
        self._lock = Lock()

    @property
    def pid(self) -> int | None:
        """The process that writes now."""
        return self._child.process.pid if self._child else None

    def start(self) -> None:
        """Start the process."""
        with self._lock:
            self._living()

    def send(self, group: Group) -> None:
        """Send the group; a process that has died is replaced first."""
        message = write_group(group)
        with self._lock:
            child = self._living()
            try:
                _send(child.socket, message)
            except OSError:
                child.is_gone = True
                child = self._living()
                try:
                    _send(child.socket, message)
                except OSError as exc:
                    child.is_gone = True
                    raise StoreUnavailable("the writer process does not live long enough to write") from exc
            self._sent.append(child)

    def receive(self) -> list[Outcome]:
        """The outcomes of the next group."""
        child = self._sent.popleft()
        try:
            reply = None if child.is_gone else _receive(child.socket)
        except OSError:
            reply = None
        if reply is None:
            child.is_gone = True
            raise StoreUnavailable("the writer process ended before it could answer; send it again")
        try:
            return _read_outcomes(reply)
        except msgspec.DecodeError:
            child.is_gone = True
            raise

    def close(self) -> None:
        """End the process."""
        with self._lock:
            if self._child is not None:
                self._child.end()
                self._child = None

    def _living(self) -> _Child:
        if self._child is not None and self._child.is_gone:
            _log.error("the writer process %d has died; starting another", self._child.process.pid)
            self._child.end()
            self._child = None
        if self._child is None:
            try:
                self._child = _Child(self._hello)
            except OSError as exc:
                raise StoreUnavailable(f"no writer process could be started: {exc.strerror}") from exc
        return self._child


_outcomes: msgspec.msgpack.Decoder[list[Outcome]] = msgspec.msgpack.Decoder(list[Outcome])


def _read_outcomes(reply: bytearray) -> list[Outcome]:
    return _outcomes.decode(reply)


def _send(to: socket.socket, message: bytes) -> None:
    to.sendall(len(message).to_bytes(4, "big"))
    to.sendall(message)


def _receive(source: socket.socket) -> bytearray | None:
    """The next message; None when there will be none."""
    head = _receive_exactly(source, 4)
    return None if head is None else _receive_exactly(source, int.from_bytes(head, "big"))


def _receive_exactly(source: socket.socket, size: int) -> bytearray | None:
    message = bytearray(size)
    view = memoryview(message)
    while view:
        received = source.recv_into(view)
        if not received:
            return None
        view = view[received:]
    return message


def run(source: socket.socket) -> None:
    """Commit every group that comes, until the socket is closed."""
    greeting = _receive(source)
    if greeting is None:
        return
    hello = msgspec.msgpack.decode(greeting, type=_Hello)
    parsed = [parse_process(text, name) for name, text in hello.processes]
    processes = ProcessBook({process.name: process for process in parsed})
    db = open_database(hello.database_url)
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLD)
    try:
        while (message := _receive(source)) is not None:
            _send(source, msgspec.msgpack.encode(_commit(db, processes, message)))
    except OSError:
        # Nobody is there any more; what was committed is committed.
        pass
    finally:
        db.dispose()


def _commit(db: Database, processes: ProcessBook, message: bytearray) -> list[Outcome]:
    try:
        group = read_group(message)
    except msgspec.DecodeError:
        # A defect of the sender's side: it must not end the writer, or every repeat would.
        _log.exception("a group of %d bytes cannot be read", len(message))
        return []
    return commit_group(db, processes, group)


def main() -> None:
    """The writer process: the only argument is the number of its socket."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", level=logging.WARNING)
    with socket.socket(fileno=int(sys.argv[1])) as source:
        run(source)
    # Nothing is left to be cleaned up that the operating system would not.
    os._exit(0)


if __name__ == "__main__":
    main()
