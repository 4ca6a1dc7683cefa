"""How the rows of a CSV file become events: mappings of the format ``csv``.

The columns of a row are the members of its document, all of them texts. Every column that a mapping names
must be in the file.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping as Table
from dataclasses import dataclass
from pathlib import Path

from collectors.mapping.built_in import find_built_in_text, list_built_in_names
from collectors.mapping.errors import BadDocument, BadMapping
from collectors.mapping.language import parse_mapping
from collectors.mapping.telling import Attributes, Mapping

__all__ = [
    "BadMapping",
    "BadRow",
    "CsvMapping",
    "find_built_in",
    "list_built_in",
    "load_csv_mapping",
    "parse_csv_mapping",
]

CSV = "csv"
Row = Table[str, str]


class BadRow(BadDocument):
    """A row says something that cannot be understood; `reason` is low in cardinality."""


@dataclass(frozen=True, slots=True)
class CsvMapping:
    """A checked mapping for rows."""

    mapping: Mapping

    @property
    def name(self) -> str:
        """The name of the mapping."""
        return self.mapping.name

    @property
    def delimiter(self) -> str:
        """What stands between two cells."""
        return self.mapping.delimiter

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that a file must have, once."""
        return self.mapping.columns

    def events_of(self, row: Row) -> list[Attributes]:
        """The CloudEvents that the row tells; raises BadRow when it has none or one cannot be told."""
        try:
            telling = self.mapping.tell(row)
        except BadDocument as exc:
            raise BadRow(exc.reason, str(exc)) from exc
        if telling.is_unmapped or not telling.events:
            raise BadRow("no_event", "the row tells no event: no condition of the mapping holds")
        return [told.attributes for told in telling.events]


def parse_csv_mapping(text: str, file: str) -> CsvMapping:
    """Read a mapping for rows; raises BadMapping with file, line, key and what was expected."""
    mapping = parse_mapping(text, file, default_format=CSV)
    if mapping.format != CSV:
        raise BadMapping(f"{file}: format: expected csv for a file of rows, found {mapping.format}")
    return CsvMapping(mapping)


def list_built_in() -> list[str]:
    """The names of the mappings for rows that come with the tower, sorted."""
    return [name for name in list_built_in_names() if find_built_in(name) is not None]


def find_built_in(name: str) -> CsvMapping | None:
    """The mapping for rows of that name that comes with the tower."""
    text = find_built_in_text(name)
    if text is None or tomllib.loads(text).get("format") != CSV:
        return None
    return parse_csv_mapping(text, name)


def load_csv_mapping(name: str) -> CsvMapping:
    """The built-in mapping of that name, or the one in that file; raises BadMapping when there is neither."""
    built_in = find_built_in(name)
    if built_in is not None:
        return built_in
    try:
        return parse_csv_mapping(Path(name).read_text(encoding="utf-8"), name)
    except (OSError, UnicodeDecodeError) as exc:
        known = ", ".join(list_built_in())
        raise BadMapping(f"{name}: neither a mapping file that can be read nor one of: {known}") from exc
