"""POST /api/v1/dead-letters."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from operator import itemgetter
from threading import BoundedSemaphore

from collectors.dead_letters.documents import BadLetter
from collectors.dead_letters.requests import Misunderstood, Reading, check_type, read_request
from collectors.dead_letters.taking import LetterTaker, Outcome, held_back, take_all
from collectors.http import Limits, Request, Response, Route, json_response
from collectors.intake import FactBatch, Intake, commit
from collectors.mapping.telling import Mapping as PayloadMapping
from controltower.domain.errors import BadPayload, Overloaded

PATH = "/api/v1/dead-letters"
AT_ONCE = 4  # requests whose letters are written at the same time
MOST_WAITING = 64  # more are told to come again


def dead_letter_routes(
    taker: LetterTaker,
    intake: Intake,
    mappings: Mapping[str, PayloadMapping],
    now_us: Callable[[], int],
    limits: Limits,
) -> dict[tuple[str, str], Route]:
    """The route that takes dead letters; the other methods of its path are the API's."""
    edge = DeadLetterEdge(taker, intake, mappings, now_us, limits)
    return {("POST", PATH): Route(edge.post, shares_path=True)}


class DeadLetterEdge:
    """Takes dead letters as JSON."""

    def __init__(
        self,
        taker: LetterTaker,
        intake: Intake,
        mappings: Mapping[str, PayloadMapping],
        now_us: Callable[[], int],
        limits: Limits,
    ) -> None:
        self._taker = taker
        self._intake = intake
        self._mappings = mappings
        self._now_us = now_us
        self._limits = limits
        # Threads of its own: letters are written in transactions of their own, which wait for each other.
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="dead-letters")
        self._places = BoundedSemaphore(MOST_WAITING)

    async def post(self, request: Request) -> Response:
        """Keep the letters of a request; the reply says what became of each.

        200 when any was taken, 400 when nothing but faults came; what is at fault is kept in quarantine.
        """
        content_type = request.headers.get(b"content-type", b"").decode("latin-1")
        check_type(content_type)
        body = await request.body()
        if not body.strip():
            raise BadPayload("the body is empty")
        with _Place(self._places):
            loop = asyncio.get_running_loop()
            reading, outcomes = await loop.run_in_executor(self._threads, self._take, body, content_type)
        if reading.faults:
            held = [held_back(fault, self._limits.kept) for fault in reading.faults]
            size = sum(len(one.payload) for one in held)
            await commit(self._intake, FactBatch(quarantined=held, size=size))
        return _answer(reading, outcomes)

    def _take(self, body: bytes, content_type: str) -> tuple[Reading, list[Outcome]]:
        reading = read_request(body, content_type, self._mappings, now_us=self._now_us())
        return reading, take_all(self._taker, [one.letter for one in reading.letters])


class _Place:
    """One of the requests that may wait; raises Overloaded when there are too many."""

    def __init__(self, places: BoundedSemaphore) -> None:
        self._places = places

    def __enter__(self) -> None:
        if not self._places.acquire(blocking=False):
            raise Overloaded("too many requests with dead letters wait to be stored")

    def __exit__(self, *_: object) -> None:
        self._places.release()


def _answer(reading: Reading, outcomes: Sequence[Outcome]) -> Response:
    statuses = [one.status for one in outcomes]
    items = [
        (read.index, {"index": read.index, "status": outcome.status, "id": outcome.id.hex()})
        for read, outcome in zip(reading.letters, outcomes, strict=True)
    ]
    items += [(fault.index or 0, _refusal(fault)) for fault in reading.faults]
    content: dict[str, object] = {
        "new": statuses.count("new"),
        "died_again": statuses.count("died_again"),
        "known": statuses.count("known"),
        "quarantined": len(reading.faults),
        "items": [item for _, item in sorted(items, key=itemgetter(0))],
    }
    return json_response(400 if reading.faults and not outcomes else 200, content)


def _refusal(fault: Misunderstood) -> dict[str, object]:
    error = fault.fault
    item: dict[str, object] = {} if fault.index is None else {"index": fault.index}
    item |= {"status": "quarantined", "reason": error.reason}
    if isinstance(error, BadLetter) and error.field:
        item["field"] = error.field
    return item | {"message": str(error)}
