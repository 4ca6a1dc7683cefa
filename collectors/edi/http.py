"""POST /edi."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from collectors.edi.decoding import MAX_BYTES
from collectors.edi.reading import Mappings, Reading, read_edi
from collectors.http import Limits, Request, Response, Route, json_response
from collectors.intake import Intake, Receipt, commit
from collectors.media import media_type
from controltower.domain.errors import BadPayload, UnsupportedMedia

PATH = "/edi"
IN_THREAD = 16 * 1024  # larger files would hold up the other requests of the event loop
MAX_ITEMS = 1000
_TAKEN = (
    "application/edi-x12",
    "application/edifact",
    "application/edi-consent",
    "application/octet-stream",
    "text/plain",
)


def edi_routes(
    mappings: Mappings, intake: Intake, now_us: Callable[[], int], limits: Limits
) -> dict[tuple[str, str], Route]:
    """The route that takes EDI."""
    return {("POST", PATH): Route(EdiEdge(mappings, intake, now_us, limits).post)}


@dataclass(frozen=True, slots=True)
class EdiEdge:
    """Takes X12 and EDIFACT; the content tells which, whatever type it is sent as."""

    mappings: Mappings
    intake: Intake
    now_us: Callable[[], int]  # microseconds since the epoch
    limits: Limits

    async def post(self, request: Request) -> Response:
        """Store what the interchanges tell; the reply says what became of every set that is not just stored.

        400 when nothing of it could be read, and it is kept in quarantine.
        """
        _check_type(request.headers)
        body = await request.body(MAX_BYTES)
        if not body:
            raise BadPayload("the body is empty")
        if len(body) <= IN_THREAD:
            reading = self._read(body)
        else:
            reading = await asyncio.to_thread(self._read, body)
        receipt = await commit(self.intake, reading.batch(len(body)))
        is_refused = bool(reading.held) and not reading.events
        return json_response(400 if is_refused else 200, _answer(reading, receipt))

    def _read(self, body: bytes) -> Reading:
        return read_edi(body, self.mappings, received_us=self.now_us())


def _check_type(headers: Mapping[bytes, bytes]) -> None:
    declared = headers.get(b"content-type", b"").decode("latin-1")
    name = media_type(declared).name
    if name and name not in _TAKEN:
        raise UnsupportedMedia(f"Content-Type {declared[:100]!r} is not one of: {', '.join(_TAKEN)}")


def _answer(reading: Reading, receipt: Receipt) -> dict[str, object]:
    items: list[dict[str, object]] = [
        {"document": document, "status": "taken", "faults": faults}
        for document, faults in reading.blamed.items()
    ]
    items += [
        {"status": "quarantined", "reason": held.reason, "message": held.message} for held in reading.held
    ]
    answer: dict[str, object] = {
        "documents": reading.documents,
        "stored": receipt.events_stored,
        "duplicate": receipt.events_duplicate,
        "unmapped": reading.unmapped.total(),
        "quarantined": len(reading.held),
        "items": items[:MAX_ITEMS],
    }
    if len(items) > MAX_ITEMS:
        answer["items_truncated"] = True
    return answer
