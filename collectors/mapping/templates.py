"""Texts with places for JMESPath expressions: ``"{id}:captured"``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from collectors.mapping.errors import BadDocument, BadMapping
from collectors.mapping.expressions import Expression, compile_expression
from collectors.mapping.functions import MappingFunctions
from collectors.mapping.values import TEXT, is_empty, text_in

__all__ = ["BadMapping", "Shape", "Template", "merged", "parse_shape", "parse_template", "pieces_of"]

_QUOTES = "'\"`"

Scope = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Template:
    """A text whose ``{expression}`` places are filled from a scope."""

    parts: tuple[str | Expression, ...]

    def value(self, scope: Scope) -> object:
        """What it says in this scope: with nothing around a single place, the value with its JSON type.

        None as soon as one of its places is empty: half a name names nothing. Raises BadDocument.
        """
        if len(self.parts) == 1 and isinstance(self.parts[0], Expression):
            found = self.parts[0](scope)
            if isinstance(found, dict) and TEXT in found:
                found = found[TEXT]
            return None if is_empty(found) else found
        return self.text(scope) or None

    def text(self, scope: Scope) -> str:
        """What it says as a text, "" as soon as one of its places is empty; raises BadDocument."""
        filled = []
        for part in self.parts:
            if isinstance(part, str):
                filled.append(part)
                continue
            try:
                text = text_in(part(scope))
            except BadDocument as exc:
                message = str(exc) if str(exc).startswith(part.text) else f"{part.text}: {exc}"
                raise BadDocument(exc.reason, message) from exc
            if not text:
                return ""
            filled.append(text)
        return "".join(filled)

    def words(self) -> str:
        """The template as a person would name it."""
        return "".join(part if isinstance(part, str) else f"{{{part.text}}}" for part in self.parts)

    def expressions(self) -> Iterator[Expression]:
        """The expressions in its places."""
        return (part for part in self.parts if isinstance(part, Expression))


def parse_template(text: str, functions: MappingFunctions, where: str) -> Template:
    """Read a template; raises BadMapping naming `where` it stands."""
    parts: list[str | Expression] = []
    for piece, is_place in pieces_of(text, where):
        if is_place:
            parts.append(compile_expression(piece, functions, where))
        else:
            parts.append(piece)
    return Template(tuple(parts))


def pieces_of(text: str, where: str) -> Iterator[tuple[str, bool]]:
    """The literal texts and the expressions (True) of a template in order; raises BadMapping."""
    literal: list[str] = []
    position = 0
    while position < len(text):
        char = text[position]
        if char in "{}" and text[position + 1 : position + 2] == char:
            literal.append(char)
            position += 2
        elif char == "}":
            raise BadMapping(f"{where}: {text!r}: '}}' without its '{{'; a brace is written twice")
        elif char == "{":
            end = _end_of_place(text, position, where)
            if literal:
                yield "".join(literal), False
                literal = []
            yield text[position + 1 : end], True
            position = end + 1
        else:
            literal.append(char)
            position += 1
    if literal or not text:
        yield "".join(literal), False


def _end_of_place(text: str, start: int, where: str) -> int:
    """The index of the brace that closes the one at `start`; those in quotes do not count."""
    depth = 0
    quote = ""
    position = start
    while position < len(text):
        char = text[position]
        if quote:
            if char == "\\":
                position += 1
            elif char == quote:
                quote = ""
        elif char in _QUOTES:
            quote = char
        elif char == "{":
            depth += 1
        elif char == "}":
            depth -= 1
            if depth == 0:
                return position
        position += 1
    raise BadMapping(f"{where}: {text!r}: expected '}}' before the end of the text")


@dataclass(frozen=True, slots=True)
class Shape:
    """A JSON object with templates for its values."""

    members: tuple[tuple[str, Template | Shape | Constant | Row], ...] = ()

    def value(self, scope: Scope) -> dict[str, object]:
        """The object for this scope; what would be empty is left out. Raises BadDocument."""
        filled: dict[str, object] = {}
        for name, part in self.members:
            found = part.value(scope)
            if found is not None and found != {} and found != []:
                filled[name] = found
        return filled

    def expressions(self) -> Iterator[Expression]:
        """Every expression in it."""
        for _, part in self.members:
            yield from part.expressions()


@dataclass(frozen=True, slots=True)
class Row:
    """A JSON list with templates for its items; empty ones are left out."""

    items: tuple[Template | Shape | Constant | Row, ...]

    def value(self, scope: Scope) -> list[object]:
        """The list for this scope; raises BadDocument."""
        filled = (item.value(scope) for item in self.items)
        return [value for value in filled if not is_empty(value)]

    def expressions(self) -> Iterator[Expression]:
        """Every expression in it."""
        for item in self.items:
            yield from item.expressions()


@dataclass(frozen=True, slots=True)
class Constant:
    """A truth value or whole number that every event says."""

    content: bool | int

    def value(self, _scope: Scope) -> bool | int:
        """Itself."""
        return self.content

    def expressions(self) -> Iterator[Expression]:
        """None."""
        return iter(())


def parse_shape(table: Mapping[str, object], functions: MappingFunctions, where: str) -> Shape:
    """Read a table of templates, constants, lists and tables of them; raises BadMapping."""
    return Shape(tuple((name, _part(value, functions, f"{where}.{name}")) for name, value in table.items()))


def _part(value: object, functions: MappingFunctions, where: str) -> Template | Shape | Constant | Row:
    if isinstance(value, str):
        return parse_template(value, functions, where)
    if isinstance(value, dict):
        return parse_shape(value, functions, where)
    if isinstance(value, list):
        return Row(tuple(_part(item, functions, f"{where}[{place}]") for place, item in enumerate(value)))
    if isinstance(value, bool | int):
        return Constant(value)
    raise BadMapping(
        f"{where}: expected a text (decimal numbers and dates too), a whole number, true, false, a list or a "
        f"table, found {value!r}"
    )


def merged(first: Mapping[str, object], second: Mapping[str, object]) -> dict[str, object]:
    """Both tables in one; the second wins, and tables inside are merged the same way."""
    both = dict(first)
    for name, value in second.items():
        before = both.get(name)
        both[name] = merged(before, value) if isinstance(before, dict) and isinstance(value, dict) else value
    return both
