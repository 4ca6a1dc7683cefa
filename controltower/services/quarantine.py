"""Held bytes: putting them right and submitting them again, or giving them up."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from concurrent.futures import TimeoutError as StillWaiting
from datetime import datetime, timedelta
from typing import Protocol

from controltower.domain.errors import BadPayload, Conflict, StoreUnavailable
from controltower.services.ingest import FactBatch, Ingest, Receipt
from controltower.store import quarantine as store
from controltower.store.engine import Database, reading, transaction
from controltower.store.quarantine import HELD, HeldItem


class Understood(Protocol):
    """What held bytes say that is more than facts, not stored yet."""

    def store(self) -> Receipt:
        """Store it; the same again changes nothing. Raises StoreUnavailable or Overloaded."""


# (payload, content type, headers kept with it, now); raises BadPayload or UnsupportedMedia.
Decoder = Callable[[bytes, str, Mapping[str, str], datetime], FactBatch | Understood]

LONGEST_WAIT = timedelta(seconds=30)


def resubmit(
    db: Database,
    ingest: Ingest,
    decoders: Mapping[str, Decoder],
    item_id: bytes,
    payload: bytes,
    *,
    by: str,
    now: datetime,
) -> Receipt:
    """Decode the corrected bytes as the edge that held them would, store their facts, then settle the item.

    Nothing is stored unless all of it can be understood. Dying between the two steps leaves the item held
    with its facts stored; submitting it again then changes nothing but its state.

    Raises NotFound; Conflict when it is not held any more; BadPayload or UnsupportedMedia with what is
    still wrong; StoreUnavailable and Overloaded as every way in does.
    """
    with reading(db) as c:
        item = store.get_item(c, item_id)
    _check_held(item)
    understood = decoder_of(decoders, item.row.edge)(payload, item.row.content_type, _headers(item), now)
    receipt = _stored(ingest, understood) if isinstance(understood, FactBatch) else understood.store()
    with transaction(db) as c:
        if not store.mark_resubmitted(c, item_id, by, now):
            raise Conflict("Somebody else settled this item at the same moment; your facts are stored.")
    return receipt


def discard(db: Database, item_id: bytes, why: str, *, by: str, now: datetime) -> None:
    """Give the item up, with a reason; its bytes stay. Raises NotFound, Conflict; BadPayload without one."""
    reason = why.strip()
    if not reason:
        raise BadPayload("Say why this may be discarded; whoever looks for it will want to know.")
    with transaction(db) as c:
        item = store.get_item(c, item_id)
        if not store.mark_discarded(c, item_id, by, now, reason[:500]):
            _check_held(item)
            raise Conflict("Somebody else settled this item at the same moment.")


def decoder_of(decoders: Mapping[str, Decoder], edge: str) -> Decoder:
    """The decoder of an edge; BadPayload when its bytes cannot be submitted from here."""
    decoder = decoders.get(edge)
    if decoder is None:
        raise BadPayload(f"What came in by {edge!r} cannot be submitted again here; have its sender send it.")
    return decoder


def _check_held(item: HeldItem) -> None:
    if item.row.state != HELD:
        raise Conflict(f"This item is {item.row.state} already, by {item.row.settled_by or 'somebody'}.")


def _headers(item: HeldItem) -> Mapping[str, str]:
    """The headers that were kept for a second try; edges write them as a JSON object of texts."""
    kept = json.loads(item.headers or "{}")
    return {str(name): str(value) for name, value in kept.items()} if isinstance(kept, dict) else {}


def _stored(ingest: Ingest, batch: FactBatch) -> Receipt:
    if batch.quarantined:
        raise BadPayload(batch.quarantined[0].message)
    try:
        return ingest.submit(batch).result(timeout=LONGEST_WAIT.total_seconds())
    except StillWaiting as exc:
        raise StoreUnavailable("The store is slow to answer; the facts may still be stored.") from exc
