"""The spans of a trace as the rows of a waterfall.

Nothing here recurses or trusts its input: parents may be missing, circular or younger than their children,
and a trace of 10,000 spans may be one chain.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from controltower.domain.spans import Span

_ROOT = -1


@dataclass(frozen=True, slots=True)
class WaterfallRow:
    """One span, placed."""

    depth: int
    span: Span
    offset_share: float  # where it starts, as a share of the trace's time
    width_share: float
    children: int
    is_error: bool
    is_orphan: bool  # its parent was never reported, or is its own descendant
    on_critical_path: bool
    skew_ns: int  # how long before its parent it claims to start: the clocks of two machines disagree


@dataclass(frozen=True, slots=True)
class Waterfall:
    """A trace from top to bottom: parents before children, earlier before later."""

    rows: tuple[WaterfallRow, ...]
    start_ns: int
    end_ns: int
    incomplete: bool  # at least one row is an orphan
    errors: int
    services: tuple[str, ...]  # in order of appearance

    @property
    def duration_ns(self) -> int:
        """From the earliest start to the latest end."""
        return self.end_ns - self.start_ns


def build_waterfall(spans: Iterable[Span]) -> Waterfall:
    """The waterfall of a trace; the order in which spans are given does not matter.

    A span id given twice is shown once. Orphans are shown at the top level, labelled, never dropped.
    """
    ordered = _distinct(spans)
    start_ns, end_ns = _bounds(ordered)
    tree = _Tree(ordered)
    critical = _critical_path(ordered, tree)
    rows = []
    for index, depth in tree.walk():
        span, parent = ordered[index], tree.parent[index]
        offset, width = _placed(span, start_ns, end_ns)
        rows.append(
            WaterfallRow(
                depth=depth,
                span=span,
                offset_share=offset,
                width_share=width,
                children=len(tree.children[index]),
                is_error=span.status == "error",
                is_orphan=index in tree.orphans,
                on_critical_path=index in critical,
                skew_ns=0 if parent == _ROOT else max(ordered[parent].start_ns - span.start_ns, 0),
            )
        )
    return Waterfall(
        rows=tuple(rows),
        start_ns=start_ns,
        end_ns=end_ns,
        incomplete=bool(tree.orphans),
        errors=sum(row.is_error for row in rows),
        services=tuple(dict.fromkeys(row.span.service for row in rows)),
    )


def _distinct(spans: Iterable[Span]) -> list[Span]:
    """One span for each id, earliest first; spans without an id are all kept."""
    seen: set[bytes] = set()
    kept = []
    for span in sorted(spans, key=_sort_key):
        if span.span_id and span.span_id in seen:
            continue
        seen.add(span.span_id)
        kept.append(span)
    return kept


def _sort_key(span: Span) -> tuple[int, int, bytes, bytes, str, str, str]:
    # Longer before shorter among those that start together: a parent is rarely shorter than its child.
    return (span.start_ns, -span.end_ns, span.span_id, span.parent_id, span.service, span.name, span.status)


def _bounds(spans: list[Span]) -> tuple[int, int]:
    """Earliest start and latest end; a span without a start time would squeeze all others into a corner."""
    timed = [span for span in spans if span.start_ns > 0] or spans
    if not timed:
        return 0, 0
    return min(s.start_ns for s in timed), max(max(s.start_ns, s.end_ns) for s in timed)


def _placed(span: Span, start_ns: int, end_ns: int) -> tuple[float, float]:
    """Offset and width as shares of the trace's time, both within it."""
    length = end_ns - start_ns
    if length <= 0:
        return 0.0, 0.0
    first = min(max(span.start_ns, start_ns), end_ns)
    last = min(max(span.end_ns, first), end_ns)
    offset = (first - start_ns) / length
    return offset, min((last - first) / length, 1 - offset)


class _Tree:
    """Parents and children by index into the ordered spans; a forest whatever the input."""

    def __init__(self, spans: list[Span]) -> None:
        position = {span.span_id: index for index, span in enumerate(spans) if span.span_id}
        self.parent = [_ROOT] * len(spans)
        self.orphans: set[int] = set()
        for index, span in enumerate(spans):
            if not any(span.parent_id):
                continue
            self.parent[index] = position.get(span.parent_id, _ROOT)
            if self.parent[index] == _ROOT:
                self.orphans.add(index)
        for index in _cycle_heads(self.parent):
            self.parent[index] = _ROOT
            self.orphans.add(index)
        self.children: list[list[int]] = [[] for _ in spans]
        self.roots: list[int] = []
        for index, parent in enumerate(self.parent):
            (self.roots if parent == _ROOT else self.children[parent]).append(index)

    def walk(self) -> Iterable[tuple[int, int]]:
        """(index, depth) of every span, parents first."""
        waiting = [(index, 0) for index in reversed(self.roots)]
        while waiting:
            index, depth = waiting.pop()
            yield index, depth
            waiting.extend((child, depth + 1) for child in reversed(self.children[index]))


def _cycle_heads(parent: list[int]) -> list[int]:
    """The first span of every circle of parents; a span that is its own parent is a circle of one."""
    heads = []
    walked_in = [0] * len(parent)
    for walk, start in enumerate(range(len(parent)), start=1):
        index = start
        while index != _ROOT and not walked_in[index]:
            walked_in[index] = walk
            index = parent[index]
        if index != _ROOT and walked_in[index] == walk:
            heads.append(_least_of_circle(parent, index))
    return heads


def _least_of_circle(parent: list[int], index: int) -> int:
    least, step = index, parent[index]
    while step != index:
        least = min(least, step)
        step = parent[step]
    return least


def _critical_path(spans: list[Span], tree: _Tree) -> set[int]:
    """The spans that decided when the trace ended.

    From the tree that ended last, go back in time: the child that finished last held its parent up; before it
    started, the one that had finished last by then; and so on, in each of them likewise. What ran beside them
    did not matter. A child may outlast its parent (a message is consumed after it was sent), so the end of a
    span is that of everything below it.
    """
    if not tree.roots:
        return set()
    ends = _subtree_ends(spans, tree)
    path: set[int] = set()
    waiting = [max(tree.roots, key=lambda index: (ends[index], -index))]
    while waiting:
        index = waiting.pop()
        path.add(index)
        until = ends[index]
        for child in sorted(tree.children[index], key=lambda child: (-ends[child], child)):
            if spans[index].start_ns <= ends[child] <= until:
                waiting.append(child)
                until = min(until, spans[child].start_ns)
    return path


def _subtree_ends(spans: list[Span], tree: _Tree) -> list[int]:
    ends = [max(span.start_ns, span.end_ns) for span in spans]
    for index, _ in reversed(list(tree.walk())):
        parent = tree.parent[index]
        if parent != _ROOT:
            ends[parent] = max(ends[parent], ends[index])
    return ends
