"""What a comparison comes to."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

MISSING_LEFT = "missing_left"
MISSING_RIGHT = "missing_right"
DIFFERENT = "different"
LATE = "late"
UNREADABLE = "unreadable"
FINDING_KINDS = (MISSING_LEFT, MISSING_RIGHT, DIFFERENT, LATE, UNREADABLE)


class Finding(NamedTuple):
    """Something that does not agree."""

    kind: str
    key: tuple[str, ...]
    check: str  # the title of the check; "" for a key that a side lacks
    left: str
    right: str
    difference: str


@dataclass(slots=True)
class Comparison:
    """What came out."""

    left_rows: int = 0  # that were asked for
    right_rows: int = 0
    left_keys: int = 0
    right_keys: int = 0
    without_key: int = 0  # rows of either side
    matched: int = 0  # keys of both sides about which every check agrees
    not_due: int = 0  # keys that the right side may still lack
    counts: Counter[str] = field(default_factory=Counter)  # findings by kind
    findings: list[Finding] = field(default_factory=list)  # by kind and key
