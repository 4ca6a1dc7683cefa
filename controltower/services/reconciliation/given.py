"""What somebody hands over for a run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import IO

Extract = Path | IO[bytes]


@dataclass(frozen=True, slots=True)
class Given:
    """An extract that somebody hands over, and what they call it."""

    file: Extract
    name: str
