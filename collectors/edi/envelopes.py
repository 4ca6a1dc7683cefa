"""Envelopes: interchanges hold groups, groups hold sets, and each level counts and numbers what it holds.

X12 and EDIFACT nest and count in the same way, so one walk reads both. What an envelope gets wrong is told as
a fault and never loses a set: a set whose trailer is missing ends where the next one begins.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from collectors.edi.segments import Segment

MAX_FAULTS = 20  # told of one level; a broken file repeats itself


@dataclass(frozen=True, slots=True)
class Envelope:
    """One level of envelopes: its header, its trailer, and which element of the header is its number."""

    name: str
    header: str
    trailer: str
    control: int
    holds: str  # what its trailer counts in element 1; element 2 repeats the number


@dataclass(frozen=True, slots=True)
class Standard:
    """The three levels of a standard."""

    interchange: Envelope
    group: Envelope
    set: Envelope
    needs_groups: bool  # the interchange counts groups even when there is none
    alone: frozenset[str] = frozenset()  # segments that are documents of their own, between the sets
    ignored: frozenset[str] = frozenset()  # service segments between the sets


@dataclass(slots=True)
class Level:
    """An envelope that was found; `header` is None when it was only implied."""

    envelope: Envelope
    header: Segment | None
    faults: list[str] = field(default_factory=list)
    held: int = 0  # sets, groups or segments, as its trailer counts them
    segments: list[Segment] = field(default_factory=list)  # of a set, without header and trailer
    trailer: Segment | None = None
    is_open: bool = True

    @property
    def control(self) -> str:
        """Its number, "" when it has none."""
        return self.header.element(self.envelope.control).strip() if self.header else ""

    @property
    def label(self) -> str:
        """How faults name it."""
        return f"{self.envelope.name} {self.control}".strip()

    def blame(self, fault: str) -> None:
        """Note a fault; past MAX_FAULTS no more are kept."""
        if len(self.faults) < MAX_FAULTS:
            self.faults.append(fault)


@dataclass(slots=True)
class FoundSet:
    """A transaction set or message, and the envelopes around it."""

    level: Level
    group: Level | None
    interchange: Level

    @property
    def faults(self) -> list[str]:
        """Everything wrong with it and with the envelopes around it, innermost first."""
        outer = [*(self.group.faults if self.group else ()), *self.interchange.faults]
        return list(dict.fromkeys([*self.level.faults, *outer]))


class Walk:
    """Reads the segments of one interchange."""

    def __init__(self, standard: Standard) -> None:
        self._standard = standard
        self._interchange = Level(standard.interchange, None)
        self._group: Level | None = None
        self._set: Level | None = None
        self._groups = 0
        self.found: list[FoundSet] = []
        self.is_over = False

    @property
    def interchange(self) -> Level:
        """The interchange, as far as it is known."""
        return self._interchange

    def blame(self, fault: str) -> None:
        """Note a fault of the innermost open level."""
        (self._set or self._group or self._interchange).blame(fault)

    def take(self, segment: Segment) -> None:
        """Read the next segment."""
        standard = self._standard
        match segment.tag:
            case standard.interchange.header:
                self._interchange.header = segment
            case standard.group.header:
                self._open_group(segment)
            case standard.set.header:
                self._open_set(segment)
            case standard.set.trailer:
                self._close_set(segment)
            case standard.group.trailer:
                self._close_group(segment)
            case standard.interchange.trailer:
                self._close_interchange(segment)
            case tag if tag in standard.alone and self._set is None:
                self._add_set(Level(standard.set, segment, segments=[segment], is_open=False))
            case _ if self._set is not None:
                self._set.segments.append(segment)
            case _:
                if segment.tag not in standard.ignored:
                    self.blame(f"segment {segment.tag[:8]} stands outside of every {standard.set.name}")

    def finish(self) -> None:
        """The text ends here: whatever is still open misses its trailer."""
        if not self.is_over:
            self._end(self._set)
            self._end(self._group)
            self._end(self._interchange)

    def _open_group(self, segment: Segment) -> None:
        self._end(self._set)
        self._end(self._group)
        self._set, self._group = None, Level(self._standard.group, segment)
        self._groups += 1

    def _open_set(self, segment: Segment) -> None:
        self._end(self._set)
        self._set = Level(self._standard.set, segment)
        self._add_set(self._set)
        if self._group:
            self._group.held += 1

    def _add_set(self, level: Level) -> None:
        self.found.append(FoundSet(level, self._group, self._interchange))

    def _close_set(self, trailer: Segment) -> None:
        if self._set is None:
            self.blame(f"{trailer.tag} stands where no {self._standard.set.name} is open")
            return
        self._set.held = len(self._set.segments) + 2
        _compare(self._set, trailer)
        self._set = None

    def _close_group(self, trailer: Segment) -> None:
        self._end(self._set)
        self._set = None
        if self._group is None:
            self.blame(f"{trailer.tag} stands where no {self._standard.group.name} is open")
            return
        _compare(self._group, trailer)
        self._group = None

    def _close_interchange(self, trailer: Segment) -> None:
        self._end(self._set)
        self._end(self._group)
        self._set = self._group = None
        has_groups = self._groups or self._standard.needs_groups
        self._interchange.held = self._groups if has_groups else len(self.found)
        _compare(self._interchange, trailer)
        self.is_over = True

    def _end(self, level: Level | None) -> None:
        if level is not None and level.is_open:
            level.is_open = False
            if level.header is not None:
                level.blame(f"{level.label} has no trailer {level.envelope.trailer}")


def _compare(level: Level, trailer: Segment) -> None:
    """Note where a trailer says something else than what it ends."""
    level.is_open = False
    level.trailer = trailer
    count, control = trailer.element(1).strip(), trailer.element(2).strip()
    if count.lstrip("0") != str(level.held).lstrip("0"):
        said = count[:20] or "nothing"
        level.blame(
            f"{trailer.tag} of {level.label} counts {said} where {level.held} {level.envelope.holds} came"
        )
    if level.header is not None and control.lstrip("0") != level.control.lstrip("0"):
        level.blame(f"{trailer.tag} of {level.label} has another control number: {control[:40] or 'none'}")


X12 = Standard(
    Envelope("interchange", "ISA", "IEA", 13, "groups"),
    Envelope("group", "GS", "GE", 6, "sets"),
    Envelope("set", "ST", "SE", 2, "segments"),
    needs_groups=True,
    alone=frozenset(("TA1",)),
    ignored=frozenset(("ISB", "ISE", "TA3")),
)
EDIFACT = Standard(
    Envelope("interchange", "UNB", "UNZ", 5, "messages or groups"),
    Envelope("group", "UNG", "UNE", 5, "messages"),
    Envelope("message", "UNH", "UNT", 1, "segments"),
    needs_groups=False,
)
