"""What an events request is told: how many were stored, duplicate and quarantined, and why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from collectors.events.reading import Reading
from collectors.http import Response, json_response
from controltower.services.ingest import Receipt

MAX_ITEMS = 1000  # a stream may have any number of faults; its reply may not
_ONE_STORED = Response(200, b'{"stored":1,"duplicate":0,"quarantined":0,"items":[]}')


@dataclass(slots=True)
class Tally:
    """The reply to one request, while its parts are committed."""

    stored: int = 0
    duplicate: int = 0
    quarantined: int = 0
    items: list[dict[str, object]] = field(default_factory=list)
    items_truncated: bool = False

    def add(self, reading: Reading, receipt: Receipt) -> None:
        """Count what became of a part that is now on disk."""
        self.stored += receipt.events_stored
        self.duplicate += receipt.events_duplicate
        self.quarantined += len(reading.faults)
        if receipt.events_duplicate or reading.faults:
            self._list(_items_of(reading, receipt))

    def _list(self, items: Iterable[dict[str, object]]) -> None:
        for item in items:
            if len(self.items) >= MAX_ITEMS:
                self.items_truncated = True
                return
            self.items.append(item)

    def response(self) -> Response:
        """200 when any event was taken or there was none, 400 when nothing but faults came."""
        if self.stored == 1 and not self.items:
            return _ONE_STORED
        content: dict[str, object] = {
            "stored": self.stored,
            "duplicate": self.duplicate,
            "quarantined": self.quarantined,
            "items": self.items,
        }
        if self.items_truncated:
            content["items_truncated"] = True
        is_bad = self.quarantined and not self.stored and not self.duplicate
        return json_response(400 if is_bad else 200, content)


def _items_of(reading: Reading, receipt: Receipt) -> list[dict[str, object]]:
    """The items that were not stored, in the order of the request."""
    items: list[dict[str, object]] = [
        {"index": index, "status": "duplicate"}
        for index, is_new in zip(reading.positions, receipt.new_events, strict=True)
        if not is_new
    ]
    for fault in reading.faults:
        item: dict[str, object] = {} if reading.is_whole else {"index": fault.index}
        items.append(item | {"status": "quarantined", "reason": fault.reason, "message": fault.message})
    items.sort(key=_position)
    return items


def _position(item: dict[str, object]) -> int:
    index = item.get("index")
    return index if isinstance(index, int) else 0
