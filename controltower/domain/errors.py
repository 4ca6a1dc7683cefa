"""Every error the tower raises on purpose.

`reason` is low in cardinality (it becomes a metric label and an API code); `retryable` says whether
the same request may succeed later without being changed.
"""

from __future__ import annotations


class ControlTowerError(Exception):
    """Base of every error we raise on purpose."""

    reason = "internal"
    retryable = False


class BadPayload(ControlTowerError):
    """The bytes cannot be understood; sending them again unchanged will not help."""

    reason = "bad_payload"


class UnsupportedMedia(ControlTowerError):
    """The content type or encoding is not one that this address takes."""

    reason = "unsupported_media"


class PayloadTooLarge(ControlTowerError):
    """The request is larger than the configured limit."""

    reason = "payload_too_large"


class NotFound(ControlTowerError):
    """What was asked for is not in the store."""

    reason = "not_found"


class Conflict(ControlTowerError):
    """The thing to change is no longer in the state that the change expects."""

    reason = "conflict"


class Forbidden(ControlTowerError):
    """The caller is known, but its role does not allow this."""

    reason = "forbidden"


class StoreUnavailable(ControlTowerError):
    """The lineage store did not answer or could not write; nothing of the request was kept."""

    reason = "store_unavailable"
    retryable = True


class Overloaded(ControlTowerError):
    """More is waiting to be stored than memory allows; `retry_after` seconds is a fair wait."""

    reason = "overloaded"
    retryable = True

    def __init__(self, message: str, *, retry_after: int = 1) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class BadProcess(ControlTowerError):
    """A process file has a mistake; the message names the file, the key and what was expected."""

    reason = "bad_process"


class BadFailureRule(ControlTowerError):
    """A failure rule has a mistake; the message names where it is and what was expected there."""

    reason = "bad_failure_rule"


class BadSetting(ControlTowerError):
    """A setting has a value that the tower refuses to start with."""

    reason = "bad_setting"
