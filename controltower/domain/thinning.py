"""Choosing which edges of a graph to draw, so that it can be read and still tells nearly everything."""

from __future__ import annotations

from collections.abc import Mapping

Edge = tuple[str, str]


def strongest(counts: Mapping[Edge, int], *, most: int, share: float = 1.0) -> set[Edge]:
    """The edges to draw: the most frequent in and out of each node, then others by frequency.

    Others are added while the edges drawn stand for less than `share` of all counts, and up to `most` edges.
    Edges from a node to itself keep no node in the drawing. The order of `counts` does not matter.
    """
    ranked = sorted(counts, key=lambda edge: (-counts[edge], edge))
    chosen: set[Edge] = set()
    entered: set[str] = set()
    left: set[str] = set()
    for source, target in ranked:
        if source != target and (source not in left or target not in entered):
            chosen.add((source, target))
            left.add(source)
            entered.add(target)
    told, wanted = sum(counts[edge] for edge in chosen), share * sum(counts.values())
    for edge in ranked:
        if len(chosen) >= most or told >= wanted:
            break
        if edge not in chosen:
            chosen.add(edge)
            told += counts[edge]
    return chosen
