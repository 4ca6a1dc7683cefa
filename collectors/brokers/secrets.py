"""Credentials of connections: what holds one shows nothing of it."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote, unquote

from collectors.brokers.protocol import ConnectionLost

HIDDEN = "***"


class Secret:
    """A text that is in no repr, no log and no message; `reveal` is for the client library alone."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The text itself."""
        return self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __repr__(self) -> str:
        return f"Secret({HIDDEN})"

    __str__ = __repr__


def hide(text: str, *secrets: Secret) -> str:
    """`text` without any of the secrets, nor a part that proves who somebody is when a secret is a URL."""
    parts = {part for secret in secrets for part in _telling_parts(secret.reveal())}
    for part in sorted(parts, key=len, reverse=True):
        text = text.replace(part, HIDDEN)
    return text


def connection_lost(name: str, why: BaseException | str, *secrets: Secret) -> ConnectionLost:
    """The error to raise when the connection of that name does not work, without any of the secrets."""
    text = why if isinstance(why, str) else str(why) or type(why).__name__
    return ConnectionLost(f"{name}: {hide(text, *secrets)}")


def _telling_parts(value: str) -> Iterator[str]:
    if value:
        yield value
    _, is_url, rest = value.partition("://")
    user_info, has_user, _ = rest.rpartition("@")
    if not is_url or not has_user:
        return
    user, has_password, password = user_info.partition(":")
    # Without a password, the user is a token: nats://TOKEN@host.
    for part in (user_info, password if has_password else user):
        yield from filter(None, {part, unquote(part), quote(unquote(part), safe="")})
