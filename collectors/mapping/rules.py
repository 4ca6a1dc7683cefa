"""One rule of a mapping: when a document tells an event, and what it then says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from collectors.mapping.errors import BadDocument
from collectors.mapping.expressions import Expression, is_false
from collectors.mapping.templates import Scope, Shape, Template
from collectors.mapping.times import moment_of
from collectors.mapping.values import is_empty, text_in

MAX_EVENTS = 10_000  # of one document


@dataclass(frozen=True, slots=True)
class Rule:
    """When a document tells an event, and what it then says."""

    where: str  # its place in the file, as in events[2]
    topics: frozenset[str]
    when: tuple[Expression, ...]  # all of them must hold
    among: tuple[tuple[Expression, frozenset[str]], ...]  # must be one of these texts
    each: Expression | None
    type: Template
    id: Template
    times: tuple[Template, ...]  # the latest counts; without any, the event happened when it was received
    needs_time: bool  # without its time it is not told at all
    time_format: str
    zone: str
    traceparent: Template | None
    data: Shape

    def applies_to(self, scope: Scope) -> bool:
        """Whether its conditions hold; raises BadDocument."""
        for condition in self.when:
            if is_false(condition(scope)):
                return False
        return all(text_in(value(scope)) in allowed for value, allowed in self.among)

    def first_unmet(self, scope: Scope) -> str:
        """The condition that does not hold, or what is empty, in words; "" when it tells an event."""
        for condition in self.when:
            if is_false(condition(scope)):
                return f"when: {condition.text} does not hold"
        for value, allowed in self.among:
            if (found := text_in(value(scope))) not in allowed:
                return f"where: {value.text} is {found!r}, not one of {', '.join(sorted(allowed))}"
        if not self.type.text(scope):
            return "type: is empty"
        if self.needs_time and self.time_of(scope) is None:
            return f"time: {', '.join(time.words() for time in self.times)} is empty"
        return ""

    def scopes(self, scope: dict[str, Any]) -> Sequence[tuple[Any, dict[str, Any]]]:
        """The element and the scope of each event that it may tell; raises BadDocument."""
        if self.each is None:
            return ((None, scope),)
        items = self.each(scope)
        if items is None:
            return ()
        found = items if isinstance(items, list) else [items]
        if len(found) > MAX_EVENTS:
            raise BadDocument("too_many", f"{self.where}.each: more than {MAX_EVENTS} elements")
        return [
            (item, {**scope, **(item if isinstance(item, dict) else {}), "_item": item, "_index": place})
            for place, item in enumerate(found)
        ]

    def time_of(self, scope: Scope) -> str | None:
        """When it happened, in RFC 3339; None when the document has none of its times. Raises BadDocument."""
        moments = [
            moment_of(value, self.time_format, self.zone, template.words())
            for template in self.times
            if not is_empty(value := template.value(scope))
        ]
        return max(moments).isoformat() if moments else None
