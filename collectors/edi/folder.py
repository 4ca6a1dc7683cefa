"""A watched folder: files of EDI that some other program puts there.

A file is taken once it is complete: when two looks, some seconds apart, found it unchanged. It is moved to
``done/`` after its events are on disk, or to ``refused/`` when none could be made, with the reasons in a file
beside it. A crash between storing and moving repeats harmlessly: the same file tells the same events.
"""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Callable, Iterator
from concurrent.futures import TimeoutError as StillWaiting
from pathlib import Path
from typing import NamedTuple

from collectors.edi.decoding import MAX_BYTES
from collectors.edi.faults import BadEdi
from collectors.edi.reading import Mappings, Reading, read_edi
from collectors.intake import Intake
from controltower.domain.errors import BadPayload, BadSetting, StoreUnavailable

DONE = "done"
REFUSED = "refused"
REASONS = ".reasons.txt"  # behind the name of the file that it is about
SETTLED_SECONDS = 2.0
LONGEST_WAIT = 60.0
MAX_FILES = 200  # of one look; the rest is for the next
_UNFINISHED = (".tmp", ".part", ".partial", ".filepart", ".crdownload", ".swp")
_log = logging.getLogger(__name__)


class _Look(NamedTuple):
    """What a file was like; one that looks the same a moment later is complete."""

    inode: int
    size: int
    modified_ns: int


class FolderWatch:
    """Takes files out of one folder. One thread at a time; several towers may watch one folder."""

    def __init__(
        self,
        folder: Path,
        mappings: Mappings,
        intake: Intake,
        now_us: Callable[[], int],
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self._folder = folder
        self._mappings = mappings
        self._intake = intake
        self._now_us = now_us
        self._max_bytes = max_bytes
        self._seen: dict[str, tuple[_Look, int]] = {}  # with the time of the first such look
        self._stored: dict[str, tuple[_Look, str, list[str]]] = {}  # files that could not be moved yet
        self._troubled: set[str] = set()  # told of in the log already

    def prepare(self) -> None:
        """Make the folders that are missing; raises BadSetting when files cannot be moved there."""
        try:
            for folder in (self._folder, self._folder / DONE, self._folder / REFUSED):
                folder.mkdir(parents=True, exist_ok=True)
                if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
                    raise PermissionError(f"{folder} must be readable and writable")
        except OSError as exc:
            raise BadSetting(f"CONTROLTOWER_EDI_FOLDER: {exc}") from exc

    def take_once(self) -> bool:
        """Take every file that is complete, the oldest first; False when there is none.

        Raises StoreUnavailable or Overloaded when the store does not take one; it stays where it is, and so
        do those after it. A file that cannot be read or moved is logged once and costs the others nothing.
        """
        has_taken = False
        for path, look in self._complete():
            try:
                self._take(path, look)
            except FileNotFoundError:
                self._stored.pop(path.name, None)  # another tower was faster
            except OSError as exc:
                self._tell(path, exc)
            else:
                has_taken = True
                self._troubled.discard(path.name)
        return has_taken

    def _complete(self) -> list[tuple[Path, _Look]]:
        looks = dict(self._looks())
        now_us = self._now_us()
        seen = {}
        for name, look in looks.items():
            before = self._seen.get(name)
            seen[name] = before if before is not None and before[0] == look else (look, now_us)
        self._seen = seen
        self._stored = {name: stored for name, stored in self._stored.items() if name in seen}
        settled = [
            (look.modified_ns, name, look)
            for name, (look, since_us) in seen.items()
            if now_us - since_us >= SETTLED_SECONDS * 1_000_000
        ]
        return [(self._folder / name, look) for _, name, look in sorted(settled)[:MAX_FILES]]

    def _looks(self) -> Iterator[tuple[str, _Look]]:
        with os.scandir(self._folder) as entries:
            for entry in entries:
                if entry.name.startswith(".") or entry.name.lower().endswith(_UNFINISHED):
                    continue
                try:
                    found = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue
                if stat.S_ISREG(found.st_mode):
                    yield entry.name, _look_of(found)

    def _take(self, path: Path, look: _Look) -> None:
        """Store a file, unless that is done, and move it."""
        before = self._stored.get(path.name)
        if before is None or before[0] != look:
            before = self._stored[path.name] = (look, *self._stored_as(path))
        if _look_of(path.stat(follow_symlinks=False)) == look:  # else it was written anew meanwhile
            self._move(path, before[1], before[2])
        del self._stored[path.name]

    def _stored_as(self, path: Path) -> tuple[str, list[str]]:
        """Store what the file says; where it belongs then, and why not all of it was taken."""
        try:
            reading = self._read(path)
            self._store(reading)
        except BadPayload as exc:
            return REFUSED, [f"{exc.reason}: {exc}"]
        reasons = [f"{held.reason}: {held.message}" for held in reading.held]
        return (REFUSED if reasons and not reading.events else DONE), reasons

    def _read(self, path: Path) -> Reading:
        with path.open("rb") as file:
            data = file.read(self._max_bytes + 1)
        if len(data) > self._max_bytes:
            raise BadEdi("too_large", f"larger than the limit of {self._max_bytes} bytes")
        return read_edi(data, self._mappings, received_us=self._now_us(), origin=_name_of(path))

    def _store(self, reading: Reading) -> None:
        size = sum(len(held.payload) for held in reading.held)
        try:
            self._intake.submit(reading.batch(size)).result(timeout=LONGEST_WAIT)
        except StillWaiting as exc:
            raise StoreUnavailable("the store is slow to answer; the file is taken again") from exc

    def _move(self, path: Path, where: str, reasons: list[str]) -> None:
        """Move a file, its reasons first: a file in refused/ always has them."""
        target = _free(self._folder / where / path.name, self._now_us())
        if reasons:
            target.with_name(target.name + REASONS).write_text("\n".join(reasons) + "\n", encoding="utf-8")
        path.rename(target)
        self._seen.pop(path.name, None)
        _log.info("EDI file %s: %s", _name_of(path), where)

    def _tell(self, path: Path, exc: OSError) -> None:
        if path.name not in self._troubled:
            self._troubled.add(path.name)
            _log.warning("EDI file %s stays where it is: %s", _name_of(path), exc.strerror)


def _look_of(found: os.stat_result) -> _Look:
    return _Look(found.st_ino, found.st_size, found.st_mtime_ns)


def _name_of(path: Path) -> str:
    """The name of a file as text that can be stored and sent: not every file system asks for that."""
    return os.fsencode(path.name).decode("utf-8", "replace")


def _free(target: Path, stamp: int) -> Path:
    """The path, with a number when a file of that name was taken before."""
    free = target
    while free.exists():
        free = target.with_name(f"{target.stem}.{stamp}{target.suffix}")
        stamp += 1
    return free
