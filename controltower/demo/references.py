"""Where the story of an order is written: what has to be known to tell it again."""

from __future__ import annotations

import re
from random import Random
from typing import NamedTuple

_WRITTEN = re.compile(r"(-?\d{1,18})/([A-Z]{0,16})/(\d{1,9})/(\d)")


class Reference(NamedTuple):
    """An order by the run that played it: its number, or that of the first of several that came together and
    its place among them.
    """

    seed: int
    series: str
    number: int
    place: int = 0

    def __str__(self) -> str:
        return f"{self.seed}/{self.series}/{self.number}/{self.place}"

    def generator(self) -> Random:
        """What decides about the order, and about those that came with it."""
        return Random(f"{self.seed}/{self.series}/{self.number}")


def find_reference(text: str) -> Reference | None:
    """The reference that is written there; None when none is."""
    found = _WRITTEN.fullmatch(text.strip())
    return Reference(int(found[1]), found[2], int(found[3]), int(found[4])) if found else None
