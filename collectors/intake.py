"""Handing facts on: what an edge needs of services.ingest."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from typing import Protocol

from controltower.services.ingest import FactBatch, Receipt

__all__ = ["FactBatch", "Intake", "Receipt", "commit"]


class Intake(Protocol):
    """Takes fact batches; services.ingest.Ingest is the real one."""

    def submit(self, batch: FactBatch) -> Future[Receipt]:
        """Queue a batch; the future gives its receipt after the commit, or raises StoreUnavailable.

        Raises Overloaded at once when too much waits already.
        """


async def commit(intake: Intake, batch: FactBatch) -> Receipt:
    """Submit a batch and wait until it is on disk."""
    return await asyncio.wrap_future(intake.submit(batch))
