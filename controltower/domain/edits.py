"""Edits of messages: which fields they change, and which headers may be changed at all."""

from __future__ import annotations

import json
from typing import Literal

from controltower.domain.messages import (
    CORRELATION_ID,
    IDEMPOTENCY_KEY,
    REPLAY_ATTEMPT,
    REPLAY_OF,
    Message,
)

Access = Literal["locked", "sensitive", "free"]
MOST_FIELDS = 5

_LOCKED = frozenset((IDEMPOTENCY_KEY, REPLAY_OF, REPLAY_ATTEMPT, "x-death", "content-length", "host"))
_SENSITIVE = frozenset((CORRELATION_ID, "traceparent", "message-id", "reply-to", "content-type", "ce-id"))
_SENSITIVE_PARTS = ("nservicebus.", "routing", "partition", "x-original", "kafka_")
_SECRET_PARTS = ("authorization", "cookie", "signature", "secret", "token", "password", "api-key", "apikey")


def access_to(header: str) -> Access:
    """Whether a header may be edited: locked, sensitive (whoever edits it is warned) or free."""
    name = header.casefold()
    if name in _LOCKED or is_secret(name):
        return "locked"
    if name in _SENSITIVE or any(part in name for part in _SENSITIVE_PARTS):
        return "sensitive"
    return "free"


def is_secret(header: str) -> bool:
    """Whether the value of a header proves who somebody is, so that no screen shows it."""
    name = header.casefold()
    return any(part in name for part in _SECRET_PARTS)


def changed_fields(before: Message, after: Message) -> tuple[str, ...]:
    """What an edit changed, sorted: top-level fields of a JSON object, "body" for any other, headers by name.
    """
    found = {
        f"header {name}" for name, _ in set(before.headers) ^ set(after.headers)
    }
    if before.body != after.body:
        found |= _changed_in_body(before.body, after.body)
    return tuple(sorted(found))


def remedy_of(before: Message, after: Message) -> str:
    """The name by which fix memory remembers an edit."""
    fields = changed_fields(before, after)
    more = f" and {len(fields) - MOST_FIELDS} more" if len(fields) > MOST_FIELDS else ""
    return f"edit of {', '.join(fields[:MOST_FIELDS])}{more}"


def _changed_in_body(before: bytes, after: bytes) -> set[str]:
    try:
        old, new = json.loads(before), json.loads(after)
    except (ValueError, RecursionError):
        return {"body"}
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return {"body"}
    return {key for key in old.keys() | new.keys() if old.get(key) != new.get(key)} or {"layout"}
