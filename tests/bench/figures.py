"""What a measurement found, and how it is shown: every number with its target, ratio and conditions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.bench.load import Load
from tests.bench.machine import Usage


@dataclass(frozen=True)
class Figure:
    """One number; `target` is what it should reach, or stay under when `is_most`."""

    name: str
    value: float
    unit: str
    target: float | None = None
    is_most: bool = False

    @property
    def ratio(self) -> float | None:
        """1 is on target, more is better."""
        if self.target is None or not self.value:
            return None
        return self.target / self.value if self.is_most else self.value / self.target

    def line(self, width: int) -> str:
        """The figure in a line, its name in a column of this width."""
        shown = f"{self.value:,.0f}" if self.value >= 1000 else f"{self.value:.3g}"
        line = f"    {self.name:<{width}}{shown:>10} {self.unit:<18}"
        if self.ratio is not None:
            sign = "at most" if self.is_most else "at least"
            line += f"  {self.ratio:5.2f} x target ({sign} {self.target:,.0f})"
        return line.rstrip()


@dataclass
class Result:
    """What one measurement found."""

    title: str
    conditions: tuple[str, ...]
    figures: list[Figure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def show(self) -> None:
        """Print it."""
        print(f"\n{self.title}")
        for condition in self.conditions:
            print(f"    {condition}")
        width = max(len(figure.name) for figure in self.figures) + 2
        for figure in self.figures:
            print(figure.line(width))
        for note in self.notes:
            print(f"    {note}", flush=True)


def percentile(values: Sequence[float], share: float) -> float:
    """The value that this share of the values does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def latency_figures(
    latencies: Sequence[float], *, p95: float | None = None, p99: float | None = None
) -> list[Figure]:
    """Percentiles in milliseconds; targets are upper bounds."""
    shares = (("p50", 0.5, None), ("p95", 0.95, p95), ("p99", 0.99, p99), ("max", 1.0, None))
    return [
        Figure(f"request {name}", percentile(latencies, share) * 1000, "ms", target, is_most=True)
        for name, share, target in shares
    ]


def load_figures(load: Load, spent: Usage, unit: str) -> list[Figure]:
    """What a fact cost each party: less noisy than rates on a machine that others use."""
    micro = 1e6 / max(1, load.facts)
    figures = [Figure("server CPU", spent.server * micro, f"us/{unit}")]
    if spent.database:
        figures.append(Figure("database CPU", spent.database * micro, f"us/{unit}"))
    figures.append(Figure("driver CPU", spent.driver * micro, f"us/{unit}"))
    figures.append(Figure("server busy", spent.server / load.seconds, "cores"))
    figures.append(Figure("machine busy with other things", spent.others / load.seconds, "cores"))
    return figures


def load_notes(load: Load) -> list[str]:
    """What did not go as it should."""
    if not load.refused:
        return []
    return [f"NOT STORED: {load.refused} requests were answered otherwise: {dict(load.statuses)}"]
