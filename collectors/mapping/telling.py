"""What a mapping makes of one document: the events it tells."""

from __future__ import annotations

from collections.abc import Mapping as Table
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from collectors.json_values import canonical_json
from collectors.mapping.declared import VerifyTable
from collectors.mapping.errors import BadDocument
from collectors.mapping.expressions import Expression
from collectors.mapping.rules import MAX_EVENTS, Rule
from collectors.mapping.templates import Scope, Shape, Template, merged
from collectors.mapping.values import is_empty
from controltower.domain.mappings import UNMAPPED

Attributes = dict[str, object]  # of a CloudEvent, with its data


@dataclass(frozen=True, slots=True)
class Told:
    """One event, and the part of the document that told it: the element of `each`, or all of it."""

    attributes: Attributes
    told_by: object


@dataclass(frozen=True, slots=True)
class Telling:
    """What a document became."""

    topic: str
    events: list[Told]
    is_unmapped: bool = False  # no rule names its topic: the one event says so


@dataclass(frozen=True, slots=True)
class Mapping:
    """A checked mapping. Immutable, and safe to use from several threads."""

    name: str
    title: str
    format: str
    source: Template
    system: Template | None
    topic: Template | None
    traceparent: Template | None
    documents: Expression | None  # the documents inside one payload
    required: tuple[Expression, ...]
    rules: tuple[Rule, ...]
    ignored: frozenset[str]  # topics that tell nothing, on purpose
    needles: tuple[str, ...]  # of spans: one of them stands in every span that means something
    data: Shape  # of every event; told by the whole document, also where a rule fans out
    delimiter: str
    verify: VerifyTable | None
    file: str
    columns: tuple[str, ...]  # the members of the document that it reads, once each
    headers: frozenset[str]  # the names of the headers that it reads

    @property
    def topics(self) -> tuple[str, ...]:
        """The topics that its rules name, sorted."""
        return tuple(sorted({topic for rule in self.rules for topic in rule.topics}))

    def tell(
        self, document: object, headers: Table[str, str] | None = None, payload: object = None
    ) -> Telling:
        """The events of one decoded document; `headers` have lower-case names.

        A document whose topic no rule names becomes one event of type ``unmapped``. One that has a rule's
        topic and meets no rule's conditions becomes nothing. Raises BadDocument when an event cannot be told,
        or when all that applied lacks its time.
        """
        scope = self.scope(document, headers, payload)
        for expression in self.required:
            if is_empty(expression(scope)):
                raise BadDocument("empty_cell", f"{expression.text}: must not be empty")
        return _Teller(self, document, scope).tell()

    def scope(
        self, document: object, headers: Table[str, str] | None = None, payload: object = None
    ) -> dict[str, Any]:
        """What expressions see of a document; raises BadDocument when its topic is no text."""
        scope: dict[str, Any] = dict(document) if isinstance(document, dict) else {}
        scope["_doc"] = document
        scope["_headers"] = headers or {}
        scope["_payload"] = document if payload is None else payload
        scope["_topic"] = self.topic.text(scope) if self.topic else ""
        return scope


def scheme_of(mapping: Mapping) -> str:
    """How the sender of its hook is verified; "" for spans, which come by no hook."""
    if mapping.format == "span":
        return ""
    return mapping.verify.scheme if mapping.verify else "secret"


@dataclass(slots=True)
class _Teller:
    """Tells one document."""

    mapping: Mapping
    document: object
    scope: dict[str, Any]
    topic: str = ""
    source: str = ""
    shared: dict[str, object] = field(default_factory=dict)
    events: list[Told] = field(default_factory=list)
    undated: list[str] = field(default_factory=list)  # types of rules that applied but found no time or type

    def tell(self) -> Telling:
        mapping = self.mapping
        self.topic = self.scope["_topic"]
        is_known = self.topic in mapping.ignored
        for rule in mapping.rules:
            if rule.topics and self.topic not in rule.topics:
                continue
            is_known |= bool(rule.topics)
            self._apply(rule)
        if self.undated and not self.events:
            told = ", ".join(dict.fromkeys(self.undated))
            raise BadDocument("no_event", f"it tells no event: the type or every time is empty of {told}")
        if self.events or is_known:
            return Telling(self.topic, self.events)
        return Telling(self.topic, [Told(self._unmapped(), self.document)], is_unmapped=True)

    def _apply(self, rule: Rule) -> None:
        for item, scope in rule.scopes(self.scope):
            if not rule.applies_to(scope):
                continue
            try:
                attributes = self._event(rule, scope)
            except BadDocument as exc:
                raise BadDocument(exc.reason, f"{rule.where}: {exc}") from exc
            if attributes is None:
                self.undated.append(rule.type.words())
            elif len(self.events) >= MAX_EVENTS:
                raise BadDocument("too_many", f"{rule.where}: more than {MAX_EVENTS} events")
            else:
                self.events.append(Told(attributes, self.document if rule.each is None else item))

    def _event(self, rule: Rule, scope: Scope) -> Attributes | None:
        """The event of a rule that applies; None when its type or a time that it needs is empty."""
        event_type = rule.type.text(scope)
        time = rule.time_of(scope)
        if not event_type or (time is None and rule.needs_time):
            return None
        event_id = rule.id.text(scope)
        if not event_id:
            raise BadDocument("no_id", f"{event_type}: a place of its id {rule.id.words()!r} is empty")
        attributes = self._envelope(event_type, event_id)
        if time is not None:
            attributes["time"] = time
        traceparent = rule.traceparent or self.mapping.traceparent
        if traceparent is not None and (trace := traceparent.text(scope)):
            attributes["traceparent"] = trace
        own = rule.data.value(scope)
        attributes["data"] = merged(self.shared, own) if own else self.shared
        return attributes

    def _envelope(self, event_type: str, event_id: str) -> Attributes:
        if not self.source:
            self._share()
        return {"specversion": "1.0", "source": self.source, "id": event_id, "type": event_type}

    def _share(self) -> None:
        """Fill in what all events of the document say."""
        mapping, scope = self.mapping, self.scope
        self.source = mapping.source.text(scope)
        if not self.source:
            raise BadDocument("no_source", f"a place of the source {mapping.source.words()!r} is empty")
        self.shared = mapping.data.value(scope)
        if mapping.system is not None and (system := mapping.system.text(scope)):
            self.shared.setdefault("system", system)

    def _unmapped(self) -> Attributes:
        digest = blake2b(canonical_json((self.topic, self.document)), digest_size=16).hexdigest()
        attributes = self._envelope(UNMAPPED, f"{UNMAPPED}:{digest}")
        said: dict[str, object] = {"mapping": self.mapping.name}
        if self.topic:
            said["topic"] = self.topic
        if "system" in self.shared:
            said["system"] = self.shared["system"]
        attributes["data"] = said
        return attributes
