"""Reading OCEL 1.0 and 2.0 as XML, record by record, without document types and entities."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import iterparse

from collectors.files.ocel.records import (
    NO_CHANGE,
    BadLog,
    Link,
    LogEvent,
    LogObject,
    ObjectLink,
    ObjectValue,
    Record,
    Tape,
)

MAX_DEPTH = 16
_RECORD_DEPTH = 3  # log / events / event


def read_xml(path: Path, seen: Callable[[int], None]) -> Iterator[Record]:
    """The records of a log of either version, in the order of the file; raises BadLog."""
    with path.open("rb") as file:
        tape = Tape(file)
        try:
            for element in _elements(tape):
                yield from _records_of(element)
                tape.next_record()
                seen(tape.position)
        except (ParseError, DefusedXmlException, ValueError, LookupError) as exc:
            raise BadLog(f"near byte {tape.position}: not XML that is taken: {exc}") from exc


def _elements(tape: Tape) -> Iterator[Element]:
    """Each event and object, complete; what was handed on is let go."""
    path: list[Any] = []
    for happened, element in iterparse(tape, ("start", "end"), forbid_dtd=True):
        if happened == "start":
            path.append(element)
            if len(path) > MAX_DEPTH:
                raise BadLog(f"near byte {tape.position}: elements nest deeper than {MAX_DEPTH}")
            if len(path) == 1 and _name(element) != "log":
                raise BadLog(f"expected the element log, found {_name(element)[:80]}")
            continue
        path.pop()
        if len(path) == _RECORD_DEPTH - 1:
            if (_name(path[-1]), _name(element)) in (("events", "event"), ("objects", "object")):
                yield element
            path[-1].remove(element)


def _records_of(element: Element) -> Iterator[Record]:
    if _name(element) == "event":
        yield _new_event(element) if element.get("id") is not None else _old_event(element)
    elif element.get("id") is not None:
        yield from _new_object(element)
    else:
        yield from _old_object(element)


def _old_event(element: Element) -> LogEvent:
    fields = {child.get("key", ""): child for child in element}
    return LogEvent(
        _value(fields.get("id")),
        _value(fields.get("activity")),
        _value(fields.get("timestamp")),
        {child.get("key", ""): _value(child) for child in fields.get("vmap", ())},
        tuple(Link(_value(child)) for child in fields.get("omap", ())),
    )


def _old_object(element: Element) -> Iterator[Record]:
    fields = {child.get("key", ""): child for child in element}
    object_id = _value(fields.get("id"))
    yield LogObject(object_id, _value(fields.get("type")))
    for child in fields.get("ovmap", ()):
        yield ObjectValue(object_id, child.get("key", ""), _value(child), NO_CHANGE)


def _new_event(element: Element) -> LogEvent:
    return LogEvent(
        element.get("id", ""),
        element.get("type", ""),
        element.get("time", ""),
        {child.get("name", ""): child.text or "" for child in _below(element, "attributes")},
        tuple(
            Link(child.get("object-id", ""), child.get("qualifier", ""))
            for child in _below(element, "objects")
        ),
    )


def _new_object(element: Element) -> Iterator[Record]:
    object_id = element.get("id", "")
    yield LogObject(object_id, element.get("type", ""))
    for child in _below(element, "objects"):
        yield ObjectLink(object_id, child.get("object-id", ""), child.get("qualifier", ""))
    for child in _below(element, "attributes"):
        yield ObjectValue(object_id, child.get("name", ""), child.text or "", child.get("time", NO_CHANGE))


def _below(element: Element, name: str) -> Iterator[Element]:
    return (child for group in element if _name(group) == name for child in group)


def _value(element: Element | None) -> str:
    return "" if element is None else element.get("value", "")


def _name(element: Element) -> str:
    """The name of an element without its namespace."""
    return str(element.tag).rpartition("}")[2]
