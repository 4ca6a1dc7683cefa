"""XML as a decoded document.

An element is an object with a member for each name of its children and attributes, namespaces left out; a
name that comes more than once has a list. An element without either is its text. The text of one with
attributes stands under ``_text``; with children, text between them is left out. No DTD, no entities.
"""

from __future__ import annotations

from xml.etree.ElementTree import Element, ParseError

import defusedxml.ElementTree as safe
from defusedxml import DefusedXmlException

from collectors.mapping.values import TEXT
from controltower.domain.errors import BadPayload

MAX_DEPTH = 100
MAX_ELEMENTS = 200_000


class BadXml(BadPayload):
    """The bytes are not one XML document, or one that is not read here."""

    reason = "bad_xml"


def decode_xml(data: bytes) -> dict[str, object]:
    """A document with one member, the root element; raises BadXml."""
    try:
        root = safe.fromstring(data, forbid_dtd=True)
    except DefusedXmlException as exc:
        raise BadXml("an XML document with a DTD or entities is not taken") from exc
    except (ParseError, ValueError, LookupError) as exc:
        raise BadXml(f"not XML: {exc}") from exc
    if sum(1 for _ in root.iter()) > MAX_ELEMENTS:
        raise BadXml(f"more than {MAX_ELEMENTS} elements")
    return {_local(root.tag): _value(root, 1)}


def _value(element: Element, depth: int) -> object:
    if depth > MAX_DEPTH:
        raise BadXml(f"nested deeper than {MAX_DEPTH} elements")
    # A plain attribute wins over one of another namespace: type over xsi:type.
    named = sorted(element.attrib.items(), key=lambda item: not item[0].startswith("{"))
    members: dict[str, object] = {_local(name): value for name, value in named}
    attributes = frozenset(members)
    for child in element:
        name, value = _local(child.tag), _value(child, depth + 1)
        if name in attributes or name not in members:
            attributes -= {name}
            members[name] = value
        elif isinstance(known := members[name], list):
            known.append(value)
        else:
            members[name] = [known, value]
    text = (element.text or "").strip()
    if not members:
        return text
    if text and len(element) == 0:
        members[TEXT] = text
    return members


def _local(name: str) -> str:
    return name.rpartition("}")[2]
