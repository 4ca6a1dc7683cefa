"""Committing a group: what becomes of every batch of it, whatever is wrong with one of them."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import msgspec

from controltower.domain.errors import BadPayload, ControlTowerError, StoreUnavailable
from controltower.domain.facts import Quarantined
from controltower.domain.processes import Process
from controltower.store.engine import Database, writing
from controltower.store.facts import Receipt, commit_facts
from controltower.store.packing import unpack
from controltower.store.prepared import FactBatch, Group, group_of, only, prepare

_log = logging.getLogger(__name__)

UNSTORABLE = "the store cannot hold what this says; the log of the tower has the cause"
_EVENT_TYPE = "application/cloudevents+json"
_OTLP_TYPE = "application/x-protobuf"


class Outcome(msgspec.Struct, array_like=True, frozen=True):
    """What became of one batch: its receipt, or why nothing of it was kept."""

    receipt: Receipt | None = None
    is_bad: bool = False  # sending it again unchanged will not help
    message: str = ""

    @property
    def error(self) -> ControlTowerError:
        """What to raise when there is no receipt."""
        return (BadPayload if self.is_bad else StoreUnavailable)(self.message)


def refused(error: ControlTowerError) -> Outcome:
    """The outcome of a batch that met this error."""
    return Outcome(None, not error.retryable, str(error))


def commit_group(db: Database, processes: Mapping[str, Process], group: Group) -> list[Outcome]:
    """Commit all batches at once; should the store refuse that, one by one, so that one cannot take its
    neighbours down. Never raises.
    """
    try:
        receipts = _write(db, processes, group)
    except ControlTowerError as exc:
        return [refused(exc)] * len(group.batches)
    except Exception:  # noqa: BLE001
        # A defect in one batch must not be the fate of the others, nor of the writer.
        _log.exception("a group of %d batches could not be stored", len(group.batches))
        if len(group.batches) == 1:
            return [_hold(db, processes, group)]
        alone = (only(group, index) for index in range(len(group.batches)))
        return [outcome for one in alone for outcome in commit_group(db, processes, one)]
    return [Outcome(receipt) for receipt in receipts]


def _write(db: Database, processes: Mapping[str, Process], group: Group) -> list[Receipt]:
    with writing(db) as connection:
        return commit_facts(connection, group, processes)


def _hold(db: Database, processes: Mapping[str, Process], group: Group) -> Outcome:
    """Put what the store cannot take into quarantine: to its sender it is bad input, not an outage."""
    try:
        held = prepare(FactBatch(quarantined=_as_quarantined(group)))
        _write(db, processes, group_of([held], group.now_us))
    # Whatever is wrong here too, the sender must get an answer and the writer must go on.
    except Exception as exc:  # noqa: BLE001
        _log.warning("it could not be put into quarantine either: %s", exc)
        return refused(StoreUnavailable("the batch could not be stored; the log has the cause"))
    return refused(BadPayload(UNSTORABLE))


def _as_quarantined(group: Group) -> list[Quarantined]:
    payloads = [unpack(event.payload) for batch in group.batches for event in batch.events]
    parts = [part for batch in group.parts for part in batch]
    return [Quarantined("events", "unstorable", UNSTORABLE, _EVENT_TYPE, payload) for payload in payloads] + [
        Quarantined("otlp-traces", "unstorable", UNSTORABLE, _OTLP_TYPE, part) for part in parts
    ]
