"""Settings: defaults, then the TOML file that CONTROLTOWER_CONFIG names, then the environment.

docs/reference/settings.md has an entry for each. Only this module and wiring read the environment.
"""

from __future__ import annotations

import ipaddress
import json
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from controltower.domain.errors import BadSetting

PREFIX = "CONTROLTOWER_"
AUTO = "auto"  # everybody on this machine; a token from elsewhere
TOKEN = "token"  # a token, always
OPEN = "open-to-everyone"  # whoever reaches a listener
ACCESS = (AUTO, TOKEN, OPEN)
_TRUE = frozenset(("1", "true", "yes", "on"))
_FALSE = frozenset(("0", "false", "no", "off", ""))


@dataclass(frozen=True, slots=True)
class Address:
    """Where a listener binds."""

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """True when only this machine can reach it."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting, with its default."""

    home: Path = Path("var")
    database_url: str = ""  # "" is the embedded SQLite in `home`
    http: Address = Address("127.0.0.1", 8080)
    otlp_http: Address = Address("127.0.0.1", 4318)
    otlp_grpc: Address = Address("127.0.0.1", 4317)
    ingest_access: str = AUTO  # who may post facts; see ACCESS
    allowed_hosts: tuple[str, ...] = ()
    secure_cookies: bool = False
    proxies: int = 0  # reverse proxies in front whose X-Forwarded-* headers are true
    max_body_mib: int = 64
    processes: str = ""  # a folder of process files, beside the built-in ones or instead of those of one name
    failure_rules: str = ""  # a file of failure rules or a folder of them, asked before the built-in ones
    link_attributes: Mapping[str, str] = field(
        default_factory=dict
    )  # span or log attribute -> identifier kind
    mappings: str = ""  # the folder of the user's mapping files
    connections: str = ""  # the file of brokers and endpoints that messages are taken from and sent to
    replay_policies: str = ""  # the file that says what is replayed without a person
    edi_folder: str = ""  # the folder that files of EDI are taken from; "" watches none
    replay_approval_above: int = 100  # a replay of more messages needs a second person
    reconciliations: str = ""  # the folder of the user's reconciliation files
    hook_secrets: Mapping[str, object] = field(default_factory=dict, repr=False)  # hook -> secret

    @property
    def store_url(self) -> str:
        """The SQLAlchemy URL of the store."""
        return self.database_url or f"sqlite:///{self.home / 'controltower.db'}"

    @property
    def listeners(self) -> tuple[Address, ...]:
        """Every address that facts can come in by."""
        return (self.http, self.otlp_http, self.otlp_grpc)


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """The settings in force. Raises BadSetting naming the setting, its value and what was expected."""
    environ = os.environ if environ is None else environ
    values = _from_file(environ.get(PREFIX + "CONFIG", ""))
    known = {f.name for f in fields(Settings)}
    unknown = sorted(set(values) - known)
    if unknown:
        raise BadSetting(f"{environ[PREFIX + 'CONFIG']}: there is no setting {unknown[0]!r}")
    for name in known:
        if PREFIX + name.upper() in environ:
            values[name] = environ[PREFIX + name.upper()]
    return Settings(**{name: _parse(name, value) for name, value in values.items()})


def _from_file(path: str) -> dict[str, Any]:
    if not path:
        return {}
    try:
        with Path(path).open("rb") as file:
            return tomllib.load(file)
    except OSError as exc:
        raise BadSetting(f"CONTROLTOWER_CONFIG: cannot read {path}: {exc.strerror}") from exc
    except tomllib.TOMLDecodeError as exc:
        raise BadSetting(f"CONTROLTOWER_CONFIG: {path} is not valid TOML: {exc}") from exc


def _parse(name: str, value: Any) -> Any:
    match name:
        case "home":
            return Path(str(value))
        case "http" | "otlp_http" | "otlp_grpc":
            return _address(name, str(value))
        case "ingest_access":
            return _one_of(name, str(value), ACCESS)
        case "secure_cookies":
            return _yes(name, value)
        case "allowed_hosts":
            items = value if isinstance(value, list) else str(value).split(",")
            return tuple(str(item).strip() for item in items if str(item).strip())
        case "max_body_mib":
            return _whole(name, value, least=1)
        case "proxies" | "replay_approval_above":
            return _whole(name, value, least=0)
        case "link_attributes":
            return _pairs(name, value)
        case "hook_secrets":
            return _table(name, value)
        case _:
            return str(value)


def _address(name: str, value: str) -> Address:
    host, colon, port = value.rpartition(":")
    if not colon or not host or not (port.isascii() and port.isdecimal()) or int(port) > 65535:
        raise _wrong(name, value, "an address such as 127.0.0.1:8080")
    return Address(host.strip("[]"), int(port))


def _one_of(name: str, value: str, choices: tuple[str, ...]) -> str:
    if value in choices:
        return value
    raise _wrong(name, value, f"one of {', '.join(choices)}")


def _yes(name: str, value: Any) -> bool:
    word = str(value).casefold()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise _wrong(name, value, "yes or no")


def _whole(name: str, value: Any, *, least: int) -> int:
    try:
        number = int(value)
    except (TypeError, ValueError):
        number = least - 1
    if number < least:
        raise _wrong(name, value, f"a whole number of {least} or more")
    return number


def _pairs(name: str, value: Any) -> dict[str, str]:
    if isinstance(value, Mapping):
        return {str(key): str(kind) for key, kind in value.items()}
    pairs = [item.partition("=") for item in str(value).split(",") if item.strip()]
    if any(not equals or not key.strip() or not kind.strip() for key, equals, kind in pairs):
        raise _wrong(name, value, "attribute=kind pairs, as in order.id=order,rma.id=rma")
    return {key.strip(): kind.strip() for key, _, kind in pairs}


def _table(name: str, value: Any) -> dict[str, object]:
    """A table, or a JSON object in the environment. What it holds is secret and in no message."""
    if isinstance(value, str):
        try:
            value = json.loads(value or "{}")
        except ValueError as exc:
            raise BadSetting(f"{PREFIX}{name.upper()}: not JSON") from exc
    if not isinstance(value, Mapping):
        raise BadSetting(f"{PREFIX}{name.upper()}: expected a JSON object of names and secrets")
    return dict(value)


def _wrong(name: str, value: Any, expected: str) -> BadSetting:
    return BadSetting(f"{PREFIX}{name.upper()}: expected {expected}, found {str(value)!r}")
