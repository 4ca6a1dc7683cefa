"""Reading OCEL 1.0 and 2.0 as JSON, record by record."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import ijson

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
    text_of,
)

_PIECE = 64 * 1024


def read_json(path: Path, seen: Callable[[int], None]) -> Iterator[Record]:
    """The records of a log of either version, in the order of the file; raises BadLog.

    `seen` hears how many bytes were read.
    """
    sections = _OLD if _is_version_1(path) else _NEW
    with path.open("rb") as file:
        tape = Tape(file)
        for section, value in _values(tape, tuple(sections)):
            yield from sections[section](value)
            tape.next_record()
            seen(tape.position)


def _values(tape: Tape, sections: tuple[str, ...]) -> Iterator[tuple[str, object]]:
    """Each value of each section; none is held longer than it takes to hand it on."""
    found = [ijson.sendable_list() for _ in sections]
    parsers = [
        ijson.kvitems_coro(out, section) if section.startswith("ocel:") else ijson.items_coro(out, section)
        for out, section in zip(found, sections, strict=True)
    ]
    more = True
    while more:
        piece = tape.read(_PIECE)
        more = bool(piece)
        for parser, out, section in zip(parsers, found, sections, strict=True):
            try:
                if more:
                    parser.send(piece)
                else:
                    parser.close()
            except StopIteration:
                continue
            except (ijson.JSONError, ValueError) as exc:
                raise BadLog(f"near byte {tape.position}: not JSON: {_sentence(exc)}") from exc
            for value in out:
                yield section, value
            del out[:]


def _is_version_1(path: Path) -> bool:
    """Which version the keys of the document are of; raises BadLog when of neither."""
    with path.open("rb") as file:
        try:
            for prefix, kind, key in ijson.parse(_Skipping(file), buf_size=_PIECE):
                if prefix == "" and kind == "map_key":
                    if str(key).startswith("ocel:"):
                        return True
                    if key in ("events", "objects", "eventTypes", "objectTypes"):
                        return False
        except (ijson.JSONError, ValueError) as exc:
            raise BadLog(f"not JSON: {_sentence(exc)}") from exc
    raise BadLog("expected the keys events and objects (OCEL 2.0) or ocel:events and ocel:objects (OCEL 1.0)")


class _Skipping(Tape):
    """For looking at keys only: nothing is held, so that nothing is too long."""

    def read(self, size: int = -1) -> bytes:
        self.next_record()
        return super().read(size)


def _old_events(member: Any) -> Iterator[Record]:
    event_id, value = member
    yield _old_event(event_id, _mapping(value, f"ocel:events {event_id}"))


def _old_objects(member: Any) -> Iterator[Record]:
    object_id, value = member
    yield from _old_object(object_id, _mapping(value, f"ocel:objects {object_id}"))


def _new_events(value: object) -> Iterator[Record]:
    yield _new_event(_mapping(value, "events"))


def _new_objects(value: object) -> Iterator[Record]:
    yield from _new_object(_mapping(value, "objects"))


def _old_event(event_id: str, value: Mapping[str, object]) -> LogEvent:
    return LogEvent(
        event_id,
        text_of(value.get("ocel:activity")),
        text_of(value.get("ocel:timestamp")),
        {name: _plain(one) for name, one in _mapping(value.get("ocel:vmap") or {}, "ocel:vmap").items()},
        tuple(Link(text_of(one)) for one in _listed(value.get("ocel:omap"))),
    )


def _old_object(object_id: str, value: Mapping[str, object]) -> list[Record]:
    found: list[Record] = [LogObject(object_id, text_of(value.get("ocel:type")))]
    for name, one in _mapping(value.get("ocel:ovmap") or {}, "ocel:ovmap").items():
        found.append(ObjectValue(object_id, name, _plain(one), NO_CHANGE))
    return found


def _new_event(value: Mapping[str, object]) -> LogEvent:
    attributes = [_mapping(one, "attributes") for one in _listed(value.get("attributes"))]
    return LogEvent(
        text_of(value.get("id")),
        text_of(value.get("type")),
        text_of(value.get("time")),
        {text_of(one.get("name")): _plain(one.get("value")) for one in attributes},
        tuple(
            Link(text_of(one.get("objectId")), text_of(one.get("qualifier")))
            for one in (_mapping(each, "relationships") for each in _listed(value.get("relationships")))
        ),
    )


def _new_object(value: Mapping[str, object]) -> list[Record]:
    object_id = text_of(value.get("id"))
    found: list[Record] = [LogObject(object_id, text_of(value.get("type")))]
    for each in _listed(value.get("relationships")):
        one = _mapping(each, f"object {object_id}: relationships")
        found.append(ObjectLink(object_id, text_of(one.get("objectId")), text_of(one.get("qualifier"))))
    for each in _listed(value.get("attributes")):
        one = _mapping(each, f"object {object_id}: attributes")
        found.append(
            ObjectValue(
                object_id, text_of(one.get("name")), _plain(one.get("value")), text_of(one.get("time"))
            )
        )
    return found


def _mapping(value: object, where: str) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise BadLog(f"{where[:80]}: expected a JSON object, found {type(value).__name__}")
    return value


def _listed(value: object) -> list[object]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise BadLog(f"expected an array of objects, found {type(value).__name__}")
    return value


def _plain(value: object) -> object:
    """The value with numbers as they were written: amounts and ids keep every digit."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 2**53:
        return str(value)
    if isinstance(value, (list, dict)):
        return str(value)[:4096]
    return value


def _sentence(exc: Exception) -> str:
    words = exc.args[0] if exc.args else exc
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else str(words)
    return text.splitlines()[0] if text else type(exc).__name__


_OLD = {"ocel:objects": _old_objects, "ocel:events": _old_events}
_NEW = {"objects.item": _new_objects, "events.item": _new_events}
