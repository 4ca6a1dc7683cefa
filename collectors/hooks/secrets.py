"""The secrets of webhooks, as settings hand them over. They are never part of a message or a log."""

from __future__ import annotations

from collections.abc import Container
from collections.abc import Mapping as Table
from dataclasses import dataclass, field

import msgspec

from collectors.mapping.declared import SCHEMES, Strict, VerifyTable
from controltower.domain.errors import BadSetting

SETTING = "CONTROLTOWER_HOOK_SECRETS"
DEFAULT = VerifyTable(scheme="secret", header="x-hook-secret")
SHORTEST = 8


class _Entry(Strict, frozen=True):
    """A hook whose sender is set up otherwise than its mapping says."""

    secret: str | list[str]
    scheme: str = ""
    header: str = ""
    algorithm: str = "sha256"
    encoding: str = "base64"
    prefix: str = ""
    tolerance: int = 300


@dataclass(frozen=True, slots=True)
class HookSecret:
    """What a hook's sender knows, and how it says so when that is not for the mapping to say."""

    secrets: tuple[str, ...] = field(repr=False)  # any of them will do: that is how one is changed
    verify: VerifyTable | None = None


def read_secrets(declared: Table[str, object], hooks: Container[str]) -> dict[str, HookSecret]:
    """The secrets by hook; raises BadSetting, which names the hook and nothing of its secret.

    A secret for a hook that does not exist is refused: by a typing error, some other hook would stay closed.
    """
    for name in declared:
        if name not in hooks:
            raise BadSetting(f"{SETTING}: {name}: there is no mapping of that name")
    return {name: _read(name, value) for name, value in declared.items()}


def _read(name: str, value: object) -> HookSecret:
    if isinstance(value, dict):
        return _from_table(name, value)
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
        raise BadSetting(f"{SETTING}: {name}: expected a text, a list of texts or a table")
    if any(len(text) < SHORTEST for text in texts):
        raise BadSetting(f"{SETTING}: {name}: expected a secret of at least {SHORTEST} characters")
    return HookSecret(tuple(texts))


def _from_table(name: str, table: dict[str, object]) -> HookSecret:
    try:
        entry = msgspec.convert(table, _Entry)
    except msgspec.ValidationError as exc:
        raise BadSetting(f"{SETTING}: {name}: {exc}") from exc
    secrets = _read(name, entry.secret).secrets
    if not entry.scheme:
        return HookSecret(secrets)
    if entry.scheme not in SCHEMES:
        raise BadSetting(f"{SETTING}: {name}.scheme: expected one of {', '.join(SCHEMES)}")
    if entry.scheme in ("hmac", "secret") and not entry.header:
        raise BadSetting(f"{SETTING}: {name}: missing the key `header`")
    verify = VerifyTable(
        entry.scheme, entry.header, entry.algorithm, entry.encoding, entry.prefix, entry.tolerance
    )
    return HookSecret(secrets, verify)
