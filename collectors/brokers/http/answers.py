"""What an answer says of the message that was sent, and how it is told to a person."""

from __future__ import annotations

from http import HTTPStatus

from collectors.brokers.http.exchanges import Answer
from collectors.brokers.secrets import Secret, hide
from controltower.domain.messages import CONFIRMED, REFUSED, UNAVAILABLE, Delivery

_LATER = frozenset((408, 425, 429))  # as every 5xx: it may work another time
_MAX_QUOTED = 200


def delivery_of(status: int) -> Delivery:
    """What a status says of the message."""
    if 200 <= status < 300:
        return CONFIRMED
    if status in _LATER or status >= 500:
        return UNAVAILABLE
    return REFUSED


def describe(answer: Answer, *secrets: Secret) -> str:
    """The status; how long to wait; why not, in the words of the other side. Holds none of the secrets."""
    parts = [_status_line(answer.status)]
    if 300 <= answer.status < 400:
        parts.append("redirects are not followed")
    if answer.retry_after:
        parts.append(f"Retry-After: {_quote(answer.retry_after, *secrets)}")
    if answer.status >= 400:
        parts.append(_quote(answer.body.decode("utf-8", "replace"), *secrets))
    return ", ".join(part for part in parts if part)


def _status_line(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _quote(text: str, *secrets: Secret) -> str:
    """Somebody else's words on one line; cut only after the secrets are out, or half of one could remain."""
    line = " ".join(hide(text, *secrets).split())[:_MAX_QUOTED]
    return "".join(char if char.isprintable() else "\ufffd" for char in line)
