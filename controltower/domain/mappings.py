"""What people see of mappings: which there are, and what a payload would become."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

UNMAPPED = "unmapped"
"""The type of an event whose topic no mapping names."""


@dataclass(frozen=True, slots=True)
class MappingRow:
    """A mapping in a list."""

    name: str
    title: str
    format: str
    scheme: str  # how the sender of its hook is verified
    has_secret: bool
    file: str
    topics: tuple[str, ...]


@dataclass(slots=True)
class TriedDocument:
    """What one document of a sample became."""

    topic: str = ""
    events: list[Mapping[str, object]] = field(default_factory=list)  # the attributes of CloudEvents
    reason: str = ""  # of the fault that would put it into quarantine
    message: str = ""
    is_unmapped: bool = False
    why: list[str] = field(default_factory=list)  # for each rule that told nothing, why

    @property
    def outcome(self) -> str:
        """In one word: quarantined, unmapped, nothing or told."""
        if self.reason:
            return "quarantined"
        if self.is_unmapped:
            return UNMAPPED
        return "told" if self.events else "nothing"

    @property
    def summary(self) -> str:
        """The outcome in a sentence."""
        topic = f" (topic {self.topic!r})" if self.topic else ""
        match self.outcome:
            case "quarantined":
                return f"quarantined{topic}: {self.reason}: {self.message}"
            case "unmapped":
                return f"{UNMAPPED}{topic}: no rule names its topic, or none applies"
            case "nothing":
                return f"nothing{topic}: no condition of its rules holds"
        return f"{len(self.events)} event{'s' * (len(self.events) != 1)}{topic}"
