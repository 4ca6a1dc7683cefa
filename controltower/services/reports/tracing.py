"""What the stored traces are like: whole or not, who calls whom, and what one operation brings with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from controltower.domain.errors import BadPayload
from controltower.domain.quantiles import quantile
from controltower.domain.spans import Span
from controltower.services.traces import Decoded, decode_segments
from controltower.store.engine import Connection
from controltower.store.traces import list_trace_ids, segments_of_traces

MOST_SPANS = 1_000_000
_AT_ONCE = 1_000  # traces
_NS_IN_MS = 1_000_000


@dataclass(frozen=True, slots=True)
class Call:
    """Spans of one service whose parent is a span of another."""

    sender: str
    receiver: str
    spans: int


@dataclass(frozen=True, slots=True)
class Operation:
    """The spans of one name in one service."""

    service: str
    name: str
    spans: int
    errors: int
    traces: int
    median_ms: float
    max_ms: float
    per_trace: dict[int, int]  # how many of its spans -> in how many traces, those without any included


@dataclass(slots=True)
class TraceFigures:
    """Figures over traces; a span that was sent twice counts once."""

    traces: int = 0
    spans: int = 0
    unreadable: int = 0  # stored parts that could not be read
    first_start_ns: int | None = None
    last_end_ns: int | None = None
    roots: int = 0  # spans that name no parent
    orphans: int = 0  # spans whose parent is not in their trace
    traces_without_root: int = 0
    traces_with_errors: int = 0
    single_span_traces: int = 0
    most_spans: int = 0  # in one trace
    starting_before_parent: int = 0
    ending_after_parent: int = 0
    calls: list[Call] = field(default_factory=list)  # between services, the commonest first
    operations: list[Operation] = field(default_factory=list)  # the commonest first


@dataclass(slots=True)
class _Seen:
    """The spans of an operation so far."""

    took_ns: list[int] = field(default_factory=list)
    errors: int = 0
    per_trace: Counter[int] = field(default_factory=Counter)


def count_traces(c: Connection, service: str = "", name: str = "") -> TraceFigures:
    """Figures over all traces, or over those with a span of this service and name.

    Raises BadPayload when they have more than MOST_SPANS spans.
    """
    figures = TraceFigures()
    calls: Counter[tuple[str, str]] = Counter()
    operations: dict[tuple[str, str], _Seen] = {}
    needles = service.encode(), name.encode()
    for spans, unreadable in _all_traces(c, needles):
        figures.unreadable += unreadable
        if not spans or not _has(spans, service, name):
            continue
        _add_trace(figures, spans)
        _add_parents(figures, calls, spans)
        _add_operations(operations, spans)
        if figures.spans > MOST_SPANS:
            raise BadPayload(f"more than {MOST_SPANS:,} spans: name a service and a span")
    figures.calls = [Call(*pair, n) for pair, n in sorted(calls.items(), key=lambda one: (-one[1], one[0]))]
    found = [_operation(key, seen, figures.traces) for key, seen in operations.items()]
    figures.operations = sorted(found, key=lambda one: (-one.spans, one.service, one.name))
    return figures


def _all_traces(c: Connection, needles: tuple[bytes, ...]) -> Iterator[Decoded]:
    """Traces in whose bytes every needle stands: decoding the others would take most of the time."""
    for ids in list_trace_ids(c, _AT_ONCE):
        for segments in segments_of_traces(c, ids).values():
            if all(any(needle in segment for segment in segments) for needle in needles):
                yield decode_segments(segments)


def _has(spans: list[Span], service: str, name: str) -> bool:
    return any(
        (not service or span.service == service) and (not name or span.name == name) for span in spans
    )


def _add_trace(figures: TraceFigures, spans: list[Span]) -> None:
    roots = sum(not span.parent_id for span in spans)
    starts, ends = min(span.start_ns for span in spans), max(span.end_ns for span in spans)
    figures.traces += 1
    figures.spans += len(spans)
    figures.roots += roots
    figures.traces_without_root += not roots
    figures.traces_with_errors += any(span.status == "error" for span in spans)
    figures.single_span_traces += len(spans) == 1
    figures.most_spans = max(figures.most_spans, len(spans))
    known = figures.first_start_ns
    figures.first_start_ns = starts if known is None else min(known, starts)
    figures.last_end_ns = max(figures.last_end_ns or 0, ends)


def _add_parents(figures: TraceFigures, calls: Counter[tuple[str, str]], spans: list[Span]) -> None:
    by_id = {span.span_id: span for span in spans}
    for span in spans:
        parent = by_id.get(span.parent_id) if span.parent_id else None
        if parent is None:
            figures.orphans += bool(span.parent_id)
            continue
        figures.starting_before_parent += span.start_ns < parent.start_ns
        figures.ending_after_parent += span.end_ns > parent.end_ns
        if parent.service != span.service:
            calls[parent.service, span.service] += 1


def _add_operations(operations: dict[tuple[str, str], _Seen], spans: list[Span]) -> None:
    of_trace: Counter[tuple[str, str]] = Counter()
    for span in spans:
        key = (span.service, span.name)
        of_trace[key] += 1
        seen = operations.setdefault(key, _Seen())
        seen.took_ns.append(span.end_ns - span.start_ns)
        seen.errors += span.status == "error"
    for key, n in of_trace.items():
        operations[key].per_trace[n] += 1


def _operation(key: tuple[str, str], seen: _Seen, traces: int) -> Operation:
    service, name = key
    with_it = seen.per_trace.total()
    counts = dict(sorted(seen.per_trace.items()))
    took = sorted(seen.took_ns)
    return Operation(
        service=service,
        name=name,
        spans=len(took),
        errors=seen.errors,
        traces=with_it,
        median_ms=quantile(took, 0.5) / _NS_IN_MS,
        max_ms=took[-1] / _NS_IN_MS,
        per_trace={0: traces - with_it, **counts} if with_it < traces else counts,
    )
