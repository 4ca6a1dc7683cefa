"""What can be wrong with a mapping, and with a document that goes through one."""

from __future__ import annotations

from controltower.domain.errors import BadPayload, ControlTowerError


class BadMapping(ControlTowerError):
    """A mapping has a mistake, or does not fit the file; the message says where and what was expected."""

    reason = "bad_mapping"


class BadDocument(BadPayload):
    """A document says something that its mapping cannot tell; `reason` is low in cardinality."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
