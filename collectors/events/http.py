"""POST /api/v1/events."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from collectors.events.ndjson import StreamReader
from collectors.events.quarantining import batch_of
from collectors.events.reading import Mode, Reading, mode_of, read_body
from collectors.events.replies import Tally
from collectors.http import Limits, Request, Response, Route
from collectors.intake import Intake, commit
from controltower.domain.errors import BadPayload, PayloadTooLarge

PATH = "/api/v1/events"


def events_routes(intake: Intake, now_us: Callable[[], int], limits: Limits) -> dict[tuple[str, str], Route]:
    """The routes that take events."""
    return {("POST", PATH): Route(EventsEdge(intake, now_us, limits).post)}


@dataclass(frozen=True, slots=True)
class EventsEdge:
    """Takes events in every form that CloudEvents 1.0 has for HTTP, and as lines."""

    intake: Intake
    now_us: Callable[[], int]  # microseconds since the epoch
    limits: Limits

    async def post(self, request: Request) -> Response:
        """Store what the request brings; the reply says what became of every item that was not stored."""
        mode = mode_of(request.headers)
        if mode is Mode.LINES:
            stream = StreamReader(self.intake, self.now_us, self.limits)
            return (await stream.read(request.chunks())).response()
        body = await request.body()
        if not body and mode is not Mode.BINARY:
            raise BadPayload("the body is empty")
        if len(body) <= self.limits.in_thread:
            reading = self._read(mode, request, body)
        else:
            reading = await asyncio.to_thread(self._read, mode, request, body)
        batch = batch_of(reading, request.headers, len(body), self.limits, mode)
        tally = Tally()
        tally.add(reading, await commit(self.intake, batch))
        return tally.response()

    def _read(self, mode: Mode, request: Request, body: bytes) -> Reading:
        limit = self.limits.event
        if mode is Mode.JSON:
            mode = Mode.BATCH if body.lstrip()[:1] == b"[" else Mode.STRUCTURED
        if mode is not Mode.BATCH and len(body) > limit:
            raise PayloadTooLarge(f"the event is larger than the limit of {limit} bytes")
        return read_body(mode, request.headers, body, received_us=self.now_us(), max_event=limit)
