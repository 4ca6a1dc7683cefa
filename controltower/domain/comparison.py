"""Two journeys side by side: what both did, what only one did, and where they first differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from controltower.domain.steps import Step

MOST_STEPS = 500  # of each journey; aligning takes time by the product of both

RowState = Literal["same", "only_a", "only_b", "instead"]


@dataclass(frozen=True, slots=True)
class ComparedRow:
    """A step of both journeys, or of one of them; `instead` puts two different steps beside each other."""

    state: RowState
    a: Step | None
    b: Step | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Both journeys from top to bottom."""

    rows: tuple[ComparedRow, ...]
    first_difference: int | None  # index of the row; None when the activities and their order are the same
    left_out: int  # steps beyond MOST_STEPS, of both together


def compare(a: Sequence[Step], b: Sequence[Step]) -> Comparison:
    """Align two journeys by their activities, so that as many as possible stand beside each other."""
    shown_a, shown_b = a[:MOST_STEPS], b[:MOST_STEPS]
    pairs = _common(shown_a, shown_b)
    rows: list[ComparedRow] = []
    at_a = at_b = 0
    for next_a, next_b in (*pairs, (len(shown_a), len(shown_b))):
        rows.extend(_between(shown_a[at_a:next_a], shown_b[at_b:next_b]))
        if next_a < len(shown_a):
            rows.append(ComparedRow("same", shown_a[next_a], shown_b[next_b]))
        at_a, at_b = next_a + 1, next_b + 1
    first = next((index for index, row in enumerate(rows) if row.state != "same"), None)
    return Comparison(tuple(rows), first, len(a) - len(shown_a) + len(b) - len(shown_b))


def _between(a: Sequence[Step], b: Sequence[Step]) -> list[ComparedRow]:
    """The steps between two that both have."""
    both = min(len(a), len(b))
    rows = [ComparedRow("instead", *pair) for pair in zip(a[:both], b[:both], strict=True)]
    rows += [ComparedRow("only_a", step, None) for step in a[both:]]
    rows += [ComparedRow("only_b", None, step) for step in b[both:]]
    return rows


def _common(a: Sequence[Step], b: Sequence[Step]) -> list[tuple[int, int]]:
    """Places of a longest common subsequence of activities; equal beginnings are always part of it."""
    start = 0
    while start < min(len(a), len(b)) and a[start].activity == b[start].activity:
        start += 1
    pairs = [(index, index) for index in range(start)]
    longest = _lengths(a[start:], b[start:])
    i, j = 0, 0
    while start + i < len(a) and start + j < len(b):
        if a[start + i].activity == b[start + j].activity:
            pairs.append((start + i, start + j))
            i, j = i + 1, j + 1
        elif longest[i + 1][j] >= longest[i][j + 1]:
            i += 1
        else:
            j += 1
    return pairs


def _lengths(a: Sequence[Step], b: Sequence[Step]) -> list[list[int]]:
    """[i][j]: how long the longest common subsequence of a[i:] and b[j:] is."""
    below = [0] * (len(b) + 1)
    table = [below]
    for one in reversed(a):
        row = [0] * (len(b) + 1)
        for j in range(len(b) - 1, -1, -1):
            row[j] = below[j + 1] + 1 if one.activity == b[j].activity else max(below[j], row[j + 1])
        table.append(row)
        below = row
    table.reverse()
    return table
