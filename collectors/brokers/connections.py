"""The connections file: which brokers there are and what the tower does with each.

docs/reference/connections.md explains every key. Whatever is wrong is said with the file, the key and what
was expected there, and with nothing of a secret.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple
from urllib.parse import quote

import msgspec

from collectors.brokers.protocol import Connection
from collectors.brokers.secrets import Secret
from controltower.domain.errors import BadSetting

SETTING = "CONTROLTOWER_CONNECTIONS"
# The module of each kind; it has a KIND and is imported when a connection of that kind is declared. Its
# client library is the optional requirement of the same name.
KINDS = {
    "http": "collectors.brokers.http",
    "kafka": "collectors.brokers.kafka",
    "nats": "collectors.brokers.nats_jetstream",
    "rabbitmq": "collectors.brokers.rabbitmq",
    "redis": "collectors.brokers.redis_streams",
    "sqs": "collectors.brokers.sqs",
}
_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]*")
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")

Positive = Annotated[float, msgspec.Meta(gt=0)]
Place = Annotated[str, msgspec.Meta(min_length=1)]


class EventsFrom(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A place that facts come from."""

    place: Place
    mapping: str = ""  # "" are CloudEvents
    format: Literal["", "otlp", "otlp_logs", "otlp_metrics"] = ""


class OriginTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where replays of dead letters go that do not say it themselves."""

    place: Place
    connection: str = ""  # "" is the one that they are taken from


class LettersFrom(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A place that dead letters are taken from, and what is known of all of them."""

    place: Place
    mapping: str = ""  # reads what the messages say
    type: str = ""
    system: str = ""
    origin: OriginTable | None = None


class BrokerTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What may be said of a connection of any kind; kinds add keys of their own."""

    kind: str
    dead_letters: list[Place | LettersFrom] = []
    events: list[EventsFrom] = []
    samples: list[Place] = []
    sample_seconds: Positive = 15.0
    rate: Positive = 100.0  # messages a second at most when replaying to it
    timeout_seconds: Positive = 10.0  # for connecting, and for a confirmation

    @property
    def letters(self) -> list[LettersFrom]:
        """The places that dead letters are taken from; one that is only named says nothing more."""
        return [LettersFrom(place=one) if isinstance(one, str) else one for one in self.dead_letters]


class Kind(NamedTuple):
    """What the module of a kind offers."""

    table: type[BrokerTable]
    connect: Callable[[str, Any], Connection]
    """Its Connection, from a name and its table; opens nothing. Raises BadTable."""


class BadTable(Exception):
    """A kind cannot work with its keys: (key, what was expected)."""


@dataclass(frozen=True, slots=True)
class Declared:
    """A connection and what is to be done with it."""

    connection: Connection
    table: BrokerTable


def load_connections(
    path: str, environ: Mapping[str, str], mappings: Container[str] | None = None
) -> dict[str, Declared]:
    """The connections by name, none when `path` is empty; nothing is opened yet.

    Raises BadSetting. `mappings` are the names of those that events may use; None does not look.
    """
    if not path:
        return {}
    return {
        name: declared(f"{path}: connections.{name}", name, table, environ, mappings)
        for name, table in _read(path).items()
    }


def declared(
    at: str,
    name: str,
    table: Mapping[str, Any],
    environ: Mapping[str, str],
    mappings: Container[str] | None = None,
) -> Declared:
    """One connection, from its table; `at` says where that stands. Raises BadSetting."""
    return _Reader(at, environ).declared(name, table, mappings)


def _read(path: str) -> dict[str, dict[str, Any]]:
    try:
        document = tomllib.loads(Path(path).read_text())
    except (OSError, UnicodeDecodeError) as exc:
        raise BadSetting(f"{SETTING}: cannot read {path}: {exc}") from exc
    except tomllib.TOMLDecodeError as exc:
        raise BadSetting(f"{path}: not valid TOML: {exc}") from exc
    unknown = sorted(document.keys() - {"connections"})
    if unknown:
        raise BadSetting(f"{path}: {unknown[0]}: expected tables named connections.NAME only")
    tables = document.get("connections", {})
    if not isinstance(tables, dict) or not all(isinstance(table, dict) for table in tables.values()):
        raise BadSetting(f"{path}: connections: expected tables named connections.NAME")
    return tables


class _Reader:
    """Reads one connection; `at` says where it stands."""

    def __init__(self, at: str, environ: Mapping[str, str]) -> None:
        self._at = at
        self._environ = environ

    def declared(self, name: str, table: Mapping[str, Any], mappings: Container[str] | None) -> Declared:
        if not _NAME.fullmatch(name):
            raise BadSetting(f"{self._at}: expected a name of small letters, digits, '_', '.' and '-'")
        kind = self._kind(table.get("kind"))
        whole = {key: self._filled_in(value, key) for key, value in table.items()}
        try:
            read = msgspec.convert(whole, kind.table, dec_hook=_secret)
        except msgspec.ValidationError as exc:
            # Its cause could quote the value.
            raise BadSetting(f"{self._at}{_said(str(exc))}") from None
        self._check(read, mappings)
        try:
            return Declared(kind.connect(name, read), read)
        except BadTable as exc:
            key, expected = exc.args
            raise BadSetting(f"{self._at}.{key}: expected {expected}") from None

    def _kind(self, name: object) -> Kind:
        if not isinstance(name, str) or name not in KINDS:
            raise BadSetting(f"{self._at}.kind: expected one of {', '.join(KINDS)}, found {name!r}")
        try:
            module = import_module(KINDS[name])
        except ImportError as exc:
            raise BadSetting(
                f"{self._at}.kind: {name} needs a library that is not installed ({exc.name}): "
                f"pip install 'controltower[{name}]'"
            ) from exc
        kind: Kind = module.KIND
        return kind

    def _check(self, table: BrokerTable, mappings: Container[str] | None) -> None:
        taken: set[str] = set()
        for key, place in _consumed(table):
            if place in taken:
                raise BadSetting(f"{self._at}.{key}: {place!r} is consumed already; expected each place once")
            taken.add(place)
        for index, events in enumerate(table.events):
            if events.mapping and events.format:
                raise BadSetting(f"{self._at}.events[{index}]: expected a mapping or a format, found both")
        for key, mapping in _mappings(table):
            if mapping and mappings is not None and mapping not in mappings:
                raise BadSetting(f"{self._at}.{key}.mapping: there is no mapping {mapping!r}")

    def _filled_in(self, value: Any, key: str) -> Any:
        """`value` with each ${NAME} replaced by what the environment says."""
        match value:
            case str():
                return self._expanded(value, key)
            case list():
                return [self._filled_in(item, f"{key}[{index}]") for index, item in enumerate(value)]
            case dict():
                return {name: self._filled_in(item, f"{key}.{name}") for name, item in value.items()}
            case _:
                return value

    def _expanded(self, text: str, key: str) -> str:
        scheme, is_url, rest = text.partition("://")
        user_info, has_user, tail = rest.rpartition("@")
        if not is_url or not has_user:
            return self._replaced(text, key)
        # Passwords hold characters that would end this part of a URL.
        who = self._replaced(user_info, key, in_url=True)
        return f"{self._replaced(scheme, key)}://{who}@{self._replaced(tail, key)}"

    def _replaced(self, text: str, key: str, *, in_url: bool = False) -> str:
        def value_of(found: re.Match[str]) -> str:
            value = self._environ.get(found[1])
            if value is None:
                raise BadSetting(f"{self._at}.{key}: expected {found[1]} in the environment, it is not there")
            return quote(value, safe="") if in_url else value

        return _VARIABLE.sub(value_of, text)


def _consumed(table: BrokerTable) -> Iterator[tuple[str, str]]:
    for index, letters in enumerate(table.letters):
        yield f"dead_letters[{index}]", letters.place
    for index, events in enumerate(table.events):
        yield f"events[{index}].place", events.place


def _mappings(table: BrokerTable) -> Iterator[tuple[str, str]]:
    for index, letters in enumerate(table.letters):
        yield f"dead_letters[{index}]", letters.mapping
    for index, events in enumerate(table.events):
        yield f"events[{index}]", events.mapping


def _secret(wanted: type, value: object) -> object:
    if wanted is Secret and isinstance(value, str):
        return Secret(value)
    raise ValueError("Expected `str`")


def _said(error: str) -> str:
    """msgspec's words, with the path first: Expected `str`, got `int` - at `$.events[0].place`."""
    message, _, path = error.partition(" - at `$")
    return f"{path.rstrip('`')}: {message}"
