"""A stream of events, one JSON document a line, of any length in constant memory.

Lines are committed in parts as they come, a few parts at once. A resent stream changes nothing, so a sender
whose stream broke sends it again from its beginning.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable

from collectors.events.quarantining import batch_of
from collectors.events.reading import Reading, read_one, too_large
from collectors.events.replies import Tally
from collectors.http import Limits
from collectors.intake import Intake, Receipt
from controltower.domain.errors import Overloaded

OVERLOAD_TRIES = 20  # the sender waits with us, unlike one of many small requests
_BOM = b"\xef\xbb\xbf"


class LineSplitter:
    """Cuts chunks into lines; of a line past `limit` only the beginning is kept."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._rest = b""
        self._is_skipping = False

    def feed(self, chunk: bytes) -> list[bytes]:
        """The lines that `chunk` completes; one that is too long comes at once, cut a byte past the limit."""
        lines = (self._rest + chunk).split(b"\n")
        self._rest = lines.pop()
        if self._is_skipping and lines:
            del lines[0]
            self._is_skipping = False
        if self._is_skipping:
            self._rest = b""
        elif len(self._rest) > self._limit:
            lines.append(self._rest[: self._limit + 1])
            self._rest = b""
            self._is_skipping = True
        return lines

    def finish(self) -> bytes:
        """The last line, when no newline ended it."""
        return self._rest


def _forget(future: asyncio.Future[Receipt]) -> None:
    """Take note of how a part ended that nobody waits for any more."""
    if not future.cancelled():
        future.exception()


class StreamReader:
    """Reads one stream, committing it in parts."""

    def __init__(self, intake: Intake, now_us: Callable[[], int], limits: Limits) -> None:
        self._intake = intake
        self._now_us = now_us
        self._limits = limits
        self._tally = Tally()
        self._waiting: deque[tuple[Reading, asyncio.Future[Receipt]]] = deque()
        self._reading = Reading()
        self._index = 0
        self._size = 0

    async def read(self, chunks: AsyncIterator[bytes]) -> Tally:
        """Commit every line of the stream, then say what became of them.

        Raises StoreUnavailable or Overloaded when a part could not be stored; earlier parts then are.
        """
        splitter = LineSplitter(self._limits.event)
        try:
            async for chunk in chunks:
                for line in splitter.feed(chunk):
                    await self._take(line)
            await self._take(splitter.finish())
            await self._flush()
            while self._waiting:
                await self._settle()
        finally:
            for _, future in self._waiting:
                future.add_done_callback(_forget)
        return self._tally

    async def _take(self, line: bytes) -> None:
        limit = self._limits.event
        line = line.strip()
        if self._index == 0:
            line = line.removeprefix(_BOM)
        if not line:
            return
        if len(line) > limit:
            self._reading.faults.append(too_large(self._index, line, limit))
        else:
            read_one(self._reading, self._index, line, self._now_us())
        self._index += 1
        self._size += min(len(line), limit)
        held = len(self._reading.events) + len(self._reading.faults)
        if held >= self._limits.stream_items or self._size >= self._limits.stream_bytes:
            await self._flush()

    async def _flush(self) -> None:
        if not self._size:
            return
        while len(self._waiting) >= self._limits.stream_in_flight:
            await self._settle()
        reading, size = self._reading, self._size
        self._reading, self._size = Reading(), 0
        future = await self._submit(reading, size)
        self._waiting.append((reading, future))
        await asyncio.sleep(0)  # a long stream takes turns with the other requests

    async def _submit(self, reading: Reading, size: int) -> asyncio.Future[Receipt]:
        batch = batch_of(reading, {}, size, self._limits)
        for _ in range(OVERLOAD_TRIES):
            try:
                return asyncio.wrap_future(self._intake.submit(batch))
            except Overloaded as exc:
                if self._waiting:
                    await self._settle()
                else:
                    await asyncio.sleep(exc.retry_after / 10)
        return asyncio.wrap_future(self._intake.submit(batch))

    async def _settle(self) -> None:
        reading, future = self._waiting.popleft()
        self._tally.add(reading, await future)
