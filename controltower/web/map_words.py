"""How figures of maps read: times in one unit, rates in the unit that suits them, short names of steps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from flask import Blueprint

from controltower.domain.process_map import END, START
from controltower.domain.processes import CANCELLED, COMPLETED, FAILURE_SUFFIXES, Process
from controltower.domain.quantiles import Spread
from controltower.services.flows import JourneysRead, SpansRead
from controltower.store.journey_samples import LOOKED_THROUGH, MOST_EVENTS

bp = Blueprint("map_words", __name__)

_UNITS = (("d", 86_400_000_000), ("h", 3_600_000_000), ("min", 60_000_000), ("s", 1_000_000), ("ms", 1_000))
_FAILED = ".failed"


@bp.app_template_filter()
def brief(us: int) -> str:
    """A duration in one unit: ``2.7 h``, ``12 ms``."""
    for index, (unit, size) in enumerate(_UNITS):
        if us >= size:
            shown = _two_figures(us / size)
            larger = _UNITS[index - 1] if index else None
            if larger and float(shown) * size >= larger[1]:
                return f"1 {larger[0]}"  # 59.7 s reads as a minute
            return f"{shown} {unit}"
    return f"{us} µs" if us else "0 s"


@bp.app_template_filter()
def rate(per_hour: float | None) -> str:
    """A rate in the unit that makes it a number of people's size; an em dash when it is not known."""
    if per_hour is None:
        return "–"
    if per_hour >= 3_600:
        return f"{_two_figures(per_hour / 3_600)}/s"
    if per_hour >= 60:
        return f"{_two_figures(per_hour / 60)}/min"
    if per_hour >= 1:
        return f"{_two_figures(per_hour)}/h"
    return f"{_two_figures(per_hour * 24)}/day"


@bp.app_template_filter()
def share(part: float) -> str:
    """A share in per cent; what is not nothing never reads as nothing, nor what is not all as all."""
    per_cent = 100 * part
    if 0 < per_cent < 0.1:
        return "< 0.1 %"
    if 99.9 < per_cent < 100:
        return "> 99.9 %"
    return f"{per_cent:.0f} %" if per_cent >= 10 or per_cent == 0 else f"{per_cent:.1f} %"


def gap_words(gap: Spread | None) -> str:
    """The median of a gap; nothing where there is none."""
    return brief(gap.p50_us) if gap else ""


def _two_figures(number: float) -> str:
    return f"{number:.0f}" if number >= 10 else f"{number:.1f}".removesuffix(".0")


def activity_titles(names: Iterable[str], process: Process | None, *, by_stage: bool) -> dict[str, str]:
    """What people call these activities: the titles of stages, or event types without the vendor's prefix."""
    called = set(names) - {START, END}
    titles = {name: _stage_title(name, process) for name in called} if by_stage else _short_types(called)
    return {**titles, START: "Start", END: "Last so far"}


def _stage_title(name: str, process: Process | None) -> str:
    stages = {stage.name: stage.title for stage in process.stages} if process else {}
    if name in (CANCELLED, COMPLETED):
        return stages.get(name, name.capitalize())
    stem = name.removesuffix(_FAILED)
    title = stages.get(stem, stem)
    return title if stem == name else f"{title} failed"


def _short_types(types: Iterable[str]) -> Mapping[str, str]:
    short = {name: _short_type(name) for name in types}
    used = Counter(short.values())
    return {name: title if used[title] == 1 else name for name, title in short.items()}


def _short_type(name: str) -> str:
    """The last two words of a type, three of a failure: ``order.posted.failed``."""
    words = name.split(".")
    kept = 3 if words[-1] in FAILURE_SUFFIXES else 2
    return ".".join(words[-kept:])


def journeys_words(read: JourneysRead) -> str:
    """Which journeys a map was made of, and of how many."""
    if read.is_whole:
        return f"All {_journeys(read.found)} of the window"
    if read.read + read.too_long == read.found:
        words = f"All {_journeys(read.read)} found"
    else:
        words = f"Sampled: {read.read:,} of {_journeys(read.found)}, spread evenly over them"
    if read.too_long:
        words += f"; {_journeys(read.too_long)} with more than {MOST_EVENTS:,} events left out"
    if read.looked_back_to is not None:
        at = read.looked_back_to
        words += (
            f"; only the newest {LOOKED_THROUGH:,} journeys were looked at, "
            f"which started since {at.day} {at:%b %Y %H:%M} UTC"
        )
    return words


def spans_words(read: SpansRead) -> str:
    """Which spans a map was made of, and of how many."""
    if read.is_whole:
        return f"All {read.spans:,} spans of {read.traces:,} traces of the window"
    words = f"Sampled: {read.spans:,} spans of {read.traces:,} traces from all over the window"
    return words if read.arrived is None else f"{words}, in which {read.arrived:,} spans arrived"


def _journeys(count: int) -> str:
    return f"{count:,} journey" if count == 1 else f"{count:,} journeys"
