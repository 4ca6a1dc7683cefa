"""Saying how far an import is."""

from __future__ import annotations

from collections.abc import Callable

_EVERY = 0.2  # seconds between two lines that overwrite each other
_EVERY_APART = 10.0  # seconds between two lines of a log


class Progress:
    """Writes a line now and then: over the one before where a person watches, below it otherwise."""

    def __init__(self, write: Callable[[str], None], clock: Callable[[], float], *, is_watched: bool) -> None:
        self._write = write
        self._clock = clock
        self._is_watched = is_watched
        self._every = _EVERY if is_watched else _EVERY_APART
        self._last = clock()
        self._started = self._last
        self._width = 0

    def begin(self) -> None:
        """From now on the rate counts."""
        self._started = self._clock()

    def show(self, what: str, done: int, total: int, unit: str) -> None:
        """Say that `done` of `total` is done, in percent and with the rate, unless that was said just now."""
        now = self._clock()
        if now - self._last < self._every:
            return
        self._last = now
        rate = done / max(now - self._started, 0.001)
        share = 100 * done // max(total, 1)
        self._line(f"{what}: {share} % ({done:,} of {total:,} {unit}), {rate:,.0f} {unit}/s")

    def clear(self) -> None:
        """Wipe the line that would be overwritten."""
        if self._width:
            self._write("\r" + " " * self._width + "\r")
            self._width = 0

    def _line(self, text: str) -> None:
        if not self._is_watched:
            self._write(text + "\n")
            return
        self._write("\r" + text.ljust(self._width))
        self._width = len(text)
