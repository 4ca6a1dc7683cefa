"""Why EDI was refused."""

from __future__ import annotations

from controltower.domain.errors import BadPayload


class BadEdi(BadPayload):
    """The bytes are no EDI that can be read; `reason` says which rule they break, the message where."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
