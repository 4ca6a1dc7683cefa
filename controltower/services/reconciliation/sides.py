"""Both sides of a declaration, read and compared; loads pandas, so that nobody should who runs nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

import pandas as pd

from controltower.services.reconciliation.comparing import compare
from controltower.services.reconciliation.declaration import Declaration, Side
from controltower.services.reconciliation.extracts import (
    BadExtract,
    find_file,
    read_csv_extract,
    read_events_extract,
)
from controltower.services.reconciliation.findings import Comparison
from controltower.services.reconciliation.given import Given
from controltower.store.engine import Database, reading


def compare_sides(
    db: Database, declaration: Declaration, given: Mapping[str, Given], clock: Callable[[], datetime]
) -> Comparison:
    """Read both sides, those in `given` from there, and compare them as of when they are read."""
    left, right = (_table(db, declaration, side, given) for side in ("left", "right"))
    return compare(declaration, left, right, clock())


def _table(db: Database, declaration: Declaration, name: str, given: Mapping[str, Given]) -> pd.DataFrame:
    side: Side = getattr(declaration, name)
    try:
        if name in given:
            return read_csv_extract(given[name].file, side, given[name].name)
        if side.events is not None:
            with reading(db) as c:
                return read_events_extract(c, side)
        if not side.file:
            raise BadExtract(f"{side.title} ({name}): an extract must be given")
        found = find_file(side)
        return read_csv_extract(found, side, found.name)
    except OSError as exc:
        raise BadExtract(f"{side.title} ({name}): cannot be read: {exc.strerror or exc}") from exc
