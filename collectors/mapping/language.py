"""Reading mapping files. docs/reference/mappings.md is the language as its users know it."""

from __future__ import annotations

from collectors.mapping.declared import EventTable, MappingTable, MappingText, declared_in, needles_of
from collectors.mapping.errors import BadMapping
from collectors.mapping.expressions import Expression, compile_expression
from collectors.mapping.functions import MappingFunctions
from collectors.mapping.rules import Rule
from collectors.mapping.telling import Mapping
from collectors.mapping.templates import Template, parse_shape, parse_template
from collectors.mapping.times import find_zone

JSON = "json"


def parse_mapping(text: str, file: str, *, default_format: str = JSON) -> Mapping:
    """Read a mapping; `file` names it in errors.

    Raises BadMapping with file, line, key and what was expected.
    """
    source = MappingText(text, file)
    table = declared_in(source, default_format)
    try:
        return _Builder(table).mapping(file)
    except BadMapping as exc:
        raise source.relocated(exc) from exc


class _Builder:
    """Compiles a declared mapping; its errors begin with the key at fault."""

    def __init__(self, table: MappingTable) -> None:
        self.table = table
        self.functions = MappingFunctions(table.tables)

    def mapping(self, file: str) -> Mapping:
        table = self.table
        self._check_zone()
        source = parse_template(table.source, self.functions, "source")
        rules = tuple(self._rule(event, f"events[{place}]") for place, event in enumerate(table.events))
        required = self._expressions(table.required, "required")
        system, topic = self._optional(table.system, "system"), self._optional(table.topic, "topic")
        traceparent = self._optional(table.traceparent, "traceparent")
        data = parse_shape(table.data, self.functions, "data")
        templates = [template for template in (source, system, topic, traceparent) if template is not None]
        read = [
            *required,
            *data.expressions(),
            *(found for template in templates for found in template.expressions()),
        ]
        read += [expression for rule in rules for expression in _expressions_of(rule)]
        documents = self._expression(table.documents, "documents")
        read += [] if documents is None else [documents]
        return Mapping(
            name=table.name,
            title=table.title,
            format=table.format,
            source=source,
            system=system,
            topic=topic,
            traceparent=traceparent,
            documents=documents,
            required=required,
            rules=rules,
            ignored=frozenset(table.ignore),
            needles=needles_of(table),
            data=data,
            delimiter=table.delimiter,
            verify=table.verify,
            file=file,
            columns=_members_of(read),
            headers=frozenset(name for expression in read for name in expression.children_of("_headers")),
        )

    def _check_zone(self) -> None:
        zone = self.table.zone
        if zone and find_zone(zone) is None:
            raise BadMapping(f"zone: no time zone is named {zone!r}")

    def _rule(self, event: EventTable, where: str) -> Rule:
        table, functions = self.table, self.functions
        when = [event.when] if isinstance(event.when, str) else event.when
        return Rule(
            where=where,
            topics=frozenset(event.topics),
            when=self._expressions([text for text in when if text], f"{where}.when"),
            among=tuple(
                (compile_expression(text, functions, f"{where}.where.{text}"), frozenset(allowed))
                for text, allowed in event.where.items()
            ),
            each=self._expression(event.each, f"{where}.each"),
            type=self._filled(event.type, f"{where}.type"),
            id=self._filled(event.id, f"{where}.id"),
            times=self._times(event, f"{where}.time"),
            needs_time=bool(event.time) and not event.time_optional,
            time_format=table.time_format if event.time_format is None else event.time_format,
            zone=table.zone,
            traceparent=self._optional(event.traceparent, f"{where}.traceparent"),
            data=parse_shape(event.data, functions, f"{where}.data"),
        )

    def _times(self, event: EventTable, where: str) -> tuple[Template, ...]:
        texts = [event.time] if isinstance(event.time, str) else event.time or []
        # A time without any place would be the same for every document: it is the name of a member.
        templates = (text if "{" in text else f"{{{text}}}" for text in texts)
        return tuple(parse_template(text, self.functions, where) for text in templates)

    def _filled(self, text: str, where: str) -> Template:
        if not text:
            raise BadMapping(f"{where}: expected a text that is not empty")
        return parse_template(text, self.functions, where)

    def _optional(self, text: str, where: str) -> Template | None:
        return parse_template(text, self.functions, where) if text else None

    def _expression(self, text: str, where: str) -> Expression | None:
        return compile_expression(text, self.functions, where) if text else None

    def _expressions(self, texts: list[str], where: str) -> tuple[Expression, ...]:
        return tuple(compile_expression(text, self.functions, where) for text in texts)


def _expressions_of(rule: Rule) -> list[Expression]:
    templates = [rule.type, rule.id, *rule.times]
    if rule.traceparent is not None:
        templates.append(rule.traceparent)
    found = [expression for template in templates for expression in template.expressions()]
    found += [*rule.when, *(expression for expression, _ in rule.among), *rule.data.expressions()]
    return found if rule.each is None else [*found, rule.each]


def _members_of(expressions: list[Expression]) -> tuple[str, ...]:
    named = (name for expression in expressions for name in expression.members())
    return tuple(dict.fromkeys(name for name in named if not name.startswith("_")))
