"""How far a partition is settled. Kafka commits one offset; what is settled beyond it is noted beside it."""

from __future__ import annotations

from collections.abc import Iterable

# Brokers take 4,096 bytes (offset.metadata.max.bytes). What does not fit comes again.
MAX_NOTE = 4_000
_MARK = "settled:"


class Offsets:
    """A partition, from the committed offset on. An offset that was handed out is held until it is settled or
    released; one that is held or settled is not handed out."""

    def __init__(self, note: str = "", committed: int = 0) -> None:
        self._settled = set(_read_note(note, committed))
        self._held: set[int] = set()
        self._released: set[int] = set()
        self._next = committed  # behind the last offset that was handed out or skipped

    def take(self, offset: int) -> bool:
        """Whether a message that came may be handed out; it is held then."""
        self._next = max(self._next, offset + 1)
        if offset in self._held or offset in self._settled:
            return False
        self._released.discard(offset)
        self._held.add(offset)
        return True

    def settle(self, offsets: Iterable[int]) -> None:
        """These are done."""
        for offset in offsets:
            if offset in self._held:
                self._held.remove(offset)
                self._settled.add(offset)

    def release(self, offsets: Iterable[int]) -> int | None:
        """Give these back; the offset to go on reading from, None when none of them was held."""
        given_back = self._held.intersection(offsets)
        self._held -= given_back
        self._released |= given_back
        return min(given_back, default=None)

    def commit_point(self) -> tuple[int, str]:
        """The offset before which everything is settled, and a note of what is settled after it."""
        point = min(self._held | self._released, default=self._next)
        self._settled = {offset for offset in self._settled if offset >= point}
        return point, _write_note(self._settled, point)


def _write_note(settled: set[int], point: int) -> str:
    """As ranges relative to the commit point: ``settled:1-3,7``."""
    note = ""
    for first, last in _ranges(offset - point for offset in settled):
        item = f"{first}-{last}" if last > first else str(first)
        longer = f"{note},{item}" if note else _MARK + item
        if len(longer) > MAX_NOTE:
            break
        note = longer
    return note


def _ranges(numbers: Iterable[int]) -> list[tuple[int, int]]:
    ranges: list[tuple[int, int]] = []
    for number in sorted(numbers):
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1] = (ranges[-1][0], number)
        else:
            ranges.append((number, number))
    return ranges


def _read_note(note: str, committed: int) -> Iterable[int]:
    """Nothing of a note that somebody else wrote."""
    if not note.startswith(_MARK):
        return
    for item in note.removeprefix(_MARK).split(","):
        first, _, last = item.partition("-")
        if first.isdecimal() and (last or first).isdecimal():
            yield from range(committed + int(first), committed + int(last or first) + 1)
