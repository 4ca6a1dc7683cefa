"""The desk at which people look at mappings and try them on payloads."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from collectors.mapping.built_in import find_built_in_text
from collectors.mapping.errors import BadDocument, BadMapping
from collectors.mapping.formats import DecodePayload, decode_payload
from collectors.mapping.language import parse_mapping
from collectors.mapping.telling import Mapping as PayloadMapping
from collectors.mapping.telling import scheme_of
from collectors.mapping.tryout import try_out
from controltower.domain.errors import NotFound
from controltower.domain.mappings import MappingRow, TriedDocument

PASTED = "mapping"  # how a text that is in no file is called in errors


@dataclass(frozen=True, slots=True)
class Desk:
    """Over the mappings that a tower knows; `secured` are the hooks whose sender has a secret."""

    mappings: Mapping[str, PayloadMapping]
    secured: frozenset[str]
    now_us: Callable[[], int]
    decode: DecodePayload = decode_payload

    def rows(self) -> Sequence[MappingRow]:
        """Every mapping, by name."""
        return [
            MappingRow(
                mapping.name,
                mapping.title,
                mapping.format,
                scheme_of(mapping),
                mapping.name in self.secured,
                mapping.file,
                mapping.topics,
            )
            for mapping in self.mappings.values()
        ]

    def text_of(self, name: str) -> str:
        """The file of a mapping as it is written; raises NotFound."""
        mapping = self.mappings.get(name)
        if mapping is None:
            raise NotFound(f"There is no mapping {name!r}.")
        path = Path(mapping.file)
        text = path.read_text(encoding="utf-8") if path.is_file() else find_built_in_text(name)
        if text is None:
            raise NotFound(f"The file of the mapping {name!r} is gone.")
        return text

    def try_out(self, text: str, payload: bytes, headers: Mapping[str, str]) -> Sequence[TriedDocument]:
        """What the mapping in `text` makes of a payload; raises BadPayload. Nothing is stored."""
        try:
            mapping = parse_mapping(text, PASTED)
        except BadMapping as exc:
            raise BadDocument(exc.reason, str(exc)) from exc
        return try_out(mapping, payload, headers, received_us=self.now_us(), decode=self.decode)
