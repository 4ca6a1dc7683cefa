"""What an ingest edge answers when it refuses a request: the one place that maps errors to status codes."""

from __future__ import annotations

from typing import NamedTuple

from controltower.domain.errors import (
    BadPayload,
    ControlTowerError,
    Forbidden,
    NotFound,
    Overloaded,
    PayloadTooLarge,
    StoreUnavailable,
    UnsupportedMedia,
)

STORE_RETRY_SECONDS = 5  # a store that went away rarely returns within a second


class Unauthorized(ControlTowerError):
    """The request carries no token, or one that is not valid here."""

    reason = "unauthorized"


class Refusal(NamedTuple):
    """An HTTP status with its reason; `retry_after` seconds is 0 when the same request never helps."""

    status: int
    reason: str
    message: str
    retry_after: int = 0


_STATUSES: dict[type[ControlTowerError], int] = {
    BadPayload: 400,
    Unauthorized: 401,
    Forbidden: 403,
    NotFound: 404,
    PayloadTooLarge: 413,
    UnsupportedMedia: 415,
    Overloaded: 429,
    StoreUnavailable: 503,
}


def refusal_of(error: ControlTowerError) -> Refusal:
    """How to answer `error`; errors that no sender can cause are raised again."""
    status = next((_STATUSES[kind] for kind in type(error).__mro__ if kind in _STATUSES), None)
    if status is None:
        raise error
    retry_after = 0
    if isinstance(error, Overloaded):
        retry_after = error.retry_after
    elif isinstance(error, StoreUnavailable):
        retry_after = STORE_RETRY_SECONDS
    return Refusal(status, error.reason, str(error) or error.reason, retry_after)
