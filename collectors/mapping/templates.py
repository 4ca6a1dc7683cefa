"""Texts with places for cells: ``"{order_id}:captured"``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from string import Formatter

from controltower.domain.errors import ControlTowerError


class BadMapping(ControlTowerError):
    """A mapping has a mistake, or does not fit the file; the message says where and what was expected."""

    reason = "bad_mapping"


@dataclass(frozen=True, slots=True)
class Template:
    """A text whose ``{column}`` places are filled with the cells of a row."""

    parts: tuple[tuple[str, str], ...]  # literal text, then the column after it or ""

    def fill(self, row: Mapping[str, str]) -> str:
        """The text for this row; "" as soon as one of its cells is empty: half a name names nothing."""
        filled = []
        for literal, column in self.parts:
            filled.append(literal)
            if column:
                cell = row[column]
                if not cell:
                    return ""
                filled.append(cell)
        return "".join(filled)

    def columns(self) -> Iterator[str]:
        """The columns that it needs."""
        return (column for _, column in self.parts if column)


def parse_template(text: str, where: str) -> Template:
    """Read a template; raises BadMapping naming `where` it stands."""
    try:
        parsed = list(Formatter().parse(text))
    except ValueError as exc:
        raise BadMapping(f"{where}: {text!r}: {exc}") from exc
    for _, column, form, conversion in parsed:
        if column == "" or form or conversion:
            raise BadMapping(f"{where}: {text!r}: expected the name of a column between braces, nothing else")
    return Template(tuple((literal, column or "") for literal, column, _, _ in parsed))


@dataclass(frozen=True, slots=True)
class Shape:
    """A JSON object with templates for its values."""

    members: tuple[tuple[str, Template | Shape], ...] = ()

    def fill(self, row: Mapping[str, str]) -> dict[str, object]:
        """The object for this row; what would be empty is left out."""
        filled = ((name, value.fill(row)) for name, value in self.members)
        return {name: value for name, value in filled if value}

    def columns(self) -> Iterator[str]:
        """The columns that it needs."""
        for _, value in self.members:
            yield from value.columns()


def parse_shape(table: Mapping[str, object], where: str) -> Shape:
    """Read a table of templates and of tables of them; raises BadMapping."""
    members: list[tuple[str, Template | Shape]] = []
    for name, value in table.items():
        if isinstance(value, str):
            members.append((name, parse_template(value, f"{where}.{name}")))
        elif isinstance(value, dict):
            members.append((name, parse_shape(value, f"{where}.{name}")))
        else:
            raise BadMapping(f"{where}.{name}: expected a text or a table of texts, found {value!r}")
    return Shape(tuple(members))


def merged(first: Mapping[str, object], second: Mapping[str, object]) -> dict[str, object]:
    """Both tables in one; the second wins, and tables inside are merged the same way."""
    both = dict(first)
    for name, value in second.items():
        before = both.get(name)
        both[name] = merged(before, value) if isinstance(before, dict) and isinstance(value, dict) else value
    return both
