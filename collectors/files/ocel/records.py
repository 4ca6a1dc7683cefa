"""What readers find in a log, whatever its format."""

from __future__ import annotations

from collections.abc import Mapping
from typing import BinaryIO, NamedTuple

from controltower.domain.errors import BadPayload

MAX_RECORD = 16 * 1024 * 1024  # bytes of one event or object with all that hangs on it
NO_CHANGE = ""  # the time of an attribute that an object has from the start


class BadLog(BadPayload):
    """The file is no event log that can be read; the message says where and what was expected."""

    reason = "bad_log"


class Link(NamedTuple):
    """An object that an event names, or that another object names."""

    object_id: str
    qualifier: str = ""
    type: str = ""  # known here only in CSV, whose columns are types


class LogEvent(NamedTuple):
    """An event; its time is as written."""

    id: str
    type: str
    time: str
    attributes: Mapping[str, object]
    links: tuple[Link, ...] = ()


class LogObject(NamedTuple):
    """An object."""

    id: str
    type: str


class EventLink(NamedTuple):
    """An event names an object, where a file tells that apart from the event (SQLite)."""

    event_id: str
    object_id: str
    qualifier: str


class ObjectLink(NamedTuple):
    """An object names another."""

    source_id: str
    target_id: str
    qualifier: str


class ObjectValue(NamedTuple):
    """An attribute of an object; with a time, the value it changed to then."""

    object_id: str
    name: str
    value: object
    time: str


Record = LogEvent | LogObject | EventLink | ObjectLink | ObjectValue


class Tape:
    """A binary file that knows how much of it was read, and refuses a record longer than MAX_RECORD.

    Readers call `next_record` whenever they hand one on; parsers read in small pieces, so what was read since
    is about what the record takes.
    """

    def __init__(self, file: BinaryIO, limit: int = MAX_RECORD) -> None:
        self._file = file
        self._limit = limit
        self._since = 0
        self.position = 0

    def read(self, size: int = -1) -> bytes:
        """As of a file. Raises BadLog when one record takes more than the limit."""
        piece = self._file.read(size)
        self.position += len(piece)
        self._since += len(piece)
        if self._since > self._limit:
            raise BadLog(
                f"near byte {self.position}: one event or object takes more than {self._limit >> 20} MiB"
            )
        return piece

    def next_record(self) -> None:
        """The record at hand is complete."""
        self._since = 0


def text_of(value: object) -> str:
    """An id, type or time as text; "" for what is none."""
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, (bool, list, dict)):
        return ""
    return str(value)
