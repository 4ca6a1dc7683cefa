"""How the tower itself is doing: Prometheus text for /metrics."""

from __future__ import annotations

from collections.abc import Callable

from controltower.services.ingest import Ingest

_METRICS: tuple[tuple[str, str, str, str], ...] = (
    ("controltower_ingest_waiting_batches", "gauge", "waiting_batches", "Requests waiting for their commit."),
    ("controltower_ingest_waiting_bytes", "gauge", "waiting_bytes", "Bytes held by waiting requests."),
    ("controltower_ingest_commits_total", "counter", "commits", "Group commits that succeeded."),
    ("controltower_ingest_failed_commits_total", "counter", "failed_commits", "Group commits that failed."),
    ("controltower_ingest_events_total", "counter", "events", "Events stored for the first time."),
    (
        "controltower_ingest_segments_total",
        "counter",
        "segments",
        "Trace segments stored for the first time.",
    ),
)


def metrics_text(ingest: Ingest, *more: Callable[[], str]) -> Callable[[], str]:
    """A function that renders the counters of this process; `more` render those of other parts."""

    def render() -> str:
        figures = ingest.figures()
        lines: list[str] = []
        for name, kind, attribute, text in _METRICS:
            value = getattr(figures, attribute)
            lines += (f"# HELP {name} {text}", f"# TYPE {name} {kind}", f"{name} {value}")
        return "\n".join(lines) + "\n" + "".join(part() for part in more)

    return render
