"""A mapping file as it is written, checked for its keys and their types."""

from __future__ import annotations

import re
import tomllib

import msgspec

from collectors.mapping.errors import BadMapping
from collectors.mapping.locating import line_at, path_of

FORMATS = ("json", "form", "xml", "csv", "x12", "edifact", "span")
SCHEMES = ("shopify", "stripe", "adyen", "easypost", "standard-webhooks", "hmac", "secret")
MAX_FILE = 1024 * 1024

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_AT = re.compile(r"^(?P<what>.*?)(?: - at `(?P<path>[^`]*)`)?$", re.DOTALL)
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<key>[^`]*)`")


class Strict(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A table that has no keys but those declared."""


class EventTable(Strict, frozen=True):
    """One of ``[[events]]``."""

    type: str
    id: str
    time: str | list[str] | None = None
    time_optional: bool = False
    time_format: str | None = None
    topics: list[str] = []
    when: str | list[str] = []
    where: dict[str, list[str]] = {}
    each: str = ""
    traceparent: str = ""
    data: dict[str, object] = {}


class VerifyTable(Strict, frozen=True):
    """``[verify]``: how a sender proves who it is."""

    scheme: str
    header: str = ""
    algorithm: str = "sha256"
    encoding: str = "base64"
    prefix: str = ""
    tolerance: int = 300  # seconds that a signed time may be off


class MappingTable(Strict, frozen=True):
    """The whole file."""

    name: str
    title: str
    source: str
    events: list[EventTable]
    system: str = ""
    format: str = ""
    zone: str = ""
    time_format: str = ""
    documents: str = ""
    topic: str = ""
    ignore: list[str] = []
    needles: list[str] = []
    traceparent: str = ""
    delimiter: str = ","
    required: list[str] = []
    verify: VerifyTable | None = None
    tables: dict[str, dict[str, str]] = {}
    data: dict[str, object] = {}


class MappingText:
    """The text of a mapping file, for naming places in it."""

    def __init__(self, text: str, file: str) -> None:
        self.text = text
        self.file = file

    def mistake(self, key: str, what: str) -> BadMapping:
        """The error that names file, line and key."""
        where = f"{key}: " if key else ""
        return BadMapping(f"{self.file}: line {line_at(self.text, path_of(key))}: {where}{what}")

    def relocated(self, error: BadMapping) -> BadMapping:
        """The same error with file and line; its message begins with a key."""
        key, _, what = str(error).partition(": ")
        return self.mistake(key, what)


def declared_in(source: MappingText, default_format: str) -> MappingTable:
    """Read a file and check its shape; raises BadMapping with file, line, key and what was expected."""
    if len(source.text) > MAX_FILE:
        raise BadMapping(f"{source.file}: larger than {MAX_FILE} characters")
    try:
        document = tomllib.loads(source.text)
    except tomllib.TOMLDecodeError as exc:
        raise BadMapping(f"{source.file}: not valid TOML: {exc}") from exc
    document.setdefault("format", default_format)
    try:
        table = msgspec.convert(document, MappingTable)
    except msgspec.ValidationError as exc:
        raise _in_words(source, str(exc)) from exc
    _check_words(table, source)
    return table


def _in_words(source: MappingText, message: str) -> BadMapping:
    found = _AT.match(message)
    what, path = (found["what"], found["path"] or "") if found else (message, "")
    key = path.removeprefix("$").removeprefix(".").replace("[...]", "")
    unknown = _UNKNOWN.match(what)
    if unknown:
        key = f"{key}.{unknown['key']}".removeprefix(".")
        return source.mistake(key, "there is no such key here")
    what = what[:1].lower() + what[1:]
    return source.mistake(key, what.replace("object missing required field", "missing the key"))


def _check_words(table: MappingTable, source: MappingText) -> None:
    if not _NAME.fullmatch(table.name):
        raise source.mistake(
            "name", f"expected up to 64 lower-case letters, digits, - and _, found {table.name!r}"
        )
    if table.format not in FORMATS:
        raise source.mistake("format", f"expected one of {', '.join(FORMATS)}, found {table.format!r}")
    if not table.events:
        raise source.mistake("events", "expected at least one event")
    if len(table.delimiter) != 1:
        raise source.mistake("delimiter", f"expected one character, found {table.delimiter!r}")
    for place, event in enumerate(table.events):
        if event.topics and not table.topic:
            raise source.mistake(f"events[{place}].topics", "the mapping has no topic to compare them with")
        if event.time in ("", []) or (event.time is None and table.format == "csv"):
            what = "expected a time, or several of which the latest counts"
            raise source.mistake(f"events[{place}].time", what)
    if table.format == "span" and not needles_of(table):
        what = "expected texts of which one stands in every span that means something"
        raise source.mistake("needles", what)
    if table.verify is not None:
        _check_verify(table.verify, source)


def needles_of(table: MappingTable) -> tuple[str, ...]:
    """What must stand in a span before it is looked at: as declared, or else the topics of all rules."""
    if table.needles:
        return tuple(needle for needle in table.needles if needle)
    if not all(event.topics for event in table.events):
        return ()
    return tuple(dict.fromkeys(topic for event in table.events for topic in event.topics if topic))


def _check_verify(verify: VerifyTable, source: MappingText) -> None:
    choices = (
        ("scheme", verify.scheme, SCHEMES),
        ("algorithm", verify.algorithm, ("sha256", "sha512", "sha1")),
        ("encoding", verify.encoding, ("base64", "hex")),
    )
    for key, word, known in choices:
        if word not in known:
            raise source.mistake(f"verify.{key}", f"expected one of {', '.join(known)}, found {word!r}")
    if verify.scheme in ("hmac", "secret") and not verify.header:
        what = f"missing the key `header`, in which a {verify.scheme} sender proves itself"
        raise source.mistake("verify", what)
    if not 0 < verify.tolerance <= 86_400:
        raise source.mistake("verify.tolerance", f"expected 1 to 86400 seconds, found {verify.tolerance}")
